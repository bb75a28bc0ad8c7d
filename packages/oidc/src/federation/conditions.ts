/**
 * Whether the claims of a token meet every condition, each `claim=value`. `*` stands for anything up to the next `/` or
 * `:`, `**` for anything: `repository=acme/*` takes no repository of `acme-evil`. A claim that is absent, a list or an
 * object meets no condition.
 */
export function unmetCondition(
  claims: Readonly<Record<string, unknown>>,
  conditions: readonly string[],
): string | null {
  return conditions.find((condition) => !meets(claims, condition)) ?? null;
}

/** Longer values are compared with nothing. */
const valueCharactersMax = 2_000;

function meets(claims: Readonly<Record<string, unknown>>, condition: string): boolean {
  const at = condition.indexOf('=');
  const claim = condition.slice(0, at);
  if (at < 1 || !Object.hasOwn(claims, claim)) return false;
  const value = textOf(claims[claim]);
  return value !== null && value.length <= valueCharactersMax && fits(condition.slice(at + 1), value);
}

function textOf(value: unknown): string | null {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : null;
}

/** Compares in time that grows with pattern × value, whatever is in them: a pattern is no regular expression. */
function fits(pattern: string, value: string): boolean {
  const parts = pattern.match(/\*\*|\*|[^*]/gs) ?? [];
  // reached[i]: the parts so far fit the first i characters.
  let reached = Array.from({ length: value.length + 1 }, (_, index) => index === 0);
  for (const part of parts) reached = after(part, reached, value);
  return reached[value.length] === true;
}

function after(part: string, before: readonly boolean[], value: string): boolean[] {
  const next: boolean[] = [];
  for (let index = 0; index <= value.length; index += 1) {
    const last = value[index - 1];
    const comesFrom = index > 0 && before[index - 1] === true;
    if (part === '**') next.push(before[index] === true || (index > 0 && next[index - 1] === true));
    else if (part === '*')
      next.push(
        before[index] === true || (index > 0 && next[index - 1] === true && last !== '/' && last !== ':'),
      );
    else next.push(comesFrom && last === part);
  }
  return next;
}

/**
 * Whether the claims of a token meet every condition, each `claim=value`. `*` stands for anything up to the next `/` or
 * `:`, `**` for anything: `repository=acme/*` takes no repository of `acme-evil`. A claim that is absent, a list or an
 * object meets no condition, and neither does one of more than a thousand characters.
 */
export function unmetCondition(
  claims: Readonly<Record<string, unknown>>,
  conditions: readonly string[],
): string | null {
  return conditions.find((condition) => !meets(claims, condition)) ?? null;
}

const [slash, colon] = [0x2f, 0x3a];
/** Longer values are compared with nothing. */
const valueCharactersMax = 1_000;

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

/**
 * Looks through the value once for each wildcard and for each text between them, whatever is in them: a pattern is no
 * regular expression, and whoever writes one must not make everybody else wait.
 */
function fits(pattern: string, value: string): boolean {
  const parts = pattern.match(/\*\*|\*|[^*]+/gs) ?? [];
  // reached[i] is 1: the parts so far fit the first i characters.
  let reached = new Uint8Array(value.length + 1);
  reached[0] = 1;
  for (const part of parts)
    reached = part.startsWith('*') ? afterWildcard(part, reached, value) : afterText(part, reached, value);
  return reached[value.length] === 1;
}

function afterWildcard(wildcard: string, before: Uint8Array, value: string): Uint8Array<ArrayBuffer> {
  const next = new Uint8Array(before);
  for (let index = 1; index <= value.length; index += 1) {
    const last = value.charCodeAt(index - 1);
    const goesOn = wildcard === '**' || (last !== slash && last !== colon);
    if (next[index - 1] === 1 && goesOn) next[index] = 1;
  }
  return next;
}

/** Finds the text as Knuth, Morris and Pratt do, so that a character of the value is looked at about twice. */
function afterText(text: string, before: Uint8Array, value: string): Uint8Array<ArrayBuffer> {
  const next = new Uint8Array(value.length + 1);
  const shorter = beginningsThatEnd(text);
  let fitting = 0;
  for (let index = 0; index < value.length; index += 1) {
    const character = value.charCodeAt(index);
    while (fitting > 0 && text.charCodeAt(fitting) !== character) fitting = shorter[fitting - 1] ?? 0;
    if (text.charCodeAt(fitting) === character) fitting += 1;
    if (fitting < text.length) continue;
    if (before[index + 1 - text.length] === 1) next[index + 1] = 1;
    fitting = shorter[fitting - 1] ?? 0;
  }
  return next;
}

/** At each character: how long the longest beginning of the text is, short of all so far, that ends there. */
function beginningsThatEnd(text: string): Uint16Array {
  const lengths = new Uint16Array(text.length);
  for (let index = 1, length = 0; index < text.length; index += 1) {
    const character = text.charCodeAt(index);
    while (length > 0 && text.charCodeAt(length) !== character) length = lengths[length - 1] ?? 0;
    if (text.charCodeAt(length) === character) length += 1;
    lengths[index] = length;
  }
  return lengths;
}

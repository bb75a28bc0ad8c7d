import type { StatusCause } from '../api/status-error.ts';

/** Collects field errors in upstream's wording (k8s.io/apimachinery/pkg/util/validation/field). */
export interface Problems {
  readonly causes: StatusCause[];
  required(path: string, detail?: string): void;
  invalid(path: string, value: unknown, detail: string): void;
  notSupported(path: string, value: unknown, supported: readonly string[]): void;
  forbidden(path: string, detail: string): void;
  duplicate(path: string, value: unknown): void;
  notFound(path: string, value: unknown): void;
  tooLong(path: string, bytesMax: number): void;
}

/** An empty collection. */
export function collectProblems(): Problems {
  const causes: StatusCause[] = [];
  const add = (reason: string, path: string, message: string) =>
    void causes.push({ reason, message, field: path });
  return {
    causes,
    required: (path, detail = '') => add('FieldValueRequired', path, withDetail('Required value', detail)),
    invalid: (path, value, detail) =>
      add('FieldValueInvalid', path, withDetail(`Invalid value: ${show(value)}`, detail)),
    notSupported: (path, value, supported) => {
      const detail = `supported values: ${supported.map((item) => JSON.stringify(item)).join(', ')}`;
      add('FieldValueNotSupported', path, `Unsupported value: ${show(value)}: ${detail}`);
    },
    forbidden: (path, detail) => add('FieldValueForbidden', path, withDetail('Forbidden', detail)),
    duplicate: (path, value) => add('FieldValueDuplicate', path, `Duplicate value: ${show(value)}`),
    notFound: (path, value) => add('FieldValueNotFound', path, `Not found: ${show(value)}`),
    tooLong: (path, bytesMax) =>
      add('FieldValueTooLong', path, `Too long: may not be more than ${bytesMax} bytes`),
  };
}

/** JSON with sorted keys, as Go writes maps. Equal values give equal text. */
export function show(value: unknown): string {
  return (
    JSON.stringify(value, (_, item: unknown) =>
      typeof item === 'object' && item !== null && !Array.isArray(item)
        ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
        : item,
    ) ?? 'null'
  );
}

/** Whether two values are the same JSON. */
export function sameJson(a: unknown, b: unknown): boolean {
  return show(a ?? null) === show(b ?? null);
}

/** Reports a field that may never change. */
export function checkImmutable(
  path: string,
  change: { now: unknown; before: unknown },
  problems: Problems,
): void {
  if (!sameJson(change.now, change.before)) problems.invalid(path, change.now ?? null, 'field is immutable');
}

/** Reports each message about one value. */
export function checkFormat(
  path: string,
  value: unknown,
  check: { messages: readonly string[]; problems: Problems },
): void {
  for (const message of check.messages) check.problems.invalid(path, value, message);
}

function withDetail(text: string, detail: string): string {
  return detail === '' ? text : `${text}: ${detail}`;
}

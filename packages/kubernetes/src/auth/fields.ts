/**
 * Narrow reads of JSON whose shape the schema already checked. A value of another type reads as absent, so a rule that
 * looks at a field can never be tripped by an odd object.
 */
export type Json = Record<string, unknown>;

/** The value as an object; an empty one when it is something else. */
export function fieldsOf(value: unknown): Json {
  return isObject(value) ? value : {};
}

/** True for a JSON object (not an array, not null). */
export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The string, or '' when it is absent. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** The list's strings. */
export function stringsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

/** The list's objects. */
export function objectsOf(value: unknown): Json[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

/** The entries of a string map. */
export function stringMapOf(value: unknown): Readonly<Record<string, string>> {
  const entries = Object.entries(fieldsOf(value));
  return Object.fromEntries(
    entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

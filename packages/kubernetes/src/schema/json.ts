/** A JSON object whose fields are looked at one by one. */
export type Json = Record<string, unknown>;

/** Whether a value is a JSON object (no list, no null). */
export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value as an object, or an empty one that is not part of anything. */
export function asJson(value: unknown): Json {
  return isJson(value) ? value : {};
}

/** The objects of a list; empty when the value is no list. */
export function items(value: unknown): Json[] {
  return Array.isArray(value) ? value.filter(isJson) : [];
}

/** The strings of a list; empty when the value is no list. */
export function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

/** The text, or '' as Go would have it for anything unset. */
export function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** Sets a field unless it has a value. */
export function setDefault(object: Json, key: string, value: unknown): void {
  if (object[key] === undefined || object[key] === null) object[key] = value;
}

/** Sets a field that Go does not tell from unset when it is '' or 0. */
export function setDefaultOfZero(object: Json, key: string, value: unknown): void {
  if (object[key] === undefined || object[key] === null || object[key] === '' || object[key] === 0)
    object[key] = value;
}

/** The object at a field, made when it is missing. */
export function ensureJson(object: Json, key: string): Json {
  const existing = object[key];
  if (isJson(existing)) return existing;
  const made: Json = {};
  object[key] = made;
  return made;
}

/** A map whose values are strings, without those that are not. */
export function stringMap(value: unknown): Record<string, string> {
  return Object.fromEntries(
    Object.entries(asJson(value)).flatMap(([key, item]) => (typeof item === 'string' ? [[key, item]] : [])),
  );
}

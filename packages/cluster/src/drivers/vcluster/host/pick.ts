import { fieldOf, isRecord, type Json } from './objects.ts';

/** Fields of an object, and of what is in them: `true` for the whole field; of a list, what is kept of each of its items. */
export interface Shape {
  readonly [field: string]: true | Shape;
}

/** The object with those of these fields that it has, and no others. */
export function pick(object: Json, shape: Shape): Json {
  const fields = Object.entries(shape).map(([field, within]) => [
    field,
    part(fieldOf(object, field), within),
  ]);
  return Object.fromEntries(fields.filter(([, value]) => value !== undefined));
}

function part(value: unknown, within: true | Shape): unknown {
  if (within === true || value === undefined) return value;
  if (Array.isArray(value)) return value.filter(isRecord).map((item) => pick(item, within));
  return isRecord(value) ? pick(value, within) : undefined;
}

import { QuantityError, canonicalQuantity } from './quantity.ts';
import { fieldSchema, structOf, typeNameOf, typeSchema } from './type-table.ts';
import type { FieldSchema, TypeSchema } from './type-table.ts';

/**
 * A copy of the object as it would look after a round trip through upstream's Go types: unknown fields and nulls are gone, so are
 * empty values of `omitempty` fields that Go cannot tell from unset, quantities are canonical and times in UTC.
 * Kinds without a schema come back unchanged.
 */
export function prune<T extends { apiVersion: string; kind: string }>(object: T): T {
  const type = typeSchema(typeNameOf(object.apiVersion, object.kind));
  if (!type) return object;
  // Only leaves out fields that the kind's type marks as optional.
  return { ...pruneStruct(object, type), apiVersion: object.apiVersion, kind: object.kind } as T;
}

function pruneStruct(value: object, type: TypeSchema): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [name, child] of Object.entries(value)) {
    const field = fieldSchema(type, name);
    if (!field || child === null || child === undefined) continue;
    const pruned = pruneValue(child, field.type);
    if (!omitted(pruned, field)) result[name] = pruned;
  }
  return result;
}

function pruneValue(value: unknown, type: string): unknown {
  if (type.startsWith('[]')) {
    return Array.isArray(value) ? value.map((item) => pruneValue(item, type.slice(2))) : value;
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    if (type.startsWith('{}')) {
      return Object.fromEntries(
        Object.entries(value).map(([key, item]) => [key, mapValue(item, type.slice(2))]),
      );
    }
    const struct = structOf(type);
    const schema = struct === undefined ? undefined : typeSchema(struct);
    return schema ? pruneStruct(value, schema) : value;
  }
  return pruneScalar(value, type);
}

/** A null in a map becomes Go's zero value. */
function mapValue(value: unknown, type: string): unknown {
  if (value !== null) return pruneValue(value, type);
  return type === 'string' || type === 'bytes' ? '' : type === 'quantity' ? '0' : value;
}

function pruneScalar(value: unknown, type: string): unknown {
  if (type === 'quantity' && (typeof value === 'string' || typeof value === 'number')) {
    try {
      return canonicalQuantity(value);
    } catch (error) {
      if (error instanceof QuantityError) return value;
      throw error;
    }
  }
  if (type === 'time' && typeof value === 'string' && !/^[\d-]+T[\d:]+Z$/.test(value)) {
    const time = Date.parse(value);
    return Number.isNaN(time) ? value : `${new Date(time).toISOString().slice(0, 19)}Z`;
  }
  return value;
}

function omitted(value: unknown, field: FieldSchema): boolean {
  if (field.omit !== true || field.pointer === true) return false;
  if (value === '' || value === 0 || value === false) return field.type !== 'intOrString';
  if (Array.isArray(value)) return value.length === 0;
  return (
    field.type.startsWith('{}') &&
    typeof value === 'object' &&
    value !== null &&
    Object.keys(value).length === 0
  );
}

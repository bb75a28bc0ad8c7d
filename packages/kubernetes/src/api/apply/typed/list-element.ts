import { isRecord } from '../../registry/object.ts';
import type { ListShape } from './shape.ts';

/** Defaults of fields that tell list elements apart; there are no others in the built-in kinds. */
const keyDefaults = new Map<string, unknown>([['protocol', 'TCP']]);

/** The path element of a list's element, or the key field that it lacks. */
export function elementKey(shape: ListShape, item: unknown): { key: string } | { missing: string } {
  if (shape.keys.length === 0) return { key: `v:${JSON.stringify(item)}` };
  const found: Record<string, unknown> = {};
  for (const name of shape.keys) {
    const value = (isRecord(item) ? item[name] : undefined) ?? keyDefaults.get(name);
    if (value === undefined) return { missing: name };
    found[name] = value;
  }
  return { key: `k:${JSON.stringify(found)}` };
}

/** A list's elements by path element; one without its key fields goes by its place. */
export function indexList(
  shape: ListShape,
  list: readonly unknown[],
): { keys: string[]; byKey: Map<string, unknown[]> } {
  const byKey = new Map<string, unknown[]>();
  const keys = list.map((item, place) => {
    const found = elementKey(shape, item);
    const key = 'key' in found ? found.key : `i:${place}`;
    const same = byKey.get(key);
    if (same) same.push(item);
    else byKey.set(key, [item]);
    return key;
  });
  return { keys, byKey };
}

import { isRecord } from '../../registry/object.ts';
import { indexList } from './list-element.ts';
import { childShape, resolve, type ListShape, type Shape } from './shape.ts';

/** The live value with the configuration laid over it; neither is altered. */
export function merge(live: unknown, config: unknown, given: Shape): unknown {
  if (config === undefined) return live;
  if (live === undefined || config === null) return config;
  const shape = given.kind === 'any' && !isRecord(live) ? resolve(given, null) : resolve(given, config);
  if (shape.kind === 'leaf') return config;
  if (shape.kind === 'list')
    return Array.isArray(live) && Array.isArray(config) ? mergeLists(live, config, shape) : config;
  if (!isRecord(live) || !isRecord(config)) return config;
  const result: Record<string, unknown> = { ...live };
  for (const [name, value] of Object.entries(config)) {
    const inner = childShape(shape, name);
    if (inner) result[name] = merge(live[name], value, inner);
  }
  return result;
}

/** Keeps the order of the configuration for its elements, and the others where they were relative to shared ones. */
function mergeLists(live: readonly unknown[], config: readonly unknown[], shape: ListShape): unknown[] {
  const left = indexList(shape, live);
  const right = indexList(shape, config);
  const merged = new Set<string>();
  const shared = right.keys.filter((key) => left.byKey.has(key));
  const result: unknown[] = [];
  let turn = 0;
  const take = (key: string): void => {
    merged.add(key);
    const old = left.byKey.get(key);
    result.push(merge(old?.length === 1 ? old[0] : undefined, right.byKey.get(key)?.[0], shape.element));
    if (shared[turn] === key) turn++;
  };
  let l = 0;
  let r = 0;
  while (l < left.keys.length || r < right.keys.length) {
    const old = left.keys[l];
    const wanted = right.keys[r];
    if (old !== undefined && old === wanted) {
      take(old);
      l++;
      r++;
    } else if (
      old !== undefined &&
      wanted !== undefined &&
      right.byKey.has(old) &&
      shared[turn] !== undefined &&
      shared[turn] !== old
    ) {
      // Shared, but its turn comes later, in the order of the configuration.
      l++;
    } else if (old !== undefined && !right.byKey.has(old)) {
      result.push(live[l]);
      l++;
    } else {
      if (old !== undefined && merged.has(old)) l++;
      if (wanted !== undefined) {
        take(wanted);
        r++;
      }
    }
  }
  return result;
}

import { copyJson, isRecord, sameJson } from '../registry/object.ts';
import { childNode, elementNode, strategyOf, type SchemaNode } from '../../schema/merge-keys.ts';
import { PatchProblem } from './json-patch.ts';

type Json = Record<string, unknown>;

const patchDirective = '$patch';
const retainKeys = '$retainKeys';
const deleteFromPrefix = '$deleteFromPrimitiveList/';
const orderPrefix = '$setElementOrder/';

/**
 * Strategic merge patch (k8s.io/apimachinery/pkg/util/strategicpatch): lists with a merge key merge by it, with the
 * directives `$patch`, `$retainKeys`, `$deleteFromPrimitiveList` and `$setElementOrder`. Alters neither argument.
 * Throws `PatchProblem`.
 */
export function applyStrategicMergePatch(target: Json, patch: Json, root: SchemaNode | undefined): Json {
  return mergeMap(target, patch, { node: root });
}

interface Place {
  /** Undefined outside the schema: maps merge, lists are replaced. */
  node: SchemaNode | undefined;
}

function mergeMap(original: Json, patch: Json, place: Place): Json {
  const directive = patch[patchDirective];
  if (directive === 'replace') return withoutDirectives(patch);
  if (directive === 'delete') return {};
  if (directive !== undefined && directive !== 'merge')
    throw new PatchProblem(`Unknown patch type found: ${String(directive)}`);
  const result = retained(original, patch);
  const orders = new Map<string, unknown[]>();
  for (const [key, value] of Object.entries(patch)) {
    if (key === patchDirective || key === retainKeys) continue;
    if (key.startsWith(orderPrefix)) {
      if (!Array.isArray(value)) throw new PatchProblem(`incorrect patch format for ${key}`);
      orders.set(key.slice(orderPrefix.length), value);
    } else if (key.startsWith(deleteFromPrefix))
      deleteFrom(result, key.slice(deleteFromPrefix.length), value);
  }
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith('$')) continue;
    mergeField(result, { key, value, order: orders.get(key) }, place);
    orders.delete(key);
  }
  for (const [key, order] of orders) {
    const list = result[key];
    if (Array.isArray(list))
      result[key] = reorder(list, { order, original: list, place: inside(place, key) });
  }
  return result;
}

function mergeField(
  result: Json,
  field: { key: string; value: unknown; order: unknown[] | undefined },
  place: Place,
): void {
  const { key, value, order } = field;
  const before = result[key];
  if (value === null) {
    delete result[key];
    return;
  }
  const here = inside(place, key);
  if (isRecord(value)) {
    if (isRecord(before) && replaces(here)) result[key] = withoutDirectives(value);
    else if (isRecord(before)) result[key] = mergeMap(before, value, here);
    else if (value[patchDirective] === 'delete') delete result[key];
    else result[key] = withoutDirectives(mergeMap({}, value, here));
    return;
  }
  if (!Array.isArray(value)) {
    result[key] = value;
    return;
  }
  const strategy = here.node && strategyOf(here.node);
  if (!strategy?.patchStrategies.includes('merge')) {
    result[key] = stripList(value);
    return;
  }
  const original = Array.isArray(before) ? before : [];
  const merged =
    strategy.patchMergeKey === undefined
      ? mergePrimitives(original, value)
      : mergeByKey(original, value, {
          node: here.node && elementNode(here.node),
          key: strategy.patchMergeKey,
        });
  result[key] = order ? reorder(merged, { order, original, place: here }) : merged;
}

/** Structs that a patch sets as a whole, such as a PodDisruptionBudget's selector. */
function replaces({ node }: Place): boolean {
  return node !== undefined && strategyOf(node).patchStrategies.includes('replace');
}

function inside(place: Place, key: string): Place {
  return { node: place.node && childNode(place.node, key) };
}

/** `$retainKeys` drops every other key of the original. */
function retained(original: Json, patch: Json): Json {
  const keys = patch[retainKeys];
  if (keys === undefined) return { ...original };
  if (!Array.isArray(keys)) throw new PatchProblem('invalid patch format of $retainKeys');
  for (const key of Object.keys(patch)) {
    if (!key.startsWith('$') && patch[key] !== null && !keys.includes(key))
      throw new PatchProblem('patch contains key that is not in $retainKeys list');
  }
  return Object.fromEntries(Object.entries(original).filter(([key]) => keys.includes(key)));
}

function deleteFrom(result: Json, key: string, values: unknown): void {
  if (!Array.isArray(values)) throw new PatchProblem('invalid patch format of $deleteFromPrimitiveList');
  const list = result[key];
  if (Array.isArray(list))
    result[key] = list.filter((item) => !values.some((value) => sameJson(item, value)));
}

function mergePrimitives(original: unknown[], patch: unknown[]): unknown[] {
  const result = [...original];
  for (const value of patch) if (!result.some((item) => sameJson(item, value))) result.push(value);
  return result;
}

function mergeByKey(
  original: unknown[],
  patch: unknown[],
  { key, ...place }: Place & { key: string },
): unknown[] {
  if (patch.some((item) => isRecord(item) && item[patchDirective] === 'replace' && item[key] === undefined)) {
    return stripList(
      patch.filter(
        (item) => !(isRecord(item) && item[patchDirective] === 'replace' && item[key] === undefined),
      ),
    );
  }
  let result = [...original];
  for (const item of patch) {
    if (!isRecord(item))
      throw new PatchProblem('all list elements need to be the same type: map[string]interface {}');
    const value = item[key];
    if (value === undefined)
      throw new PatchProblem(`map: ${JSON.stringify(item)} does not contain declared merge key: ${key}`);
    const same = (other: unknown): boolean => isRecord(other) && sameJson(other[key], value);
    if (item[patchDirective] === 'delete') {
      result = result.filter((other) => !same(other));
      continue;
    }
    const index = result.findIndex(same);
    const known = result[index];
    if (isRecord(known)) result[index] = mergeMap(known, item, place);
    else result.push(withoutDirectives(mergeMap({}, item, place)));
  }
  return result;
}

/** Items named by the patch take its order; the server's own items keep their place after what they followed. */
function reorder(
  merged: unknown[],
  options: { order: unknown[]; original: unknown[]; place: Place },
): unknown[] {
  const { order, original, place } = options;
  const key = place.node && strategyOf(place.node).patchMergeKey;
  const identity = (item: unknown): unknown => (key !== undefined && isRecord(item) ? item[key] : item);
  const wanted = order.map(identity);
  const rank = (item: unknown): number => wanted.findIndex((value) => sameJson(value, identity(item)));
  const ordered = merged.filter((item) => rank(item) >= 0).toSorted((a, b) => rank(a) - rank(b));
  const originalRank = (item: unknown): number =>
    original.findIndex((other) => sameJson(identity(other), identity(item)));
  const serverOnly = merged.filter((item) => rank(item) < 0);
  const result: unknown[] = [];
  let next = 0;
  for (const item of serverOnly) {
    const limit = originalRank(item);
    while (next < ordered.length) {
      const candidate = originalRank(ordered[next]);
      if (candidate > limit) break;
      result.push(ordered[next]);
      next++;
    }
    result.push(item);
  }
  return [...result, ...ordered.slice(next)];
}

function stripList(list: unknown[]): unknown[] {
  return list
    .filter((item) => !(isRecord(item) && item[patchDirective] === 'delete'))
    .map((item) => (isRecord(item) ? withoutDirectives(item) : copyJson(item)));
}

function withoutDirectives(value: Json): Json {
  const result: Json = {};
  for (const [key, inner] of Object.entries(value)) {
    if (
      key === patchDirective ||
      key === retainKeys ||
      key.startsWith(deleteFromPrefix) ||
      key.startsWith(orderPrefix)
    )
      continue;
    if (inner === null) continue;
    result[key] = isRecord(inner)
      ? withoutDirectives(inner)
      : Array.isArray(inner)
        ? stripList(inner)
        : inner;
  }
  return result;
}

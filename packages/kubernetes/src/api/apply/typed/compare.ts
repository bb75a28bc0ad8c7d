import { isRecord, sameJson } from '../../registry/object.ts';
import { leaf, type FieldSet, type MaybeFields } from './field-set.ts';
import { everyField } from './fields-of.ts';
import { indexList } from './list-element.ts';
import { childShape, resolve, type ListShape, type Shape } from './shape.ts';

/** What differs between two states of an object. */
export interface Diff {
  added?: MaybeFields;
  removed?: MaybeFields;
  modified?: MaybeFields;
}

type MutableDiff = { [part in keyof Diff]: Record<string, FieldSet> };

const modifiedLeaf: Diff = { modified: leaf };
const parts = ['added', 'removed', 'modified'] as const;

/** Compares field by field; undefined when nothing differs. `undefined` stands for an absent value. */
export function compare(before: unknown, after: unknown, given: Shape): Diff | undefined {
  if (before === after) return undefined;
  if (before === undefined) return { added: everyField(after, given) };
  if (after === undefined) return { removed: everyField(before, given) };
  const shape =
    given.kind === 'any' && isRecord(before) !== isRecord(after)
      ? resolve(given, null)
      : resolve(given, after);
  if (shape.kind === 'leaf' || (isEmpty(before) && isEmpty(after)))
    return sameJson(before, after) ? undefined : modifiedLeaf;
  return shape.kind === 'list' ? compareLists(before, after, shape) : compareRecords(before, after, shape);
}

function compareRecords(before: unknown, after: unknown, shape: Shape): Diff | undefined {
  const old = isRecord(before) ? before : {};
  const now = isRecord(after) ? after : {};
  let result: MutableDiff | undefined;
  const visit = (name: string): void => {
    const a = old[name];
    const b = now[name];
    if (a === b) return;
    const inner = childShape(shape, name);
    if (!inner) return;
    const zero =
      shape.kind === 'struct' && (a === undefined || b === undefined) ? shape.field(name)?.zero : undefined;
    const diff = compare(a === undefined ? zero : a, b === undefined ? zero : b, inner);
    if (diff) result = put(result, `f:${name}`, diff);
  };
  for (const name in old) visit(name);
  for (const name in now) if (!Object.hasOwn(old, name)) visit(name);
  return result;
}

function compareLists(before: unknown, after: unknown, shape: ListShape): Diff | undefined {
  const old = indexList(shape, Array.isArray(before) ? before : []).byKey;
  const now = indexList(shape, Array.isArray(after) ? after : []).byKey;
  let result: MutableDiff | undefined;
  for (const key of new Set([...old.keys(), ...now.keys()])) {
    const diff = compareElements(old.get(key) ?? [], now.get(key) ?? [], shape.element);
    if (diff) result = put(result, key, diff);
  }
  return result;
}

/** Elements of one key; more than one are owned together. */
function compareElements(
  before: readonly unknown[],
  after: readonly unknown[],
  element: Shape,
): Diff | undefined {
  if (before.length <= 1 && after.length <= 1) return compare(before[0], after[0], element);
  if (before.length === 0) return { added: leaf };
  if (after.length === 0) return { removed: leaf };
  return sameJson(before, after) ? undefined : modifiedLeaf;
}

function put(result: MutableDiff | undefined, key: string, diff: Diff): MutableDiff {
  const into = result ?? {};
  for (const part of parts) {
    const set = diff[part];
    if (set === undefined) continue;
    const own = into[part] ?? {};
    own[key] = set;
    into[part] = own;
  }
  return into;
}

function isEmpty(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return !isRecord(value) || Object.keys(value).length === 0;
}

import { isRecord } from '../../registry/object.ts';

/**
 * A set of field paths in the form of `fieldsV1`: keys are path elements (`f:name`, `k:{"name":"web"}`, `v:"text"`, `i:0`). A node
 * without keys is a member; one with keys is a member only with the key `.`. The root itself is never a member, and no set is empty:
 * nothing is `undefined`. Sets are shared between objects and never altered once made.
 */
export interface FieldSet {
  readonly [element: string]: FieldSet;
}

export type MaybeFields = FieldSet | undefined;

/** A member without members below it. */
export const leaf: FieldSet = Object.freeze({});

/** Deeper sets come only from hostile clients. */
const depthMax = 100;

export function isMember(node: FieldSet): boolean {
  return Object.hasOwn(node, '.') || isLeaf(node);
}

export function isLeaf(node: FieldSet): boolean {
  for (const _key in node) return false;
  return true;
}

/** The node as a member. */
export function asMember(node: MaybeFields): FieldSet {
  if (node === undefined) return leaf;
  return isMember(node) ? node : { '.': leaf, ...node };
}

/** The same members below, without the node itself. */
export function withoutSelf(node: FieldSet): MaybeFields {
  if (isLeaf(node)) return undefined;
  const { '.': _self, ...rest } = node;
  return isLeaf(rest) ? undefined : rest;
}

export function union(a: MaybeFields, b: MaybeFields): MaybeFields {
  if (a === undefined || a === b) return b;
  if (b === undefined) return a;
  const result: Record<string, FieldSet> = { ...a };
  for (const key in b) {
    const both = union(a[key], b[key]);
    if (both !== undefined) result[key] = both;
  }
  // A leaf that gets members below it stays a member.
  if (isLeaf(a) !== isLeaf(b)) result['.'] = leaf;
  return result;
}

/** Members of `a` that are none of `b`; what lies below a member of `b` stays. */
export function difference(a: MaybeFields, b: MaybeFields): MaybeFields {
  if (a === undefined || b === undefined) return a;
  return combine(a, { member: isMember(a) && !isMember(b), child: (key, node) => difference(node, b[key]) });
}

/** Members of `a` that are neither members of `b` nor below one. */
export function recursiveDifference(a: MaybeFields, b: MaybeFields): MaybeFields {
  if (a === undefined || b === undefined) return a;
  if (isMember(b)) return undefined;
  return combine(a, { member: isMember(a), child: (key, node) => recursiveDifference(node, b[key]) });
}

export function intersection(a: MaybeFields, b: MaybeFields): MaybeFields {
  if (a === undefined || b === undefined) return undefined;
  return combine(a, { member: isMember(a) && isMember(b), child: (key, node) => intersection(node, b[key]) });
}

/** The set of one path. */
export function pathSet(...elements: string[]): FieldSet {
  return elements.reduceRight<FieldSet>((below, element) => ({ [element]: below }), leaf);
}

/** Every member, in upstream's order: those of one level before what lies below them. */
export function membersOf(set: MaybeFields): string[][] {
  const found: string[][] = [];
  const visit = (node: FieldSet, path: string[]): void => {
    const children = Object.entries(node)
      .filter(([key]) => key !== '.')
      .sort(([a], [b]) => (a < b ? -1 : 1));
    for (const [key, child] of children) if (isMember(child)) found.push([...path, key]);
    for (const [key, child] of children) visit(child, [...path, key]);
  };
  if (set) visit(set, []);
  return found;
}

/** Reads `fieldsV1` as a client sent it; undefined when it is none. */
export function parseFieldSet(value: unknown): { set: MaybeFields } | undefined {
  if (!isRecord(value) || !isFieldSet(value, 0)) return undefined;
  return { set: isLeaf(value) ? undefined : value };
}

function isFieldSet(value: unknown, depth: number): value is FieldSet {
  if (!isRecord(value) || depth > depthMax) return false;
  return Object.keys(value).every((key) => {
    if (key === '.') return isRecord(value[key]) && Object.keys(value[key]).length === 0;
    return /^[fkvi]:/.test(key) && isFieldSet(value[key], depth + 1);
  });
}

function combine(
  a: FieldSet,
  { member, child }: { member: boolean; child: (key: string, node: FieldSet) => MaybeFields },
): MaybeFields {
  const result: Record<string, FieldSet> = {};
  let children = false;
  for (const key in a) {
    const node = a[key];
    if (key === '.' || node === undefined) continue;
    const kept = child(key, node);
    if (kept === undefined) continue;
    result[key] = kept;
    children = true;
  }
  if (!member) return children ? result : undefined;
  return children ? { '.': leaf, ...result } : leaf;
}

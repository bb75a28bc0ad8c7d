import { isRecord } from '../../registry/object.ts';
import {
  difference,
  intersection,
  isMember,
  union,
  withoutSelf,
  type FieldSet,
  type MaybeFields,
} from './field-set.ts';
import { fieldsOf, withNamedParents } from './fields-of.ts';
import { indexList } from './list-element.ts';
import { ownable } from './ownable.ts';
import { childShape, resolve, type Shape } from './shape.ts';

/** The value without the members of the set. A container that becomes empty stays as an empty one. */
export function removeFields(value: unknown, set: MaybeFields, given: Shape): unknown {
  if (set === undefined) return value;
  const shape = resolve(given, value);
  if (shape.kind === 'leaf') return value;
  if (shape.kind === 'list') {
    if (!Array.isArray(value)) return null;
    const { keys } = indexList(shape, value);
    return value.flatMap((item: unknown, place) => {
      const node = set[keys[place] ?? ''];
      if (node === undefined) return [item];
      return isMember(node) ? [] : [removeFields(item, node, shape.element)];
    });
  }
  if (!isRecord(value)) return null;
  const kept: Record<string, unknown> = {};
  for (const [name, item] of Object.entries(value)) {
    const node = set[`f:${name}`];
    if (node === undefined) kept[name] = item;
    else if (!isMember(node))
      kept[name] = removeFields(item, node, childShape(shape, name) ?? { kind: 'any' });
  }
  return kept;
}

interface Pruning {
  shape: Shape;
  /** What the applier owned before. */
  last: MaybeFields;
  /** What all managers own now, the applier's new fields included. */
  managed: MaybeFields;
}

/** Takes out of a merged object what its applier gave up and nobody else owns. */
export function pruneAbandoned(
  merged: Record<string, unknown>,
  { shape, last, managed }: Pruning,
): Record<string, unknown> {
  if (last === undefined) return merged;
  const without = (set: MaybeFields): Record<string, unknown> => {
    const rest = removeFields(merged, keepMetadata(set), shape);
    return isRecord(rest) ? rest : {};
  };
  const fields = (object: Record<string, unknown>): MaybeFields =>
    withNamedParents(fieldsOf(ownable(object), shape), shape);
  const given = withNamedParents(last, shape);
  const all = fields(merged);
  const bare = without(given);
  const owned = without(difference(all, union(fields(bare), withNamedParents(managed, shape))));
  return without(intersection(difference(all, fields(owned)), given));
}

/** An object always has metadata: its name belongs to nobody. */
function keepMetadata(set: MaybeFields): MaybeFields {
  const node = set?.['f:metadata'];
  if (set === undefined || node === undefined || !isMember(node)) return set;
  const { 'f:metadata': _metadata, ...rest } = set;
  const below = withoutSelf(node);
  const result: FieldSet = below ? { ...rest, 'f:metadata': below } : rest;
  return Object.keys(result).length === 0 ? undefined : result;
}

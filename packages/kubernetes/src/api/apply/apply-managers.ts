import { compare } from './typed/compare.ts';
import { applyConflict, type Conflict } from './conflicts.ts';
import { difference, intersection, recursiveDifference, union, type MaybeFields } from './typed/field-set.ts';
import { fieldsOf } from './typed/fields-of.ts';
import { sameManager, type Manager } from './managers.ts';
import { merge } from './typed/merge.ts';
import { ownable } from './typed/ownable.ts';
import { pruneAbandoned } from './typed/remove.ts';
import { isRecord } from '../registry/object.ts';
import type { Shape } from './typed/shape.ts';

type Fields = Record<string, unknown>;

/** One server-side apply. */
export interface Application {
  /** The object as it is; an empty record when there is none. */
  live: Readonly<Fields>;
  config: Readonly<Fields>;
  shape: Shape;
  managers: readonly Manager[];
  /** Who applies; without a set. */
  self: Omit<Manager, 'set'>;
  /** Takes what others own instead of failing. */
  force: boolean;
  /** Fields that this endpoint does not write. */
  reset: MaybeFields;
  /** Conflicts that do not count: fields that the same user applied client-side before. */
  forgiven?: MaybeFields;
}

export interface Applied {
  object: Fields;
  managers: Manager[];
}

/**
 * Merges a configuration into an object and settles who owns what (structured-merge-diff's Apply): what the applier no longer names
 * and nobody else owns goes, what others own and would change is a conflict. Throws the 409.
 */
export function applyConfig(application: Application): Applied {
  const { live, config, shape, self, reset } = application;
  const own = recursiveDifference(fieldsOf(ownable(config), shape), reset);
  const last = application.managers.find((manager) => sameManager(manager, self))?.set;
  const others = application.managers.filter((manager) => !sameManager(manager, self));
  const merged = merge(live, config, shape);
  const managed = others.reduce((all, { set }) => union(all, set), own);
  const object = pruneAbandoned(isRecord(merged) ? merged : {}, { shape, last, managed });
  const diff = compare(ownable(live), ownable(object), shape) ?? {};
  const changed = recursiveDifference(union(diff.added, diff.modified), reset);
  const conflicts = others.flatMap((other): Conflict[] => {
    const set = intersection(other.set, changed);
    return set ? [{ with: other, set }] : [];
  });
  refuse(conflicts, application);
  const lost = union(changed, diff.removed);
  const left = others.map((other) => ({ ...other, set: difference(other.set, lost) }));
  return { object, managers: [...left, { ...self, set: own }] };
}

function refuse(conflicts: readonly Conflict[], { force, forgiven }: Application): void {
  if (force) return;
  const counted = conflicts
    .map((conflict) => ({ ...conflict, set: difference(conflict.set, forgiven) }))
    .filter(({ set }) => set !== undefined);
  if (counted.length > 0) throw applyConflict(counted);
}

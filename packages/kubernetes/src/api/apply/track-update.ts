import type { KubeObject } from '../../types.ts';
import type { Call } from '../deps.ts';
import { kubeTime, sameJson } from '../registry/object.ts';
import { compare, type Diff } from './typed/compare.ts';
import { difference, recursiveDifference, union } from './typed/field-set.ts';
import {
  asksForReset,
  joinOldest,
  readManagers,
  sameManager,
  writeManagers,
  type Manager,
} from './managers.ts';
import { ownable } from './typed/ownable.ts';
import { resetFields } from './reset-fields.ts';
import { shapeOfKind } from './typed/shape.ts';

/**
 * Answers the managedFields of a write that is no apply: the writer owns what it changed, the others lose that. `current` is undefined
 * for a new object. An object that nobody's fields are known of stays so until it is applied.
 */
export function trackUpdate(
  call: Call,
  next: KubeObject,
  current: KubeObject | undefined,
): unknown[] | undefined {
  const given = next.metadata.managedFields;
  const old = current?.metadata.managedFields;
  if (asksForReset(given)) return undefined;
  const wanted =
    given !== undefined && given.length > 0 && !sameJson(given, old) ? readManagers(given) : undefined;
  const base = wanted ?? readManagers(old) ?? [];
  if (current && base.length === 0) return undefined;
  const diff = compare(
    current ? ownable(current) : {},
    ownable(next),
    shapeOfKind(next.apiVersion, next.kind),
  );
  if (diff === undefined) return wanted ? writeManagers(base) : old;
  return writeManagers(joinOldest(tookOver(base, diff, updater(call, next))));
}

/** The identity of whoever writes with this call. */
export function managerOf(
  call: Call,
  operation: Manager['operation'],
  apiVersion: string,
): Omit<Manager, 'set'> {
  return {
    manager: call.fieldManager,
    operation,
    apiVersion,
    time: kubeTime(call.cluster.deps.clock.now()),
    subresource: call.managedSubresource ?? call.subresource,
  };
}

function updater(call: Call, next: KubeObject): Manager {
  return { ...managerOf(call, 'Update', next.apiVersion), set: resetFields(call.info, call.subresource) };
}

/** `self.set` holds the fields that this endpoint does not write. */
function tookOver(
  managers: readonly Manager[],
  { added, modified, removed }: Diff,
  self: Manager,
): Manager[] {
  const changed = recursiveDifference(union(added, modified), self.set);
  const lost = union(changed, removed);
  const left = managers.map((manager) => ({ ...manager, set: difference(manager.set, lost) }));
  if (changed === undefined) return left;
  const mine = left.find((manager) => sameManager(manager, self));
  return [...left.filter((manager) => manager !== mine), { ...self, set: union(mine?.set, changed) }];
}

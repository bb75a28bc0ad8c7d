import {
  covers,
  deleteObject,
  ensureObject,
  listObjects,
  metadataOf,
  type Place,
  type WantedObject,
} from '@hexabase/cluster/ensure-object.ts';
import { ownedPrefixes } from './wanted-objects.ts';

/** Labels by which Kubernetes adds the rules of one ClusterRole to another. */
const aggregation = 'rbac.authorization.k8s.io/aggregate-to-';

/**
 * Makes a collection have exactly the wanted objects: what is missing is made, what was changed is put back, and what is
 * too much under our own names is removed. Everything else stays as it is. A second call writes nothing.
 */
export async function putBack(place: Place, wanted: readonly WantedObject[]): Promise<void> {
  const there = new Map((await listObjects(place)).map((object) => [metadataOf(object).name, object]));
  const names = new Set(wanted.map(({ metadata }) => metadata.name));
  for (const object of wanted) {
    const existing = there.get(object.metadata.name);
    if (existing && isAsWanted(existing, object)) continue;
    // What a binding refers to cannot be changed, and labels that others added are not ours to edit away: made anew.
    if (existing && needsReplacing(existing, object))
      await deleteObject(place, object.metadata.name, metadataOf(existing).uid);
    await ensureObject(place, object);
  }
  for (const [name, object] of there) {
    const isOurs = ownedPrefixes.some((prefix) => name.startsWith(prefix));
    if (isOurs && !names.has(name)) await deleteObject(place, name, metadataOf(object).uid);
  }
}

function isAsWanted(existing: Record<string, unknown>, wanted: WantedObject): boolean {
  return covers(existing, wanted) && !isAggregated(existing) && !('aggregationRule' in existing);
}

function needsReplacing(existing: Record<string, unknown>, { roleRef }: WantedObject): boolean {
  const otherRole = roleRef !== undefined && !covers(existing['roleRef'], roleRef);
  return otherRole || isAggregated(existing) || 'aggregationRule' in existing;
}

function isAggregated(existing: Record<string, unknown>): boolean {
  return Object.keys(metadataOf(existing).labels).some((label) => label.startsWith(aggregation));
}

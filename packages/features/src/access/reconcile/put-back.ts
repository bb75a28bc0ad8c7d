import {
  covers,
  ensureObject,
  listObjects,
  metadataOf,
  replaceObject,
  type WantedObject,
} from '@hexabase/cluster/ensure-object.ts';
import { makeWay, takeAway } from './take-away.ts';
import { catching, named, troubleWith, type Collection, type Trouble } from './trouble.ts';
import { ownedPrefixes } from './wanted-objects.ts';

/** Labels by which Kubernetes adds the rules of one ClusterRole to another. */
const aggregation = 'rbac.authorization.k8s.io/aggregate-to-';

/**
 * Makes a collection have exactly the wanted objects: what is missing is made, what was changed is put back, and what is
 * too much under our own names is removed. Everything else stays as it is. A second call writes nothing. Answers what could
 * not be done; one object that is refused keeps no other from being as it should be.
 */
export async function putBack(place: Collection, wanted: readonly WantedObject[]): Promise<Trouble[]> {
  const { found, error } = await catching(() => listObjects(place));
  if (error) return [troubleWith(error, `${place.kind}s${place.where} cannot be read`, 'other')];
  const there = new Map((found ?? []).map((object) => [metadataOf(object).name, object]));
  const names = new Set(wanted.map(({ metadata }) => metadata.name));
  const troubles: (Trouble | null)[] = [];
  // What was taken away comes first: a cluster that is slow to refuse may leave no time for the rest.
  for (const [name, object] of there) {
    const isOurs = ownedPrefixes.some((prefix) => name.startsWith(prefix));
    if (isOurs && !names.has(name)) troubles.push(await takeAway(place, object));
  }
  for (const object of wanted)
    troubles.push(await putOneBack(place, object, there.get(object.metadata.name) ?? null));
  return troubles.filter((one) => one !== null);
}

/** Makes one object as it is wanted; `existing` is what was read of it. Null when it is, else why not. */
export async function putOneBack(
  place: Collection,
  wanted: WantedObject,
  existing: Record<string, unknown> | null,
): Promise<Trouble | null> {
  if (existing && isAsWanted(existing, wanted)) return null;
  if (existing && needsReplacing(existing, wanted)) {
    const inTheWay = await makeWay(place, existing);
    // What only waits to be gone is effective until then, so it is kept right.
    if (inTheWay && hasRole(existing, wanted)) return (await written(place, wanted, existing)) ?? inTheWay;
    return inTheWay ?? written(place, wanted, null);
  }
  return written(place, wanted, existing);
}

/** Null when it is there as it is wanted. */
async function written(
  place: Collection,
  wanted: WantedObject,
  existing: Record<string, unknown> | null,
): Promise<Trouble | null> {
  const what = named(place, wanted);
  const { found, error } = await catching(async () => {
    if (existing && isAggregating(existing)) await replaceObject(place, withoutAggregation(existing));
    return ensureObject(place, wanted);
  });
  const gives = existing ? 'other' : 'less';
  if (error) return troubleWith(error, existing ? `${what} is not as decided` : `${what} is missing`, gives);
  if (found && covers(found, wanted) && !isAggregating(found)) return null;
  const why = "Something in the workspace's own cluster changes it whenever it is written";
  return { words: `${what} is not as decided: ${why}`, kind: 'refused', gives: 'other', error: null };
}

function isAsWanted(existing: Record<string, unknown>, wanted: WantedObject): boolean {
  return covers(existing, wanted) && !isAggregating(existing) && !metadataOf(existing).deleting;
}

/** What a binding refers to cannot be changed; and what is being deleted must come again. */
function needsReplacing(existing: Record<string, unknown>, wanted: WantedObject): boolean {
  return !hasRole(existing, wanted) || metadataOf(existing).deleting;
}

function hasRole(existing: Record<string, unknown>, { roleRef }: WantedObject): boolean {
  return roleRef === undefined || covers(existing['roleRef'], roleRef);
}

/** It takes rules from other roles, or gives its own to some. */
function isAggregating(existing: Record<string, unknown>): boolean {
  const { labels } = metadataOf(existing);
  return 'aggregationRule' in existing || Object.keys(labels).some(isAggregation);
}

function isAggregation(label: string): boolean {
  return label.startsWith(aggregation);
}

function withoutAggregation(existing: Record<string, unknown>): Record<string, unknown> {
  const { aggregationRule: _rule, ...rest } = existing;
  const labels = Object.entries(metadataOf(existing).labels).filter(([label]) => !isAggregation(label));
  const metadata = { ...Object(existing['metadata']), labels: Object.fromEntries(labels) };
  return { ...rest, metadata };
}

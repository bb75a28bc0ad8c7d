import type { WorkspaceId } from '@hexabase/kernel/id.ts';
import type { Clock } from '@hexabase/kernel/clock.ts';
import { clause } from '@hexabase/kernel/text/sentences.ts';
import type { InventoryItem, Removal, TenantClient } from '../../port.ts';
import { changeFenced } from './host/converge.ts';
import { raiseFence } from './host/fence.ts';
import { foreignItem, readForeign } from './host/foreign.ts';
import { isOurs } from './host/namespace.ts';
import { fieldOf, heldBy, metaOf, textOf, type Json } from './host/objects.ts';
import { ofClaim, whichOne } from './host/of-tenants.ts';
import { deleteOne, placeOf, readAll, readOne } from './host/read.ts';
import { fenceNamespace, fenceNameOf, namesOf, ownerSelector } from './names.ts';

export interface RemovalWork {
  host: TenantClient;
  clock: Clock;
  workspaceId: WorkspaceId;
  fence: number;
  signal: AbortSignal;
}

/** Pods are asked to end by themselves for this long; a namespace waits much longer for pods that it ends itself. */
const graceSeconds = 2;
/** Later than this nobody answers for the pod any more: its node is gone. */
const lostAfterMs = 60_000;
/** In a sentence. */
const podsNamedMax = 3;

/**
 * One step of a removal, repeated until nothing is left: control plane to zero, pods gone, namespace by its uid, then
 * what lies outside of it. Reports what is still there and why, and what was seen to be gone after it was deleted.
 */
export async function removeTenant(work: RemovalWork): Promise<Removal> {
  const { host, workspaceId, fence, signal } = work;
  signal.throwIfAborted();
  await raiseFence(host, { workspaceId, fence }, signal);
  const { namespace } = namesOf(workspaceId);
  const space = await readOne(host, { apiVersion: 'v1', kind: 'Namespace', name: namespace }, signal);
  const ours = space !== null && isOurs(space, workspaceId);
  const inside = ours ? await removeNamespace(work, space) : nothing;
  // As long as the control plane may run, its roles stay.
  const outside = ours && !metaOf(space).deleting ? nothing : await removeOutside(work);
  return {
    removed: [...inside.removed, ...outside.removed],
    left: [...inside.left, ...outside.left],
    checked: [
      `namespace ${namespace} and everything in it`,
      'ClusterRoles and ClusterRoleBindings of the host',
      'PersistentVolumes of the host',
      ...(outside.checked ?? []),
      `ConfigMap ${fenceNameOf(workspaceId)} in ${fenceNamespace}, which stays: with it a worker that was paused cannot bring the workspace back`,
    ],
  };
}

const nothing: Removal = { removed: [], left: [] };

async function removeNamespace(work: RemovalWork, space: Json): Promise<Removal> {
  const { name, uid, deleting } = metaOf(space);
  const wanted = { apiVersion: 'v1', kind: 'Namespace', name };
  const waits = (why: string[]) => ({ kind: 'namespace', key: name, ...(why[0] && { why: why.join('; ') }) });
  // What the host says: `Some content in the namespace has finalizers remaining: …`.
  if (deleting) return { removed: [], left: [waits(heldBy(space).map(clause))] };
  await changeFenced(work, space, { place: wanted });
  const volumes = await claimedVolumes(work);
  const pods = await endPods(work);
  if (pods.length === 0) await deleteOne(work.host, { wanted, uid }, work.signal);
  return { removed: [], left: [waits(pods.length > 0 ? [podWords(pods)] : []), ...volumes] };
}

function podWords(names: readonly string[]): string {
  const named = names.slice(0, podsNamedMax).join(', ') + (names.length > podsNamedMax ? ', …' : '');
  return names.length === 1 ? `a pod is ending: ${named}` : `${names.length} pods are ending: ${named}`;
}

/** They are outside of the namespace and go after it: who reads of them here looks for them there. */
async function claimedVolumes({ host, workspaceId, signal }: RemovalWork): Promise<InventoryItem[]> {
  const { namespace } = namesOf(workspaceId);
  const selection = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, keep: ofClaim };
  const claims = await readAll(host, selection, signal);
  return claims
    .map((claim) => textOf(fieldOf(claim, 'spec', 'volumeName')))
    .filter((name) => name !== '')
    .map((name) => ({ kind: 'persistentvolume', key: `${workspaceId}/${name}` }));
}

/** Nobody makes new pods once the control plane is told to stop; the rest is asked to end at once. Answers their names. */
async function endPods(work: RemovalWork): Promise<string[]> {
  const { host, workspaceId, signal } = work;
  const { namespace } = namesOf(workspaceId);
  await scaleToZero(work);
  const pods = await readAll(host, { apiVersion: 'v1', kind: 'Pod', namespace, keep: whichOne }, signal);
  await Promise.all(pods.map((pod) => endPod(work, pod)));
  return pods.map((pod) => metaOf(pod).name);
}

async function endPod({ host, clock, signal }: RemovalWork, pod: Json): Promise<void> {
  const asked = textOf(fieldOf(pod, 'metadata', 'deletionTimestamp'));
  const wanted = placeOf('v1', 'Pod', pod);
  const { uid } = metaOf(pod);
  if (asked === '' || hasLongGrace(pod)) await deleteOne(host, { wanted, uid, graceSeconds }, signal);
  else if (clock.now() - Date.parse(asked) > lostAfterMs)
    await deleteOne(host, { wanted, uid, graceSeconds: 0 }, signal);
}

function hasLongGrace(pod: Json): boolean {
  const seconds = fieldOf(pod, 'metadata', 'deletionGracePeriodSeconds');
  return typeof seconds === 'number' && seconds > graceSeconds;
}

async function scaleToZero(work: RemovalWork): Promise<void> {
  const { namespace, release } = namesOf(work.workspaceId);
  const place = { apiVersion: 'apps/v1', kind: 'StatefulSet', namespace, name: release };
  const found = await readOne(work.host, place, work.signal);
  if (!found || fieldOf(found, 'spec', 'replicas') === 0) return;
  await changeFenced(work, found, { place, change: { spec: { replicas: 0 } } });
}

/** Roles of the whole cluster carry our label; volumes are known by the claim that they belong to. */
async function removeOutside(work: RemovalWork): Promise<Removal> {
  const { host, workspaceId, signal } = work;
  const { namespace } = namesOf(workspaceId);
  const roles = await Promise.all(
    ['ClusterRoleBinding', 'ClusterRole'].map((kind) => removeRoles(work, kind)),
  );
  const volumes = await readAll(host, { apiVersion: 'v1', kind: 'PersistentVolume' }, signal);
  const foreign = await readForeign(work);
  const kept = volumes
    .filter((volume) => fieldOf(volume, 'spec', 'claimRef', 'namespace') === namespace)
    .map((volume) => ({
      kind: 'persistentvolume',
      key: `${workspaceId}/${metaOf(volume).name}`,
      ...volumeWords(volume),
    }));
  return {
    removed: roles.flatMap(({ removed }) => removed),
    left: [...roles.flatMap(({ left }) => left), ...kept, ...foreign.left],
    checked: [`what else carries its labels on the host: ${foreign.kinds.join(', ')}`],
  };
}

/**
 * A finalizer may hold them like everything else, so they are looked for again after they were deleted. We made those of one
 * name, and may delete no others: one that somebody else gave our labels is told, and stays.
 */
async function removeRoles(
  { host, workspaceId, signal }: RemovalWork,
  kind: string,
): Promise<Pick<Removal, 'removed' | 'left'>> {
  const apiVersion = 'rbac.authorization.k8s.io/v1';
  const selection = { apiVersion, kind, labelSelector: ownerSelector(workspaceId) };
  const all = await readAll(host, selection, signal);
  if (all.length === 0) return nothing;
  const isNamedAsOurs = (one: Json) => metaOf(one).name.startsWith(`vc-${namesOf(workspaceId).release}-`);
  const found = all.filter(isNamedAsOurs);
  const foreign = all.filter((one) => !isNamedAsOurs(one)).map((one) => foreignItem(kind, one, workspaceId));
  await Promise.all(
    found.map((object) => {
      const { name, uid } = metaOf(object);
      return deleteOne(host, { wanted: { apiVersion, kind, name }, uid }, signal);
    }),
  );
  const still = new Map(
    (await readAll(host, selection, signal)).map((one) => [metaOf(one).uid, metaOf(one)]),
  );
  const items = found.map((object) => {
    const { name, uid } = metaOf(object);
    const finalizers = still.get(uid)?.finalizers ?? [];
    const why = finalizers.length > 0 && { why: `waits for the finalizer ${finalizers.join(', ')}` };
    return { uid, item: { kind: kind.toLowerCase(), key: `${workspaceId}/${name}`, ...why } };
  });
  return {
    removed: items.filter(({ uid }) => !still.has(uid)).map(({ item }) => item),
    left: [...items.filter(({ uid }) => still.has(uid)).map(({ item }) => item), ...foreign],
  };
}

/** A class that keeps volumes keeps people's data; only its operator can end that. */
function volumeWords(volume: Json): { why: string } {
  const policy = textOf(fieldOf(volume, 'spec', 'persistentVolumeReclaimPolicy'));
  const phase = textOf(fieldOf(volume, 'status', 'phase'));
  return policy === 'Retain' && phase === 'Released'
    ? { why: 'kept by its storage class: reclaim policy Retain; delete it by hand' }
    : { why: `its storage class has not removed it yet: it is ${phase || 'new'}, reclaim policy ${policy}` };
}

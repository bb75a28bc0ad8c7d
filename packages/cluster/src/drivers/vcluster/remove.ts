import type { WorkspaceId } from '@hexabase/kernel/id.ts';
import type { Clock } from '@hexabase/kernel/clock.ts';
import { KubeRefusal } from '../../kube-api/call-errors.ts';
import { resourcePath } from '../../kube-api/resource-path.ts';
import type { InventoryItem, Removal, TenantClient } from '../../port.ts';
import { raiseFence } from './host/fence.ts';
import { isOurs } from './host/namespace.ts';
import { fieldOf, heldBy, metaOf, textOf, type Json } from './host/objects.ts';
import { deleteOne, placeOf, readAll, readOne } from './host/read.ts';
import { fieldManager, namesOf, ownerSelector } from './names.ts';

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

/**
 * One step of a removal, repeated until nothing is left: control plane to zero, pods gone, namespace by its uid, then
 * what lies outside of it. Reports what this call asked to be removed, and what is still there and why.
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
    ],
  };
}

const nothing: Removal = { removed: [], left: [] };

async function removeNamespace(work: RemovalWork, space: Json): Promise<Removal> {
  const { name, uid, deleting } = metaOf(space);
  const item = { kind: 'namespace', key: name };
  if (deleting) return { removed: [], left: [item, ...held(space)] };
  const pods = await endPods(work);
  if (pods.length > 0) return { removed: [], left: [item, ...pods] };
  const wanted = { apiVersion: 'v1', kind: 'Namespace', name };
  const accepted = await deleteOne(work.host, { wanted, uid }, work.signal);
  return { removed: accepted ? [item] : [], left: [item] };
}

/** What the host says a namespace waits for: `Some content in the namespace has finalizers remaining: …`. */
function held(space: Json): InventoryItem[] {
  const { name } = metaOf(space);
  return heldBy(space).map((message) => ({ kind: `${message.replace(/\.$/, '')}, in`, key: name }));
}

/** Nobody makes new pods once the control plane is told to stop; the rest is asked to end at once. */
async function endPods(work: RemovalWork): Promise<InventoryItem[]> {
  const { host, workspaceId, signal } = work;
  const { namespace, release } = namesOf(workspaceId);
  await scaleToZero(host, { namespace, release, signal });
  const pods = await readAll(host, { apiVersion: 'v1', kind: 'Pod', namespace }, signal);
  await Promise.all(pods.map((pod) => endPod(work, pod)));
  return pods.map((pod) => ({ kind: 'pod', key: `${namespace}/${metaOf(pod).name}` }));
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

async function scaleToZero(
  host: TenantClient,
  { namespace, release, signal }: { namespace: string; release: string; signal: AbortSignal },
): Promise<void> {
  const key = { namespace, name: release };
  const found = await readOne(host, { apiVersion: 'apps/v1', kind: 'StatefulSet', ...key }, signal);
  if (!found || fieldOf(found, 'spec', 'replicas') === 0) return;
  const answer = await host.request({
    method: 'PATCH',
    path: `${resourcePath('apps/v1', 'StatefulSet', key)}?fieldManager=${fieldManager}`,
    contentType: 'application/merge-patch+json',
    body: { metadata: { uid: metaOf(found).uid }, spec: { replicas: 0 } },
    signal,
  });
  if (answer.status >= 300 && answer.status !== 404 && answer.status !== 409)
    throw new KubeRefusal(`StatefulSet ${release}`, answer);
}

/** Roles of the whole cluster carry our label; volumes are known by the claim that they belong to. */
async function removeOutside({ host, workspaceId, signal }: RemovalWork): Promise<Removal> {
  const { namespace } = namesOf(workspaceId);
  const labelSelector = ownerSelector(workspaceId);
  const apiVersion = 'rbac.authorization.k8s.io/v1';
  const roles = ['ClusterRoleBinding', 'ClusterRole'].map(async (kind) => {
    const found = await readAll(host, { apiVersion, kind, labelSelector }, signal);
    return Promise.all(
      found.map(async (object) => {
        const { name, uid } = metaOf(object);
        await deleteOne(host, { wanted: { apiVersion, kind, name }, uid }, signal);
        return { kind: kind.toLowerCase(), key: `${workspaceId}/${name}` };
      }),
    );
  });
  const removed = (await Promise.all(roles)).flat();
  const volumes = await readAll(host, { apiVersion: 'v1', kind: 'PersistentVolume' }, signal);
  const left = volumes
    .filter((volume) => fieldOf(volume, 'spec', 'claimRef', 'namespace') === namespace)
    .map((volume) => ({ kind: volumeWords(volume), key: `${workspaceId}/${metaOf(volume).name}` }));
  return { removed, left };
}

/** A class that keeps volumes keeps people's data; only its operator can end that. */
function volumeWords(volume: Json): string {
  const policy = textOf(fieldOf(volume, 'spec', 'persistentVolumeReclaimPolicy'));
  return policy === 'Retain' && textOf(fieldOf(volume, 'status', 'phase')) === 'Released'
    ? 'persistentvolume kept by its storage class (reclaim policy Retain; delete it by hand),'
    : 'persistentvolume';
}

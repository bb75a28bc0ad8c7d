import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkspaceId } from '@hexabase/kernel/id.ts';
import { applyObject, ApplyConflictError, type ApplicableObject } from '../../../kube-api/apply.ts';
import { KubeRefusal } from '../../../kube-api/call-errors.ts';
import { builtinResource, resourcePath } from '../../../kube-api/resource-path.ts';
import { FencedError, type TenantClient } from '../../../port.ts';
import { fieldManager, note, ownerSelector } from '../names.ts';
import { covers } from './covers.ts';
import { holdFence } from './fence.ts';
import { metaOf, textOf, type Json } from './objects.ts';
import { deleteOne, placeOf, readAll, readOne, type Selection, type Wanted } from './read.ts';

/** One worker at work on the objects of one workspace. */
export interface Work {
  host: TenantClient;
  workspaceId: WorkspaceId;
  namespace: string;
  fence: number;
  signal: AbortSignal;
}

/** What a work does to everything that is there. */
export interface Manner {
  /**
   * The last worker has not ended what it began, and may go on any time. Our fence is written on everything then, also
   * where nothing else is to be changed: whatever that worker has read is outdated by it.
   */
  takesOver: boolean;
}

/** Kinds that we write for a workspace, besides its namespace. */
const kinds: readonly Selection[] = [
  ...[
    'ConfigMap',
    'LimitRange',
    'ResourceQuota',
    'Secret',
    'Service',
    'ServiceAccount',
    'PersistentVolumeClaim',
  ].map((kind) => ({ apiVersion: 'v1', kind })),
  { apiVersion: 'apps/v1', kind: 'StatefulSet' },
  { apiVersion: 'apps/v1', kind: 'Deployment' },
  { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy' },
  ...['Role', 'RoleBinding', 'ClusterRole', 'ClusterRoleBinding'].map((kind) => ({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind,
  })),
];

/** Runs pods, so everything that they need is there first. */
const last = new Set(['StatefulSet', 'Deployment']);
const attemptsMax = 10;
const roleLagMs = 200;

/** What carries our label and belongs to the workspace, by key. */
export type Live = Map<string, Json>;

export async function readLive({ host, workspaceId, namespace, signal }: Work): Promise<Live> {
  const labelSelector = ownerSelector(workspaceId);
  const lists = await Promise.all(
    kinds.map(async ({ apiVersion, kind }) => {
      const namespaced = builtinResource(apiVersion, kind)?.namespaced === true;
      const selection = { apiVersion, kind, labelSelector, ...(namespaced && { namespace }) };
      return (await readAll(host, selection, signal)).map((object) => ({ ...object, apiVersion, kind }));
    }),
  );
  return new Map(lists.flat().map((object) => [keyOf(object), object]));
}

export function keyOf(object: unknown): string {
  const { kind } = Object(object);
  return `${textOf(kind)}/${metaOf(object).name}`;
}

/**
 * Brings every object to what it should be and deletes those of ours that are not wanted any more. An object that is as
 * it should be is not written. Throws `FencedError` when a newer worker has written one of them.
 */
export async function converge(
  work: Work & Manner,
  wanted: readonly ApplicableObject[],
  live: Live,
): Promise<void> {
  const bindings = wanted.filter(isBinding);
  const first = wanted.filter((object) => !isBinding(object) && !last.has(object.kind));
  const then = wanted.filter(({ kind }) => last.has(kind));
  for (const wave of [first, bindings, then])
    await Promise.all(wave.map((object) => applyFenced(work, object, live.get(keyOf(object)) ?? null)));
  await prune(work, wanted, live);
}

/** Whoever is not an administrator binds only a role that exists, so roles are there first. */
function isBinding({ kind }: ApplicableObject): boolean {
  return kind === 'RoleBinding' || kind === 'ClusterRoleBinding';
}

/** One object by server-side apply on the version that was read. */
export async function applyFenced(
  work: Work & Partial<Manner>,
  wanted: ApplicableObject,
  read: Json | null,
): Promise<void> {
  const { host, workspaceId, fence, signal, takesOver = false } = work;
  async function attempt(live: Json | null): Promise<boolean> {
    if (live && covers(live, takesOver ? wanted : comparable(wanted))) return true;
    const { resourceVersion } = metaOf(live);
    const metadata = { ...wanted.metadata, ...(live && { resourceVersion }) };
    try {
      await applyObject(host, { ...wanted, metadata }, { fieldManager, force: true, signal });
      return true;
    } catch (error) {
      if (!(error instanceof KubeRefusal)) throw error;
      // The API server looks roles up in what it has read, some moments behind what was written.
      const early = isBinding(wanted) && error.status === 404;
      const moved = early || (error instanceof ApplyConflictError && error.conflicts.length === 0);
      if (early) await sleep(roleLagMs, undefined, { signal });
      // The host's own policy may have refused because a newer worker has come.
      if (!moved) await holdFence(host, { workspaceId, fence }, signal);
      if (!moved) throw error;
      return false;
    }
  }
  const place = placeOf(wanted.apiVersion, wanted.kind, wanted);
  await onWhatIsThere(work, { place, read, isOver: () => false, attempt });
}

/**
 * Changes fields of an object that is there, and writes our fence on it with them; an object that is gone, or another one
 * by now, is let be. Throws `FencedError` when a newer worker has written it.
 */
export async function changeFenced(
  work: Omit<Work, 'namespace'>,
  read: Json,
  { place, change = {} }: { place: Wanted; change?: Record<string, unknown> },
): Promise<void> {
  const { host, workspaceId, fence, signal } = work;
  const { apiVersion, kind, ...key } = place;
  const { uid } = metaOf(read);
  async function attempt(live: Json | null): Promise<boolean> {
    const { annotations, resourceVersion } = metaOf(live);
    if (Object.keys(change).length === 0 && annotations[note.fence] === String(fence)) return true;
    const metadata = { uid, resourceVersion, annotations: { [note.fence]: String(fence) } };
    const answer = await host.request({
      method: 'PATCH',
      path: `${resourcePath(apiVersion, kind, key)}?fieldManager=${fieldManager}`,
      contentType: 'application/merge-patch+json',
      body: { ...change, metadata },
      signal,
    });
    if (answer.status < 300 || answer.status === 404) return true;
    if (answer.status === 409) return false;
    // The host's own policy may have refused because a newer worker has come.
    await holdFence(host, { workspaceId, fence }, signal);
    throw new KubeRefusal(`${kind} ${place.name}`, answer);
  }
  await onWhatIsThere(work, { place, read, isOver: (live) => metaOf(live).uid !== uid, attempt });
}

/**
 * The fence is written with each change, but a newer fence alone is no change, except where it decides: on the namespace
 * and on what runs the tenant.
 */
function comparable(wanted: ApplicableObject): ApplicableObject {
  if (wanted.kind === 'Namespace' || last.has(wanted.kind)) return wanted;
  const { annotations, ...metadata } = wanted.metadata;
  const rest = Object.entries(Object(annotations)).filter(([key]) => key !== note.fence);
  const others = rest.length > 0 && { annotations: Object.fromEntries(rest) };
  return { ...wanted, metadata: { ...metadata, ...others } };
}

async function prune(work: Work, wanted: readonly ApplicableObject[], live: Live): Promise<void> {
  const { host, workspaceId, fence, signal } = work;
  const keep = new Set(wanted.map(keyOf));
  const extra = [...live].filter(([key, object]) => !keep.has(key) && !metaOf(object).deleting);
  if (extra.length === 0) return;
  await holdFence(host, { workspaceId, fence }, signal);
  await Promise.all(extra.map(([, object]) => deleteFenced(work, object)));
}

/** A newer worker that takes over writes on everything first, so only what is still as we have read it is deleted. */
async function deleteFenced(work: Work, object: Json): Promise<void> {
  const { host, signal } = work;
  const place = placeOf(textOf(object['apiVersion']), textOf(object['kind']), object);
  const { uid } = metaOf(object);
  await onWhatIsThere(work, {
    place,
    read: object,
    isOver: (live) => metaOf(live).uid !== uid || metaOf(live).deleting,
    attempt: (live) =>
      deleteOne(host, { wanted: place, uid, resourceVersion: metaOf(live).resourceVersion }, signal),
  });
}

interface Attempts {
  place: Wanted;
  read: Json | null;
  /** What is there now is gone already, or none of our business. */
  isOver(live: Json | null): boolean;
  /** False when it was changed since it was read. */
  attempt(live: Json | null): Promise<boolean>;
}

/** Tries it on the version that was read, and on each newer one. Throws `FencedError` when a newer worker has written it. */
async function onWhatIsThere(
  { host, workspaceId, fence, signal }: Omit<Work, 'namespace'>,
  { place, read, isOver, attempt }: Attempts,
): Promise<void> {
  let live = read;
  for (let count = 0; count < attemptsMax; count++) {
    if (Number(metaOf(live).annotations[note.fence] ?? 0) > fence) throw new FencedError(workspaceId);
    if (await attempt(live)) return;
    live = await readOne(host, place, signal);
    if (isOver(live)) return;
  }
  throw new Error(`${place.kind} ${place.name} changes all the time`);
}

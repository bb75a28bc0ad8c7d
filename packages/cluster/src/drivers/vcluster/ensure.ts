import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ApplicableObject } from '../../kube-api/apply.ts';
import type { TenantSpec } from '../../port.ts';
import { refuseLost } from '../../tenant-lost.ts';
import { tierOf } from './chart/values.ts';
import {
  applyFenced,
  changeFenced,
  converge,
  keyOf,
  readLive,
  type Live,
  type Work,
} from './host/converge.ts';
import type { HostFacts, ReadFacts } from './host/facts.ts';
import { holdFence, raiseFence } from './host/fence.ts';
import { ensureNamespace, isOurs } from './host/namespace.ts';
import { fieldOf, isRecord, metaOf, textOf } from './host/objects.ts';
import { whichOne } from './host/of-tenants.ts';
import { deleteOne, placeOf, readAll, readOne, readProven } from './host/read.ts';
import { controlPlaneSelector, copiedLabel, namesOf, note, ownerLabels } from './names.ts';
import { namespaceObjects, tenantNamespace } from './objects/namespace-objects.ts';
import { defaultStorage, type VclusterDriverOptions } from './options.ts';
import type { Release, Releases } from './release/releases.ts';
import { refuseJump } from './refuse-jump.ts';

export interface EnsureDeps {
  options: VclusterDriverOptions;
  releases: Releases;
  facts: ReadFacts;
}

const pollMs = 200;

/**
 * Fence, namespace, everything in it, and the generation last: who reads it there knows that all of it is in place.
 * A new intent that wants exactly what is in place, as when a tenant made in advance is taken, writes only that; whatever
 * else has changed there is put back by the next call for the same generation.
 */
export async function ensureTenant(deps: EnsureDeps, spec: TenantSpec, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { host, hostName } = deps.options;
  const { workspaceId, fence } = spec;
  const { namespace } = namesOf(workspaceId);
  const work: Work = { host, workspaceId, namespace, fence, signal };
  await refuseIfLost(work, { hostName, uid: spec.uid ?? null });
  const release = await releaseFor(deps, spec, signal);
  const objects = await wantedObjects(deps, { spec, release, facts: await deps.facts(signal) });
  const applied = digestOf(objects, spec);
  const former = await raiseFence(host, { workspaceId, fence }, signal);
  const { isNew, namespace: space } = await ensureNamespace({ ...work, hostName }, tenantNamespace(spec));
  if (metaOf(space).annotations[note.release] !== release.id) await release.keep(signal);
  if (!isInPlace(space, { former, applied, spec })) {
    // From here on the host itself refuses what an older worker still sends.
    const place = { apiVersion: 'v1', kind: 'Namespace', name: namespace };
    if (!isNew) await changeFenced(work, space, { place });
    const live = isNew ? new Map() : await readLive(work);
    const marks = objects.map((object) => marked(object, spec));
    await converge({ ...work, takesOver: !hasEnded(space, former) }, adapted(marks, live), live);
  }
  if (spec.asleep) await stopWorkloads(work);
  await holdFence(host, { workspaceId, fence }, signal);
  const now = await ensureNamespace({ ...work, hostName }, tenantNamespace(spec));
  await applyFenced(
    work,
    tenantNamespace(spec, { generation: spec.generation, applied, release: release.id }),
    now.namespace,
  );
}

/** Before anything else is read: on another cluster nothing that belongs to it is there. */
async function refuseIfLost(
  { host, workspaceId, namespace: name, signal }: Work,
  { hostName, uid }: { hostName: string; uid: string | null },
): Promise<void> {
  if (uid === null) return;
  const space = await readProven(host, { apiVersion: 'v1', kind: 'Namespace', name }, signal);
  // Somebody else's is told as that.
  if (space && !isOurs(space, workspaceId)) return;
  refuseLost(uid, space && metaOf(space).uid, `The namespace ${name} of the host cluster ${hostName}`);
}

/** Of everything that decides what is applied, besides whose it is. */
function digestOf(objects: readonly ApplicableObject[], { asleep }: TenantSpec): string {
  return createHash('sha256')
    .update(JSON.stringify([asleep, objects]))
    .digest('hex');
}

/** The last worker that began anything has ended it: none of its writes is on its way any more. */
function hasEnded(space: unknown, former: number | null): boolean {
  return former !== null && Number(metaOf(space).annotations[note.ended]) === former;
}

/** True when the last worker that began anything has ended it, with these objects, for an older generation. */
function isInPlace(
  space: unknown,
  { former, applied, spec }: { former: number | null; applied: string; spec: TenantSpec },
): boolean {
  const { annotations } = metaOf(space);
  return (
    !spec.asleep &&
    annotations[note.applied] === applied &&
    Number(annotations[note.generation]) < spec.generation &&
    hasEnded(space, former)
  );
}

/**
 * What a tenant has it keeps until another release is asked for by name: whoever changes the settings changes nothing that
 * runs. Tenants from before there were releases get the newest.
 */
async function releaseFor(
  { options, releases }: EnsureDeps,
  { workspaceId, release = null, releaseIfNew = null }: TenantSpec,
  signal: AbortSignal,
): Promise<Release> {
  if (release !== null) return releases.byId(release, signal);
  const { namespace: name } = namesOf(workspaceId);
  const space = await readOne(options.host, { apiVersion: 'v1', kind: 'Namespace', name }, signal);
  const kept = isOurs(space, workspaceId) ? textOf(metaOf(space).annotations[note.release]) : '';
  const id = kept === '' ? releaseIfNew : kept;
  return id === null ? releases.newest(signal) : releases.byId(id, signal);
}

async function wantedObjects(
  { options }: EnsureDeps,
  { spec, release, facts }: { spec: TenantSpec; release: Release; facts: HostFacts },
): Promise<ApplicableObject[]> {
  const { isolation, size, workspaceId, kubernetesVersion } = spec;
  const rendered = await release.render({
    workspaceId,
    isolation,
    tier: tierOf(size.cpuMilli),
    kubernetesVersion,
  });
  const own = namespaceObjects(spec, {
    issuerAuthority: options.issuerAuthority,
    discoveryUrl: options.discoveryUrl,
    controlPlaneNamespace: options.controlPlaneNamespace ?? null,
    networks: options.networks,
    metrics: facts.metrics,
    apiPorts: facts.apiPorts,
    stateGib: (options.storage ?? defaultStorage).sizeGib,
    kubernetesVersion: release.version(kubernetesVersion),
  });
  return [...own, ...rendered];
}

/** Whose it is and who wrote it; and a sleeping tenant runs no pod, which is no matter of the chart's values. */
function marked(object: ApplicableObject, spec: TenantSpec): ApplicableObject {
  const { workspaceId, fence, slug, asleep } = spec;
  const { name, labels, annotations, namespace } = object.metadata;
  const isClusterWide = object.kind.startsWith('Cluster');
  const marks = {
    ...object,
    metadata: {
      name,
      ...(!isClusterWide && { namespace: textOf(namespace) || namesOf(workspaceId).namespace }),
      labels: { ...(isRecord(labels) ? labels : {}), ...ownerLabels(workspaceId) },
      annotations: {
        ...(isRecord(annotations) ? annotations : {}),
        [note.fence]: String(fence),
        ...(isClusterWide && { [note.slug]: slug }),
      },
    },
  };
  if (object.kind !== 'StatefulSet') return marks;
  const spec_ = isRecord(object['spec']) ? object['spec'] : {};
  return { ...marks, spec: { ...spec_, replicas: asleep ? 0 : 1 } };
}

/** What cannot be changed on a StatefulSet stays; a jump over a minor is refused before anything is written. */
function adapted(objects: readonly ApplicableObject[], live: Live): ApplicableObject[] {
  return objects.map((object) => {
    const old = object.kind === 'StatefulSet' ? live.get(keyOf(object)) : undefined;
    if (!old) return object;
    refuseJump(old, object);
    const spec = isRecord(object['spec']) ? object['spec'] : {};
    const volumeClaimTemplates = fieldOf(old, 'spec', 'volumeClaimTemplates');
    return { ...object, spec: { ...spec, volumeClaimTemplates } };
  });
}

/** The control plane goes first: as long as it runs it would make the pods again. */
async function stopWorkloads({ host, workspaceId, namespace, fence, signal }: Work): Promise<void> {
  const { release } = namesOf(workspaceId);
  const pods = { apiVersion: 'v1', kind: 'Pod', namespace, keep: whichOne };
  const own = { ...pods, labelSelector: controlPlaneSelector(release) };
  while ((await readAll(host, own, signal)).length > 0) await sleep(pollMs, undefined, { signal });
  const copies = await readAll(host, { ...pods, labelSelector: `${copiedLabel}=${release}` }, signal);
  // A newer worker may have woken it in the meantime, and these pods run again for somebody.
  await holdFence(host, { workspaceId, fence }, signal);
  await Promise.all(
    copies.map((pod) => deleteOne(host, { wanted: placeOf('v1', 'Pod', pod), uid: metaOf(pod).uid }, signal)),
  );
}

import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '@hexabase/kernel/errors.ts';
import { fieldOf, isRecord, listOf, textOf } from '../drivers/vcluster/host/objects.ts';
import { KubeRefusal } from '../kube-api/call-errors.ts';
import { groupOf, pathOf, type ResourceInfo } from '../kube-api/resource-path.ts';
import type { TenantClient, TenantResponse } from '../port.ts';
import type { CopiedObject } from './content.ts';

/** Who owns fields of which nobody knew who had set them. */
const fieldManager = 'hexabase-copy';
const parallel = 8;
const establishedPollMs = 200;

/** Kinds in the order in which they are made: what others need goes first, what refuses others goes last. */
const ranks: readonly (readonly string[])[] = [
  ['CustomResourceDefinition', 'PriorityClass', 'StorageClass', 'IngressClass', 'RuntimeClass'],
  ['Namespace'],
  ['ServiceAccount', 'Role', 'ClusterRole'],
  ['Secret', 'ConfigMap', 'RoleBinding', 'ClusterRoleBinding'],
  ['PersistentVolumeClaim', 'Service', 'Endpoints', 'EndpointSlice'],
  [],
  ['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'ReplicationController', 'Job', 'CronJob', 'Pod'],
  ['ResourceQuota', 'LimitRange'],
  [
    'ValidatingAdmissionPolicy',
    'ValidatingAdmissionPolicyBinding',
    'MutatingAdmissionPolicy',
    'MutatingAdmissionPolicyBinding',
    'MutatingWebhookConfiguration',
    'ValidatingWebhookConfiguration',
    'APIService',
  ],
];
const rankOfOthers = ranks.findIndex((kinds) => kinds.length === 0);

/** The objects in batches, in the order in which `writeBatch` must be given them: no batch mixes ranks. */
export function inBatches(objects: readonly CopiedObject[], size: number): CopiedObject[][] {
  return ranks.flatMap((_, rank) => {
    const same = objects.filter(({ object }) => rankOf(object.kind) === rank);
    return Array.from({ length: Math.ceil(same.length / size) }, (__, at) =>
      same.slice(at * size, (at + 1) * size),
    );
  });
}

interface Target {
  client: TenantClient;
  signal: AbortSignal;
}

/**
 * Makes the objects; those that are there already stay, so it can be repeated after a crash. Throws AppError `conflict`
 * with a sentence that names the object when the API refuses it, and whatever the client throws.
 */
export async function writeBatch(target: Target, batch: readonly CopiedObject[]): Promise<void> {
  const left = [...batch];
  const work = async (): Promise<void> => {
    for (let next = left.shift(); next; next = left.shift()) await make(target, next);
  };
  await Promise.all(Array.from({ length: parallel }, work));
}

/** Ties objects to their owners in the copy, once all are there; owners that were not copied are dropped. */
export async function tieOwners(target: Target, objects: readonly CopiedObject[]): Promise<void> {
  const kinds = new Map(objects.map(({ object, ...info }) => [`${object.apiVersion} ${object.kind}`, info]));
  for (const copied of objects) {
    if (copied.owners.length === 0) continue;
    const references: unknown[] = [];
    for (const { apiVersion, kind, name, rest } of copied.owners) {
      const resource = kinds.get(`${apiVersion} ${kind}`);
      const uid = resource && (await uidOf(target, { apiVersion, resource, name, beside: copied }));
      if (uid) references.push({ ...rest, apiVersion, kind, name, uid });
    }
    if (references.length > 0) await patch(target, copied, { metadata: { ownerReferences: references } });
  }
}

async function make(target: Target, copied: CopiedObject): Promise<void> {
  const { object } = copied;
  const { client, signal } = target;
  const { apiVersion, kind, metadata } = object;
  const path = pathOf(apiVersion, copied, { namespace: metadata.namespace });
  const answer = await client.request({
    method: 'POST',
    path: `${path}?fieldManager=${fieldManager}`,
    body: object,
    contentType: 'application/json',
    signal,
  });
  const exists = answer.status === 409 && fieldOf(answer.body, 'reason') === 'AlreadyExists';
  if (answer.status >= 300 && !exists) throw refusal(copied, answer);
  // The one of each namespace is made by Kubernetes, maybe before ours.
  if (exists && kind === 'ServiceAccount') await patch(target, copied, without(object));
  if (copied.managers.length > 0)
    await patch(target, copied, { metadata: { managedFields: copied.managers } });
  if (kind === 'CustomResourceDefinition') await untilEstablished(target, copied);
}

/** Fields that a merge patch may bring. */
function without({ apiVersion: _version, kind: _kind, metadata, ...fields }: CopiedObject['object']) {
  const { name: _name, namespace: _namespace, ...kept } = metadata;
  return { ...fields, metadata: kept };
}

async function patch({ client, signal }: Target, copied: CopiedObject, body: unknown): Promise<void> {
  const answer = await client.request({
    method: 'PATCH',
    path: `${pathOfOne(copied)}?fieldManager=${fieldManager}`,
    body,
    contentType: 'application/merge-patch+json',
    signal,
  });
  // Somebody has deleted it meanwhile, or changes it at this moment and will own what was changed.
  if (answer.status >= 300 && answer.status !== 404 && answer.status !== 409) throw refusal(copied, answer);
}

/** A kind answers only some moments after its definition was taken. */
async function untilEstablished({ client, signal }: Target, copied: CopiedObject): Promise<void> {
  for (;;) {
    const { body } = await client.request({ method: 'GET', path: pathOfOne(copied), signal });
    const conditions = listOf(fieldOf(body, 'status', 'conditions'));
    if (conditions.some(({ type, status }) => type === 'Established' && status === 'True')) return;
    await delay(establishedPollMs, undefined, { signal });
  }
}

interface OwnerPlace {
  apiVersion: string;
  resource: ResourceInfo;
  name: string;
  /** An owner is in the same namespace, or in none. */
  beside: CopiedObject;
}

async function uidOf({ client, signal }: Target, place: OwnerPlace): Promise<string> {
  const { namespace } = place.beside.object.metadata;
  const path = pathOf(place.apiVersion, place.resource, { namespace, name: place.name });
  const { status, body } = await client.request({ method: 'GET', path, signal });
  return status === 200 && isRecord(body) ? textOf(fieldOf(body, 'metadata', 'uid')) : '';
}

function pathOfOne(copied: CopiedObject): string {
  const { apiVersion, metadata } = copied.object;
  return pathOf(apiVersion, copied, { namespace: metadata.namespace, name: metadata.name });
}

function refusal({ object }: CopiedObject, answer: TenantResponse): Error {
  const { kind, metadata, apiVersion } = object;
  const what = `${kind} ${metadata.namespace === undefined ? '' : `${metadata.namespace}/`}${metadata.name}`;
  const group = groupOf(apiVersion);
  const cause = new KubeRefusal(what, answer);
  if (answer.status === 429 || answer.status >= 500) return cause;
  return new AppError('conflict', {
    message: `The new workspace does not take ${cause.message}${group === '' ? '' : ` (${group})`}`,
    cause,
  });
}

function rankOf(kind: string): number {
  const rank = ranks.findIndex((kinds) => kinds.includes(kind));
  return rank === -1 ? rankOfOthers : rank;
}

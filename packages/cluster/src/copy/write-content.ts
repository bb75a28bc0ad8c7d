import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '@hexabase/kernel/errors.ts';
import { fieldOf, listOf, textOf } from '../drivers/vcluster/host/objects.ts';
import { KubeRefusal } from '../kube-api/call-errors.ts';
import { groupOf, pathOf } from '../kube-api/resource-path.ts';
import type { TenantClient, TenantResponse } from '../port.ts';
import type { ContentPart, CopiedObject, ObjectPlace, Tie } from './content.ts';

/** Who owns fields of which nobody knew who had set them. */
const fieldManager = 'hexabase-copy';
const parallel = 8;
const establishedPollMs = 200;

interface Target {
  client: TenantClient;
  signal: AbortSignal;
}

/**
 * Makes what one part holds; objects that are there already stay, so it can be repeated after a crash. Parts are written in
 * their order. Throws AppError `conflict` with a sentence that names the object when the API refuses it, and whatever the
 * client throws.
 */
export async function writePart(target: Target, part: ContentPart): Promise<void> {
  if ('objects' in part) await each(part.objects, (copied) => make(target, copied));
  else await each(part.ties, (tie) => tieOwners(target, tie));
}

/** Some at a time. */
async function each<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const left = [...all];
  const worker = async (): Promise<void> => {
    for (let next = left.shift(); next; next = left.shift()) await work(next);
  };
  await Promise.all(Array.from({ length: parallel }, worker));
}

/** Ties an object to its owners in the copy; those that are not there are dropped. */
async function tieOwners(target: Target, tie: Tie): Promise<void> {
  const references: unknown[] = [];
  for (const { apiVersion, kind, name, rest, resource } of tie.owners) {
    // An owner is in the same namespace, or in none.
    const path = pathOf(apiVersion, resource, { namespace: tie.namespace, name });
    const { status, body } = await target.client.request({ method: 'GET', path, signal: target.signal });
    const uid = status === 200 ? textOf(fieldOf(body, 'metadata', 'uid')) : '';
    if (uid !== '') references.push({ ...rest, apiVersion, kind, name, uid });
  }
  if (references.length > 0) await patch(target, tie, { metadata: { ownerReferences: references } });
}

async function make(target: Target, copied: CopiedObject): Promise<void> {
  const { object } = copied;
  const { client, signal } = target;
  const { apiVersion, kind, metadata } = object;
  const place = placeOf(copied);
  const path = pathOf(apiVersion, copied, { namespace: metadata.namespace });
  const answer = await client.request({
    method: 'POST',
    path: `${path}?fieldManager=${fieldManager}`,
    body: object,
    contentType: 'application/json',
    signal,
  });
  const exists = answer.status === 409 && fieldOf(answer.body, 'reason') === 'AlreadyExists';
  if (answer.status >= 300 && !exists) throw refusal(place, answer);
  // The one of each namespace is made by Kubernetes, maybe before ours.
  if (exists && kind === 'ServiceAccount') await patch(target, place, without(object));
  if (copied.managers.length > 0)
    await patch(target, place, { metadata: { managedFields: copied.managers } });
  if (kind === 'CustomResourceDefinition') await untilEstablished(target, place);
}

/** Fields that a merge patch may bring. */
function without({ apiVersion: _version, kind: _kind, metadata, ...fields }: CopiedObject['object']) {
  const { name: _name, namespace: _namespace, ...kept } = metadata;
  return { ...fields, metadata: kept };
}

async function patch({ client, signal }: Target, place: ObjectPlace, body: unknown): Promise<void> {
  const answer = await client.request({
    method: 'PATCH',
    path: `${pathOfOne(place)}?fieldManager=${fieldManager}`,
    body,
    contentType: 'application/merge-patch+json',
    signal,
  });
  // Somebody has deleted it meanwhile, or changes it at this moment and will own what was changed.
  if (answer.status >= 300 && answer.status !== 404 && answer.status !== 409) throw refusal(place, answer);
}

/** A kind answers only some moments after its definition was taken. */
async function untilEstablished({ client, signal }: Target, place: ObjectPlace): Promise<void> {
  for (;;) {
    const { body } = await client.request({ method: 'GET', path: pathOfOne(place), signal });
    const conditions = listOf(fieldOf(body, 'status', 'conditions'));
    if (conditions.some(({ type, status }) => type === 'Established' && status === 'True')) return;
    await delay(establishedPollMs, undefined, { signal });
  }
}

function placeOf({ plural, namespaced, object }: CopiedObject): ObjectPlace {
  const { apiVersion, kind, metadata } = object;
  return { plural, namespaced, apiVersion, kind, name: metadata.name, namespace: metadata.namespace };
}

function pathOfOne(place: ObjectPlace): string {
  return pathOf(place.apiVersion, place, place);
}

function refusal({ kind, name, namespace, apiVersion }: ObjectPlace, answer: TenantResponse): Error {
  const what = `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`;
  const group = groupOf(apiVersion);
  const cause = new KubeRefusal(what, answer);
  if (answer.status === 429 || answer.status >= 500) return cause;
  return new AppError('conflict', {
    message: `The new workspace does not take ${cause.message}${group === '' ? '' : ` (${group})`}`,
    cause,
  });
}

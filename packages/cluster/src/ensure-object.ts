import { isDeepStrictEqual } from 'node:util';
import { AppError, isAppError } from '@hexabase/kernel/errors.ts';
import { heldBy } from './drivers/vcluster/host/objects.ts';
import { whichOne } from './drivers/vcluster/host/of-tenants.ts';
import { pagesOf } from './drivers/vcluster/host/pages.ts';
import { pick } from './drivers/vcluster/host/pick.ts';
import type { TenantClient, TenantResponse } from './port.ts';

/** The part of an object that we decide; what others add to it is left alone. */
export interface WantedObject {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
  };
  [field: string]: unknown;
}

/** Of `ensureObject`, where somebody else writes the same object at the same time. */
const triesMax = 3;

export interface Place {
  client: TenantClient;
  /** Of the collection: `/api/v1/namespaces`. */
  path: string;
  signal: AbortSignal;
}

/**
 * Makes the object, or changes the fields that differ from `wanted`. Safe to repeat; a second call writes nothing. What
 * others have added is left alone, but not within the fields that `exactly` names: a selector that is empty means all.
 * Answers what is there then. Throws AppError `cluster_unavailable` when the cluster does not answer or refuses, then in its
 * own words.
 */
export async function ensureObject(
  place: Place,
  wanted: WantedObject,
  { exactly = [] }: { exactly?: readonly string[] } = {},
): Promise<Record<string, unknown>> {
  const isAsWanted = (existing: Record<string, unknown>): boolean =>
    covers(existing, wanted) && exactly.every((field) => isDeepStrictEqual(existing[field], wanted[field]));
  for (let attempt = 1; ; attempt++) {
    const existing = await readObject(place, wanted.metadata.name);
    if (existing && isAsWanted(existing)) return existing;
    const answer = existing
      ? await request(place, {
          method: 'PUT',
          suffix: segment(wanted.metadata.name),
          body: merge(existing, wanted),
        })
      : await request(place, { method: 'POST', suffix: '', body: wanted });
    if (answer.status < 300 && isRecord(answer.body)) return answer.body;
    // Somebody else made or changed it between the two requests: look again.
    if (answer.status !== 409 || attempt === triesMax)
      throw refused(answer, `${wanted.kind} ${wanted.metadata.name}`);
  }
}

/**
 * Writes an object over the one that was read, whole, only while nobody has changed it since. Answers what is there then.
 * Throws as `ensureObject`.
 */
export async function replaceObject(
  place: Place,
  object: Record<string, unknown>,
): Promise<Record<string, unknown>> {
  const { name } = metadataOf(object);
  const answer = await request(place, { method: 'PUT', suffix: segment(name), body: object });
  if (answer.status < 300 && isRecord(answer.body)) return answer.body;
  throw refused(answer, `${place.path}/${name}`);
}

/** Null when there is none. */
export async function readObject(place: Place, name: string): Promise<Record<string, unknown> | null> {
  const answer = await request(place, { method: 'GET', suffix: segment(name) });
  if (answer.status === 404) return null;
  if (answer.status === 200 && isRecord(answer.body)) return answer.body;
  throw refused(answer, `${place.path}/${name}`);
}

/** Deletes the object of exactly this uid; one of the same name that is newer stays. */
export async function deleteObject(place: Place, name: string, uid: string): Promise<void> {
  const answer = await request(place, {
    method: 'DELETE',
    suffix: segment(name),
    body: {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      preconditions: { uid },
      propagationPolicy: 'Background',
    },
  });
  const isAnothers = answer.status === 404 || answer.status === 409;
  // A webhook refuses with whichever status it likes.
  if (answer.status < 300 || (isAnothers && webhookIn(saidBy(answer)) === undefined)) return;
  throw refused(answer, `${place.path}/${name}`);
}

/** Items of a collection. */
export async function listObjects(place: Place): Promise<Record<string, unknown>[]> {
  const answer = await request(place, { method: 'GET', suffix: '' });
  const items = isRecord(answer.body) ? answer.body.items : undefined;
  if (answer.status === 200 && Array.isArray(items)) return items.filter(isRecord);
  throw refused(answer, place.path);
}

/**
 * Items of a collection of which somebody else decides how large they are: which ones they are, and nothing else of them. Throws
 * as `ensureObject`.
 */
export async function listWhichOnes({ client, path, signal }: Place): Promise<Record<string, unknown>[]> {
  const paged = { path, size: 500, refused: (answer: TenantResponse) => refused(answer, path) };
  const items: Record<string, unknown>[] = [];
  try {
    for await (const page of pagesOf(client, paged, signal))
      items.push(...page.items.map((item) => pick(item, whichOne)));
  } catch (cause) {
    throw isAppError(cause) ? cause : new AppError('cluster_unavailable', { cause });
  }
  return items;
}

/** `metadata` as far as it is text; '' for what is missing. */
export function metadataOf(object: Record<string, unknown>): {
  name: string;
  uid: string;
  deleting: boolean;
  /** When its deletion began, in milliseconds since the epoch; NaN where it did not. */
  deletedAtMs: number;
  labels: Record<string, unknown>;
  finalizers: string[];
} {
  const metadata = isRecord(object.metadata) ? object.metadata : {};
  return {
    name: typeof metadata.name === 'string' ? metadata.name : '',
    uid: typeof metadata.uid === 'string' ? metadata.uid : '',
    deleting: typeof metadata.deletionTimestamp === 'string',
    deletedAtMs: Date.parse(String(metadata.deletionTimestamp)),
    labels: isRecord(metadata.labels) ? metadata.labels : {},
    finalizers: Array.isArray(metadata.finalizers) ? metadata.finalizers.map(String) : [],
  };
}

/**
 * What a namespace that is being deleted waits for, as Kubernetes says it in its conditions: finalizers nobody takes off,
 * an API of the cluster that does not answer. '' while nothing holds it up.
 */
export function waitsFor(namespace: Record<string, unknown>): string {
  return heldBy(namespace).join('; ');
}

/**
 * Kubernetes gives an admission webhook that does not answer 10 seconds, and 30 where its author says so. Only after them it
 * says which one it was.
 */
const writeMsMax = 35_000;

async function request(
  place: Place,
  { method, suffix, body }: { method: 'GET' | 'POST' | 'PUT' | 'DELETE'; suffix: string; body?: unknown },
): Promise<TenantResponse> {
  try {
    return await place.client.request({
      method,
      path: `${place.path}${suffix}`,
      signal: place.signal,
      ...(method !== 'GET' && { timeoutMs: writeMsMax }),
      ...(body === undefined ? {} : { body, contentType: 'application/json' }),
    });
  } catch (cause) {
    throw new AppError('cluster_unavailable', { cause });
  }
}

/** Tenants name objects: nothing in a name must reach another one. */
function segment(name: string): string {
  return `/${encodeURIComponent(name).replaceAll('%3A', ':')}`;
}

/** What the workspace's own cluster has answered against it, in its words. */
export class RefusedInsideError extends AppError {}

function refused(answer: TenantResponse, what: string): AppError {
  const message = refusalWords(answer);
  const cause = { what, status: answer.status, body: answer.body };
  return message === null
    ? new AppError('cluster_unavailable', { cause })
    : new RefusedInsideError('cluster_unavailable', { message, cause });
}

const refusalMax = 400;

/**
 * What the workspace's own cluster says against it: a webhook or a policy that somebody made there stands in the way of
 * us as of everybody, and only they can take it away. Null when it does not answer, or asks to come again.
 */
function refusalWords(answer: TenantResponse): string | null {
  const { status } = answer;
  const said = saidBy(answer);
  if (said === '') return null;
  const webhook = webhookIn(said);
  if (webhook !== undefined)
    return `The admission webhook ${webhook} in the workspace's own cluster stands in the way: ${said}`;
  const comesAgain = status === 401 || status === 408 || status === 410 || status === 429;
  return status >= 400 && status < 500 && !comesAgain
    ? `The workspace's own cluster refuses it: ${said}`
    : null;
}

function saidBy({ body }: TenantResponse): string {
  return printable(isRecord(body) && typeof body.message === 'string' ? body.message : '', refusalMax);
}

function webhookIn(said: string): string | undefined {
  return /webhook "([^"\s]{1,253})"/.exec(said)?.[1];
}

/** What tenants write as it may be printed on terminals, at most so long. */
export function printable(text: string, lengthMax: number): string {
  return text
    .replace(/[\p{Cc}\p{Cf}]+/gu, ' ')
    .trim()
    .slice(0, lengthMax);
}

/** True when everything in `wanted` is in `existing`; lists must be equal in length. */
export function covers(existing: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted)) {
    return (
      Array.isArray(existing) &&
      existing.length === wanted.length &&
      wanted.every((item, index) => covers(existing[index], item))
    );
  }
  if (isRecord(wanted)) {
    return isRecord(existing) && Object.entries(wanted).every(([key, value]) => covers(existing[key], value));
  }
  return existing === wanted;
}

/** `metadata` is joined, every other field is ours as a whole. */
function merge(existing: Record<string, unknown>, wanted: WantedObject): Record<string, unknown> {
  const old = isRecord(existing.metadata) ? existing.metadata : {};
  const { labels, annotations } = wanted.metadata;
  return {
    ...existing,
    ...wanted,
    metadata: {
      ...old,
      ...(labels ? { labels: { ...(isRecord(old.labels) ? old.labels : {}), ...labels } } : {}),
      ...(annotations
        ? { annotations: { ...(isRecord(old.annotations) ? old.annotations : {}), ...annotations } }
        : {}),
    },
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

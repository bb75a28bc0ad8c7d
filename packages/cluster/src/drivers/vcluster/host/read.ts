import { KubeCallError, KubeRefusal } from '../../../kube-api/call-errors.ts';
import { resourcePath } from '../../../kube-api/resource-path.ts';
import type { TenantClient, TenantResponse } from '../../../port.ts';
import { fieldOf, listOf, metaOf, textOf, type Json } from './objects.ts';

export interface Wanted {
  apiVersion: string;
  kind: string;
  namespace?: string;
  name: string;
}

/** Null when there is none. */
export async function readOne(host: TenantClient, wanted: Wanted, signal: AbortSignal): Promise<Json | null> {
  const { apiVersion, kind, ...key } = wanted;
  const answer = await host.request({ method: 'GET', path: resourcePath(apiVersion, kind, key), signal });
  if (answer.status === 404) return null;
  return asObject(answer, `${kind} ${wanted.name}`);
}

/**
 * Null only when the API itself says that there is none; a 404 of whatever stands before it proves nothing. For what must
 * not be taken for gone. Throws `KubeCallError` for such a one.
 */
export async function readProven(
  host: TenantClient,
  { apiVersion, kind, ...key }: Wanted,
  signal: AbortSignal,
): Promise<Json | null> {
  const answer = await host.request({ method: 'GET', path: resourcePath(apiVersion, kind, key), signal });
  if (answer.status !== 404) return asObject(answer, `${kind} ${key.name}`);
  const { body } = answer;
  if (fieldOf(body, 'kind') === 'Status' && fieldOf(body, 'reason') === 'NotFound') return null;
  throw new KubeCallError('unreachable', 'A 404 that is not of a Kubernetes API');
}

export interface Selection {
  apiVersion: string;
  kind: string;
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
}

const pageSize = 500;

/** All pages of a collection. */
export async function readAll(
  host: TenantClient,
  { apiVersion, kind, namespace, ...selectors }: Selection,
  signal: AbortSignal,
): Promise<Json[]> {
  const path = resourcePath(apiVersion, kind, { namespace });
  const items: Json[] = [];
  let proceed = '';
  for (;;) {
    const query = new URLSearchParams({
      limit: String(pageSize),
      ...selectors,
      ...(proceed && { continue: proceed }),
    });
    const answer = await host.request({ method: 'GET', path: `${path}?${query.toString()}`, signal });
    // The list is too old to be continued; begin anew.
    if (answer.status === 410 && proceed) {
      items.length = 0;
      proceed = '';
      continue;
    }
    const list = asObject(answer, `the list of ${kind}`);
    items.push(...listOf(list['items']));
    proceed = textOf(fieldOf(list, 'metadata', 'continue'));
    if (!proceed) return items;
  }
}

/** No more than one page of a collection; `isWhole` when there is no further one. */
export async function readFirst(
  host: TenantClient,
  { apiVersion, kind, namespace, ...selectors }: Selection,
  signal: AbortSignal,
): Promise<{ items: Json[]; isWhole: boolean }> {
  const path = resourcePath(apiVersion, kind, { namespace });
  const query = new URLSearchParams({ limit: String(pageSize), ...selectors });
  const answer = await host.request({ method: 'GET', path: `${path}?${query.toString()}`, signal });
  const list = asObject(answer, `the list of ${kind}`);
  return {
    items: listOf(list['items']),
    isWhole: textOf(fieldOf(list, 'metadata', 'continue')) === '',
  };
}

export interface Deletion {
  wanted: Wanted;
  uid: string;
  /** Only as it was read; whatever its version when absent. */
  resourceVersion?: string;
  graceSeconds?: number;
}

/** Deletes exactly this object; false when it, or the one of this uid and version, is gone already. */
export async function deleteOne(
  host: TenantClient,
  { wanted, uid, resourceVersion, graceSeconds }: Deletion,
  signal: AbortSignal,
): Promise<boolean> {
  const { apiVersion, kind, ...key } = wanted;
  const answer = await host.request({
    method: 'DELETE',
    path: resourcePath(apiVersion, kind, key),
    body: {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      preconditions: { uid, ...(resourceVersion !== undefined && { resourceVersion }) },
      propagationPolicy: 'Background',
      ...(graceSeconds !== undefined && { gracePeriodSeconds: graceSeconds }),
    },
    signal,
  });
  if (answer.status === 404 || answer.status === 409) return false;
  if (answer.status >= 300) throw new KubeRefusal(`${kind} ${wanted.name}`, answer);
  return true;
}

/** One object of a list, to be deleted or read again. */
export function placeOf(apiVersion: string, kind: string, object: unknown): Wanted {
  const { namespace, name } = metaOf(object);
  return { apiVersion, kind, name, ...(namespace !== '' && { namespace }) };
}

function asObject(answer: TenantResponse, what: string): Json {
  const { status, body } = answer;
  if (status === 200 && body !== null && typeof body === 'object' && !Array.isArray(body))
    return Object.fromEntries(Object.entries(body));
  throw new KubeRefusal(what, answer);
}

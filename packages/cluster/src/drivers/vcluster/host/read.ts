import { KubeCallError, KubeRefusal } from '../../../kube-api/call-errors.ts';
import { resourcePath } from '../../../kube-api/resource-path.ts';
import type { TenantClient, TenantResponse } from '../../../port.ts';
import { fieldOf, metaOf, type Json } from './objects.ts';
import { pagesOf, type Paged } from './pages.ts';
import { pick, type Shape } from './pick.ts';

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
  /** What is kept of each object; all of it when absent. For what tenants make: they decide how large it is. */
  keep?: Shape;
}

/** All pages of a collection. */
export async function readAll(
  host: TenantClient,
  selection: Selection,
  signal: AbortSignal,
): Promise<Json[]> {
  for (;;) {
    const items: Json[] = [];
    let hasBegun = false;
    try {
      for await (const page of pagesOf(host, listOfAll(selection, 500), signal)) {
        hasBegun = true;
        items.push(...kept(page.items, selection));
      }
      return items;
    } catch (error) {
      // The list is too old to be continued; begin anew.
      if (!(hasBegun && error instanceof KubeRefusal && error.status === 410)) throw error;
    }
  }
}

/** The first five hundred of a collection; `isWhole` when there are no more. */
export async function readFirst(
  host: TenantClient,
  selection: Selection,
  signal: AbortSignal,
): Promise<{ items: Json[]; isWhole: boolean }> {
  const items: Json[] = [];
  for await (const page of pagesOf(host, listOfAll(selection, 100), signal)) {
    items.push(...kept(page.items, selection));
    if (page.isLast) return { items, isWhole: true };
    if (items.length >= firstMax) break;
  }
  return { items: items.slice(0, firstMax), isWhole: false };
}

const firstMax = 500;

function listOfAll(
  { apiVersion, kind, namespace, keep: _keep, ...selectors }: Selection,
  size: number,
): Paged {
  const query = new URLSearchParams(selectors).toString();
  const path = resourcePath(apiVersion, kind, { namespace });
  return {
    path: query === '' ? path : `${path}?${query}`,
    size,
    refused: (answer) => new KubeRefusal(`the list of ${kind}`, answer),
  };
}

function kept(items: readonly Json[], { keep }: Selection): readonly Json[] {
  return keep === undefined ? items : items.map((item) => pick(item, keep));
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

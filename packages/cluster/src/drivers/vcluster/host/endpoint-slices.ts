import { KubeRefusal } from '../../../kube-api/call-errors.ts';
import type { TenantResponse } from '../../../port.ts';
import { fieldOf, listOf, type Json } from './objects.ts';

/** Asks the API of the host. */
export type Get = (path: string) => Promise<TenantResponse>;

/** A collection; nothing where it is not served or may not be read. Throws `KubeRefusal` for an answer that says nothing about `what`. */
export async function listedOrNothing(get: Get, path: string, what: string): Promise<Json[]> {
  const answer = await get(path);
  if (answer.status === 403 || answer.status === 404) return [];
  if (answer.status !== 200) throw new KubeRefusal(what, answer);
  return listOf(fieldOf(answer.body, 'items'));
}

/** Where a service leads, as `listedOrNothing` reads it. */
export function endpointSlices(
  get: Get,
  { namespace, name }: { namespace: string; name: string },
  what: string,
): Promise<Json[]> {
  const labels = selecting({ 'kubernetes.io/service-name': name });
  return listedOrNothing(
    get,
    `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices?${labels}`,
    what,
  );
}

/** The query that selects what has these labels. */
export function selecting(labels: Readonly<Record<string, string>>): string {
  const labelSelector = Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
  return new URLSearchParams({ labelSelector }).toString();
}

import { KubeRefusal } from '../../../kube-api/call-errors.ts';
import type { TenantClient } from '../../../port.ts';
import { endpointSlices, listedOrNothing, selecting, type Get } from './endpoint-slices.ts';
import { fieldOf, isRecord, listOf, metaOf, numberOf, textOf } from './objects.ts';

/**
 * Behind which service the host's metrics API is. A tenant's control plane asks that service itself what it serves; while
 * it gets no answer, whatever needs all APIs of the tenant waits, the removal of its namespaces for one.
 */
export interface MetricsService {
  namespace: string;
  name: string;
  port: number;
  /** Labels of its pods; null when it leads elsewhere than to pods. */
  pods: Readonly<Record<string, string>> | null;
  /** Where it leads that no label can name: to programs beside the cluster, or to pods in the network of their node. */
  addresses: readonly MetricsAddress[];
}

export interface MetricsAddress {
  address: string;
  port: number;
}

/** As upstream's manifests, K3s and most clouds have it: also what is assumed where we may not look. */
export const usualMetricsService: MetricsService = {
  namespace: 'kube-system',
  name: 'metrics-server',
  port: 443,
  pods: { 'k8s-app': 'metrics-server' },
  addresses: [],
};

/**
 * Asks which one is installed, not whether it answers; null when there is none. Throws `KubeRefusal` for an answer that
 * says nothing: taken for "none" it would restart every control plane.
 */
export async function readMetricsService(
  host: TenantClient,
  signal: AbortSignal,
): Promise<MetricsService | null> {
  const get: Get = (path) => host.request({ method: 'GET', path, signal });
  const answer = await get('/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.metrics.k8s.io');
  if (answer.status === 404) return null;
  if (answer.status === 403) return (await isListed(get)) ? usualMetricsService : null;
  if (answer.status !== 200) throw new KubeRefusal('the metrics API of the host', answer);
  const service = fieldOf(answer.body, 'spec', 'service');
  const namespace = textOf(fieldOf(service, 'namespace'));
  const name = textOf(fieldOf(service, 'name'));
  if (namespace === '' || name === '') return usualMetricsService;
  const port = numberOf(fieldOf(service, 'port')) || usualMetricsService.port;
  return { namespace, name, port, ...(await leadsTo(get, { namespace, name })) };
}

/** For accounts that may not read what serves an API. */
async function isListed(get: Get): Promise<boolean> {
  const groups = await get('/apis');
  if (groups.status === 403) return false;
  if (groups.status !== 200) throw new KubeRefusal('the APIs of the host', groups);
  return listOf(fieldOf(groups.body, 'groups')).some(({ name }) => name === 'metrics.k8s.io');
}

async function leadsTo(
  get: Get,
  { namespace, name }: { namespace: string; name: string },
): Promise<Pick<MetricsService, 'pods' | 'addresses'>> {
  const core = `/api/v1/namespaces/${namespace}`;
  const answer = await get(`${core}/services/${name}`);
  const { pods: usual } = usualMetricsService;
  if (answer.status === 404 || answer.status === 403) return { pods: usual, addresses: [] };
  if (answer.status !== 200) throw new KubeRefusal('the service of the metrics API', answer);
  const selector = fieldOf(answer.body, 'spec', 'selector');
  const pods = isRecord(selector)
    ? Object.fromEntries(Object.entries(selector).map(([key, value]) => [key, textOf(value)]))
    : null;
  const what = 'where the metrics API is';
  const all = (await endpointSlices(get, { namespace, name }, what)).flatMap(addressesOf);
  if (pods === null) return { pods, addresses: all };
  const found = all.length === 0 ? [] : await listedOrNothing(get, `${core}/pods?${selecting(pods)}`, what);
  const onNodes = new Set(
    found
      .filter((pod) => fieldOf(pod, 'spec', 'hostNetwork') === true && !metaOf(pod).deleting)
      .map((pod) => textOf(fieldOf(pod, 'status', 'podIP'))),
  );
  return { pods, addresses: all.filter(({ address }) => onNodes.has(address)) };
}

/** In order, so that the same places give the same policies. */
function addressesOf(slice: unknown): MetricsAddress[] {
  const endpoints = listOf(fieldOf(slice, 'endpoints'));
  const addresses = endpoints.flatMap(({ addresses: of }) => (Array.isArray(of) ? of.map(textOf) : []));
  const ports = listOf(fieldOf(slice, 'ports')).map(({ port }) => numberOf(port));
  return addresses
    .toSorted()
    .flatMap((address) => ports.toSorted((a, b) => a - b).map((port) => ({ address, port })));
}

import type { Clock } from '@hexabase/kernel/clock.ts';
import { KubeRefusal } from '../../../kube-api/call-errors.ts';
import type { TenantClient } from '../../../port.ts';
import { endpointSlices, type Get } from './endpoint-slices.ts';
import { readMetricsService, type MetricsService } from './metrics-service.ts';
import { fieldOf, listOf, numberOf, textOf } from './objects.ts';

/** What decides how tenants are made on this host. */
export interface HostFacts {
  /** `v1.34.4` */
  version: string;
  /** Range of its services; null when it does not say. */
  serviceCidr: string | null;
  /** What serves its metrics API, whether that answers right now or not; null without one. */
  metrics: MetricsService | null;
  /** On which its API servers listen, behind its service; empty when it does not say. */
  apiPorts: readonly number[];
}

const keptMs = 10 * 60_000;

export type ReadFacts = (signal: AbortSignal) => Promise<HostFacts>;

/** Asks once and keeps the answer for ten minutes. */
export function hostFacts({ host, clock }: { host: TenantClient; clock: Clock }): ReadFacts {
  let kept: { facts: HostFacts; atMs: number } | null = null;
  return async (signal) => {
    if (kept && clock.now() - kept.atMs < keptMs) return kept.facts;
    const [version, serviceCidr, metrics, apiPorts] = await Promise.all([
      hostVersion(host, signal),
      hostServiceCidr(host, signal),
      readMetricsService(host, signal),
      hostApiPorts(host, signal),
    ]);
    kept = { facts: { version, serviceCidr, metrics, apiPorts }, atMs: clock.now() };
    return kept.facts;
  };
}

async function hostVersion(host: TenantClient, signal: AbortSignal): Promise<string> {
  const answer = await host.request({ method: 'GET', path: '/version', signal });
  const version = textOf(fieldOf(answer.body, 'gitVersion'));
  if (answer.status !== 200 || version === '') throw new KubeRefusal('the version of the host', answer);
  return version;
}

/** The API `networking.k8s.io/v1 ServiceCIDR` is there since Kubernetes 1.33; older hosts and refusals say nothing. */
async function hostServiceCidr(host: TenantClient, signal: AbortSignal): Promise<string | null> {
  const answer = await host.request({
    method: 'GET',
    path: '/apis/networking.k8s.io/v1/servicecidrs/kubernetes',
    signal,
  });
  if (answer.status === 404 || answer.status === 403) return null;
  // What is wrong for a moment says nothing about the host; taken for an answer it would restart every control plane.
  if (answer.status !== 200) throw new KubeRefusal('the range of services of the host', answer);
  const ranges = fieldOf(answer.body, 'spec', 'cidrs');
  return Array.isArray(ranges) && ranges.length > 0 ? ranges.map(textOf).join(',') : null;
}

/** API servers write where they listen into the endpoints of the service `kubernetes`. */
async function hostApiPorts(host: TenantClient, signal: AbortSignal): Promise<number[]> {
  const get: Get = (path) => host.request({ method: 'GET', path, signal });
  const service = { namespace: 'default', name: 'kubernetes' };
  const ports = (await endpointSlices(get, service, 'where the API of the host is'))
    .flatMap(({ ports: of }) => listOf(of))
    .map(({ port }) => numberOf(port))
    .filter((port) => port > 0);
  return [...new Set(ports)].toSorted((a, b) => a - b);
}

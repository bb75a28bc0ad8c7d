import type { Clock } from '@hexabase/kernel/clock.ts';
import { KubeRefusal } from '../../../kube-api/call-errors.ts';
import type { TenantClient } from '../../../port.ts';
import { fieldOf, listOf, textOf } from './objects.ts';

/** What decides how tenants are made on this host. */
export interface HostFacts {
  /** `v1.34.4` */
  version: string;
  /** Range of its services; null when it does not say. */
  serviceCidr: string | null;
  /** It has a metrics API, whether that answers right now or not: a change would restart every control plane. */
  metrics: boolean;
}

const keptMs = 10 * 60_000;

/** Asks once and keeps the answer for ten minutes. */
export function hostFacts({ host, clock }: { host: TenantClient; clock: Clock }) {
  let kept: { facts: HostFacts; atMs: number } | null = null;
  return async (signal: AbortSignal): Promise<HostFacts> => {
    if (kept && clock.now() - kept.atMs < keptMs) return kept.facts;
    const [version, serviceCidr, metrics] = await Promise.all([
      hostVersion(host, signal),
      hostServiceCidr(host, signal),
      hasMetrics(host, signal),
    ]);
    kept = { facts: { version, serviceCidr, metrics }, atMs: clock.now() };
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

/** Asks whether it is installed, not whether it answers. */
async function hasMetrics(host: TenantClient, signal: AbortSignal): Promise<boolean> {
  const service = '/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.metrics.k8s.io';
  const answer = await host.request({ method: 'GET', path: service, signal });
  if (answer.status === 200) return true;
  if (answer.status === 404) return false;
  if (answer.status !== 403) throw new KubeRefusal('the metrics API of the host', answer);
  const groups = await host.request({ method: 'GET', path: '/apis', signal });
  if (groups.status === 403) return false;
  if (groups.status !== 200) throw new KubeRefusal('the APIs of the host', groups);
  return listOf(fieldOf(groups.body, 'groups')).some(({ name }) => name === 'metrics.k8s.io');
}

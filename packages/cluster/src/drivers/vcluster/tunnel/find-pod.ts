import type { TenantRequest, TenantResponse } from '../../../port.ts';
import { KubeRefusal } from '../../../kube-api/call-errors.ts';
import { TunnelError } from './tunnel-error.ts';

export interface PodChoice {
  host: { request(request: TenantRequest): Promise<TenantResponse> };
  namespace: string;
  /** Label selector, `app=vcluster,release=ws-1`. */
  podSelector: string;
  signal: AbortSignal;
}

interface Candidate {
  name: string;
  ready: boolean;
  createdAt: string;
}

/** The pod that takes connections: a ready one before one that only runs, the newest of several. Throws `TunnelError`. */
export async function findPod({ host, namespace, podSelector, signal }: PodChoice): Promise<string> {
  const path = `/api/v1/namespaces/${namespace}/pods?labelSelector=${encodeURIComponent(podSelector)}`;
  const answer = await host.request({ method: 'GET', path, signal });
  if (answer.status !== 200) throw new KubeRefusal(`The pods of ${namespace} cannot be listed`, answer);
  const items = record(answer.body)['items'];
  const candidates = (Array.isArray(items) ? items : []).flatMap(candidateOf);
  candidates.sort((a, b) => Number(b.ready) - Number(a.ready) || (a.createdAt < b.createdAt ? 1 : -1));
  const [best] = candidates;
  if (best) return best.name;
  throw new TunnelError(`no pod of ${namespace} with ${podSelector} is running`, { temporary: true });
}

/** Only pods that run and are not on their way out. */
function candidateOf(pod: unknown): Candidate[] {
  const { metadata, status } = record(pod);
  const { name, deletionTimestamp, creationTimestamp } = record(metadata);
  const { phase, conditions } = record(status);
  if (typeof name !== 'string' || deletionTimestamp !== undefined || phase !== 'Running') return [];
  const ready = Array.isArray(conditions) && conditions.map(record).some(isReady);
  return [{ name, ready, createdAt: typeof creationTimestamp === 'string' ? creationTimestamp : '' }];
}

function isReady({ type, status }: Record<string, unknown>): boolean {
  return type === 'Ready' && status === 'True';
}

function record(value: unknown): Record<string, unknown> {
  return isRecord(value) ? value : {};
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

import type { Clock } from '@hexabase/kernel/clock.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { KubeCallError, KubeRefusal } from '../kube-api/call-errors.ts';
import { createKubeClient, type KubeClient } from '../kube-api/client.ts';
import { inClusterEndpoint } from '../kube-api/endpoint.ts';
import type { TenantClient } from '../port.ts';
import { at } from './host-check.ts';
import { endpointOf } from './sealed-endpoint.ts';

/**
 * Which cluster it is: the uid of its namespace `kube-system`, which is made once and lives as long as the cluster does,
 * also through a restore of its etcd. Throws `KubeCallError`, and `KubeRefusal` when we may not look.
 */
export async function readClusterUid(client: TenantClient, signal?: AbortSignal): Promise<string> {
  const path = '/api/v1/namespaces/kube-system';
  const answer = await client.request({ method: 'GET', path, ...(signal && { signal }) });
  const uid = at(answer.body, 'metadata', 'uid');
  if (answer.status !== 200 || typeof uid !== 'string')
    throw new KubeRefusal('Namespace kube-system', answer);
  return uid;
}

const identifyMsMax = 5_000;

/**
 * Where a kubeconfig leads, or the cluster that this process runs in when null; null when it does not answer, or does not
 * let us look. Throws `validation_failed` as `sealEndpoint` does.
 */
export async function identifyCluster(
  given: { kubeconfig: string; context?: string | undefined } | null,
): Promise<string | null> {
  const endpoint = given === null ? inClusterEndpoint() : endpointOf(given);
  using client = createKubeClient(endpoint, { callTimeoutMs: identifyMsMax });
  try {
    return await readClusterUid(client);
  } catch (error) {
    if (error instanceof KubeCallError || error instanceof KubeRefusal) return null;
    throw error;
  }
}

export interface GuardOptions {
  hostName: string;
  clock: Clock;
  /** Which cluster the host is said to be, after this one was recorded where none was known yet. */
  confirm(seen: string): Promise<string>;
}

/** So long it is believed to be the one it was. */
const believedMs = 15_000;

/**
 * The same client, which first makes sure that it is the cluster that was added: in another one workspaces would be missing,
 * and be made anew. Everything rejects with AppError `cluster_unavailable` there, and nothing is read or written.
 */
export function guardedHost(client: KubeClient, { hostName, clock, confirm }: GuardOptions): KubeClient {
  let known: string | null = null;
  let sureMs = Number.NEGATIVE_INFINITY;
  let looking: Promise<void> | null = null;

  async function look(): Promise<void> {
    const seen = await readClusterUid(client);
    if (seen !== known) known = await confirm(seen);
    if (seen !== known) {
      const message = `The host cluster ${hostName} is another cluster than the one that was added; nothing is read or written there. Its administrator has to give the right kubeconfig.`;
      throw new AppError('cluster_unavailable', { message });
    }
    sureMs = clock.now();
  }

  async function sure(): Promise<void> {
    if (clock.now() - sureMs < believedMs) return;
    looking ??= look().finally(() => (looking = null));
    await looking;
  }

  return {
    endpoint: client.endpoint,
    async request(request) {
      await sure();
      return client.request(request);
    },
    async stream(path, options) {
      await sure();
      return client.stream(path, options);
    },
    async webSocket(path, protocols) {
      await sure();
      return client.webSocket(path, protocols);
    },
    [Symbol.dispose]: () => client[Symbol.dispose](),
  };
}

import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { TenantClient, TenantRequest, TenantResponse } from '../port.ts';
import { lookAtHost } from './look-at-host.ts';

const ok = (body: unknown): TenantResponse => ({ status: 200, body });
const node = {
  status: {
    conditions: [{ type: 'Ready', status: 'True' }],
    allocatable: { cpu: '2', memory: '4Gi', pods: '110' },
  },
};

/** An administrator's view of a host in order; `changed` answers in its place, null goes on with that. */
function host(changed: (request: TenantRequest) => Promise<TenantResponse | null>): TenantClient {
  return {
    async request(request) {
      const { path } = request;
      const other = await changed(request);
      if (other) return other;
      if (path === '/version') return ok({ gitVersion: 'v1.34.4' });
      if (path.endsWith('/kube-system')) return ok({ metadata: { uid: 'this-one' } });
      if (path.endsWith('/selfsubjectaccessreviews')) return ok({ status: { allowed: true } });
      return ok({ items: path === '/api/v1/nodes' ? [node] : [] });
    },
  };
}

function look(client: TenantClient, ms = 10_000) {
  const signal = AbortSignal.timeout(ms);
  return lookAtHost(client, { signal, storageClass: null, clusterUid: 'this-one' });
}

const statuses = ({ checks }: Awaited<ReturnType<typeof look>>) =>
  Object.fromEntries(checks.map(({ type, status }) => [type, status]));

it('a host whose nodes could not be read once keeps the size that it had', async () => {
  const { observed } = await look(host(async () => null));
  expect(observed).toMatchObject({ nodes: 1, memoryMib: 4_096 });
  const busy = await look(
    host(async ({ path }) => (path === '/api/v1/nodes' ? { status: 500, body: '' } : null)),
  );
  expect(statuses(busy)).toMatchObject({ Reachable: 'True', RightsGranted: 'True', NodesReady: 'Unknown' });
  expect([busy.observed, busy.kubernetesVersion]).toEqual([null, 'v1.34.4']);
});

it('a host that answers slowly is reachable, and Unknown only in what it did not answer in time', async () => {
  const slow = await look(
    host(async ({ path, signal }) => {
      // As the client: what it was given to give up with is what it ends with.
      if (path === '/api/v1/nodes')
        await sleep(5_000, undefined, { signal }).catch(() => signal?.throwIfAborted());
      return null;
    }),
    300,
  );
  expect(statuses(slow)).toMatchObject({
    Reachable: 'True',
    SameCluster: 'True',
    VersionSupported: 'True',
    RightsGranted: 'True',
    NodesReady: 'Unknown',
  });
  expect(slow.observed).toBeNull();
});

it('a look that is given up because the server stops ends with that', async () => {
  const stopping = new AbortController();
  const silent = host(async ({ path, signal }) => {
    if (path === '/version') return null;
    stopping.abort(new Error('the server stops'));
    signal?.throwIfAborted();
    return null;
  });
  const asked = { signal: stopping.signal, storageClass: null, clusterUid: null };
  await expect(lookAtHost(silent, asked)).rejects.toThrow('the server stops');
});

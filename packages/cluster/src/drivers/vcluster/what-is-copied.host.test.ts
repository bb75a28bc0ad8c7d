import { hostCluster } from '@hexabase/testkit/host-cluster.ts';
import { hostUnderTest, type HostUnderTest } from '@hexabase/testkit/vcluster-under-test.ts';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { eventually, tenantSpec } from '../../conformance/scene.ts';
import { resourcePath } from '../../kube-api/resource-path.ts';
import type { TenantRequest } from '../../port.ts';
import { fieldOf, metaOf, type Json } from './host/objects.ts';
import { readAll } from './host/read.ts';
import { copiedLabel, dnsLabels, namesOf } from './names.ts';

const given = hostCluster('tenant');
const settleMs = 180_000;
const call = () => ({ signal: AbortSignal.timeout(settleMs) });

vi.setConfig({ testTimeout: 300_000, hookTimeout: 400_000 });

describe.skipIf(given === null)('what a tenant makes, on a real host', () => {
  const stack = new AsyncDisposableStack();
  const spec = tenantSpec();
  const { namespace, release } = namesOf(spec.workspaceId);
  let on: HostUnderTest;
  beforeAll(async () => {
    if (given === null) return;
    on = stack.use(await hostUnderTest(given));
    await on.driver().ensureTenant(spec, call());
    await eventually(settleMs, async () => {
      const state = await on.driver().observeTenant(spec.workspaceId, call());
      return state.kind === 'present' && state.ready;
    });
    await eventually(
      settleMs,
      async () => (await inTenant('/api/v1/namespaces/default/serviceaccounts/default')) < 300,
    );
  });
  afterAll(() => stack.disposeAsync());

  async function inTenant(path: string, body?: object): Promise<number> {
    const request: TenantRequest = { method: body ? 'POST' : 'GET', path, ...(body && { body }) };
    return (await on.driver().tenantClient(spec.workspaceId).request(request)).status;
  }
  const copied = (kind: string): Promise<Json[]> =>
    readAll(
      on.host,
      { apiVersion: 'v1', kind, namespace, labelSelector: `${copiedLabel}=${release}` },
      call().signal,
    );

  it('does not reach the name server of the host by calling its pods as the control plane calls its own', async () => {
    const metadata = { name: 'claims-to-be-dns', labels: { app: 'claims', ...dnsLabels(release) } };
    const image = 'docker.io/library/busybox:1.35';
    const body = { metadata, spec: { containers: [{ name: 'c', image, command: ['sleep', '1'] }] } };
    expect(await inTenant('/api/v1/namespaces/default/pods', body)).toBe(201);
    const pod = await eventually(settleMs, async () =>
      (await copied('Pod')).find((one) => metaOf(one).labels['app'] === 'claims'),
    );
    const policies = { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', namespace };
    const found = (await readAll(on.host, policies, call().signal)).find(
      (one) => metaOf(one).name === 'hexabase-dns',
    );
    const selected = Object.entries(Object(fieldOf(found, 'spec', 'podSelector', 'matchLabels')));
    const selects = (labels: Json) => selected.every(([key, value]) => labels[key] === value);
    expect(selects(metaOf(pod).labels), JSON.stringify(metaOf(pod).labels)).toBe(false);
    // The one that is meant.
    await eventually(settleMs, async () => (await copied('Pod')).some((one) => selects(metaOf(one).labels)));
  });

  it('gets a load balancer of the host, and who an administrator lets in to it stays when we repair what is ours', async () => {
    const ports = [{ port: 80, targetPort: 8080 }];
    const body = {
      metadata: { name: 'web' },
      spec: { type: 'LoadBalancer', selector: { app: 'web' }, ports },
    };
    expect(await inTenant('/api/v1/namespaces/default/services', body)).toBe(201);
    await eventually(settleMs, async () =>
      (await copied('Service')).some((one) => fieldOf(one, 'spec', 'type') === 'LoadBalancer'),
    );
    const path = resourcePath('networking.k8s.io/v1', 'NetworkPolicy', { namespace });
    const podSelector = { matchLabels: { app: 'web', 'vcluster.loft.sh/namespace': 'default' } };
    const ingress = [{ from: [{ ipBlock: { cidr: '192.168.7.0/24' } }], ports: [{ port: 8080 }] }];
    const office = { metadata: { name: 'office' }, spec: { podSelector, ingress } };
    expect((await on.host.request({ method: 'POST', path, body: office })).status).toBe(201);
    await on.driver().ensureTenant({ ...spec, fence: spec.fence + 1 }, call());
    expect((await on.host.request({ method: 'GET', path: `${path}/office` })).status).toBe(200);
  });
});

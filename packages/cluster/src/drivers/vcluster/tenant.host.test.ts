import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { newId, type WorkspaceId } from '@hexabase/kernel/id.ts';
import { hostCluster } from '@hexabase/testkit/host-cluster.ts';
import { eventually, removedUntilNothingIsLeft, tenantSpec } from '../../conformance/scene.ts';
import { resourcePath } from '../../kube-api/resource-path.ts';
import { TenantConflictError, type TenantSpec } from '../../port.ts';
import { metaOf } from './host/objects.ts';
import { readAll, readOne } from './host/read.ts';
import { hostUnderTest, type HostUnderTest } from '@hexabase/testkit/vcluster-under-test.ts';
import { namesOf, ownerSelector } from './names.ts';

const given = hostCluster('tenant');
const settleMs = 180_000;
const networks = { internal: ['203.0.113.0/24'], senders: ['192.168.7.0/24'] };
const signal = () => AbortSignal.timeout(settleMs);

vi.setConfig({ testTimeout: 400_000, hookTimeout: 400_000 });

describe.skipIf(given === null)('a vCluster on a real host', () => {
  const stack = new AsyncDisposableStack();
  let on: HostUnderTest;
  beforeAll(async () => {
    if (given) on = stack.use(await hostUnderTest(given, { networks }));
  });
  afterAll(() => stack.disposeAsync());

  const ensure = (spec: TenantSpec) => on.driver().ensureTenant(spec, { signal: signal() });
  const observe = (id: WorkspaceId) => on.driver().observeTenant(id, { signal: signal() });
  const ready = (spec: TenantSpec) =>
    eventually(settleMs, async () => {
      const state = await observe(spec.workspaceId);
      return state.kind === 'present' && state.ready && state.generation === spec.generation ? state : null;
    });

  /** Versions of everything that we write for a workspace. */
  async function versions(id: WorkspaceId): Promise<Map<string, string>> {
    const { namespace } = namesOf(id);
    const kinds = [
      ...['ConfigMap', 'Secret', 'Service', 'ServiceAccount', 'ResourceQuota', 'LimitRange'].map((kind) => [
        'v1',
        kind,
      ]),
      ['networking.k8s.io/v1', 'NetworkPolicy'],
      ['rbac.authorization.k8s.io/v1', 'Role'],
      ['rbac.authorization.k8s.io/v1', 'RoleBinding'],
    ] as const;
    const lists = await Promise.all(
      kinds.map(async ([apiVersion = '', kind = '']) => {
        const found = await readAll(
          on.host,
          { apiVersion, kind, namespace, labelSelector: ownerSelector(id) },
          signal(),
        );
        return found.map((object) => [`${kind}/${metaOf(object).name}`, metaOf(object)] as const);
      }),
    );
    return new Map(lists.flat().map(([key, { resourceVersion }]) => [key, resourceVersion]));
  }

  it('is written once, repaired when somebody changes it, sleeps with its state and wakes with it', async () => {
    const spec = tenantSpec();
    const { namespace, release } = namesOf(spec.workspaceId);
    await ensure(spec);
    await ready(spec);

    const before = await versions(spec.workspaceId);
    expect(before.size).toBeGreaterThan(10);
    await ensure({ ...spec, fence: 11 });
    expect(
      changed(before, await versions(spec.workspaceId)).filter((key) => !key.startsWith('ResourceQuota')),
    ).toEqual([]);

    const workloads = {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      name: 'hexabase-workloads',
    };
    const written = JSON.stringify(await readOne(on.host, { ...workloads, namespace }, signal()));
    for (const range of Object.values(networks).flat()) expect(written).toContain(range);

    const policy = resourcePath('networking.k8s.io/v1', 'NetworkPolicy', {
      namespace,
      name: 'hexabase-default-deny',
    });
    await on.host.request({
      method: 'PATCH',
      path: policy,
      body: { spec: { podSelector: { matchLabels: { nobody: 'here' } } } },
    });
    const quota = resourcePath('v1', 'ResourceQuota', { namespace, name: 'hexabase' });
    await on.host.request({ method: 'DELETE', path: quota });
    const extra = resourcePath('v1', 'ConfigMap', { namespace });
    const labels = {
      'app.kubernetes.io/managed-by': 'hexabase',
      'hexabase.ai/workspace-id': spec.workspaceId,
    };
    await on.host.request({
      method: 'POST',
      path: extra,
      body: { metadata: { name: 'not-wanted', labels } },
    });
    await ensure({ ...spec, fence: 12 });
    expect((await on.host.request({ method: 'GET', path: policy })).body).toMatchObject({
      spec: { podSelector: {} },
    });
    expect((await on.host.request({ method: 'GET', path: policy })).body).not.toHaveProperty(
      'spec.podSelector.matchLabels',
    );
    expect((await on.host.request({ method: 'GET', path: quota })).status).toBe(200);
    expect((await on.host.request({ method: 'GET', path: `${extra}/not-wanted` })).status).toBe(404);

    const client = on.driver().tenantClient(spec.workspaceId);
    await client.request({
      method: 'POST',
      path: '/api/v1/namespaces',
      body: { metadata: { name: 'kept' } },
    });
    const pods = { apiVersion: 'v1', kind: 'Pod', namespace };
    await eventually(60_000, async () => {
      const dns = { ...pods, labelSelector: 'k8s-app=vcluster-kube-dns' };
      return (await readAll(on.host, dns, signal())).length > 0;
    });
    await ensure({ ...spec, fence: 13, generation: 2, asleep: true });
    const seen: string[] = [];
    await eventually(60_000, async () => {
      const state = await observe(spec.workspaceId);
      if (state.kind === 'absent') throw new Error('the tenant is gone');
      expect(state).toMatchObject({ ready: false, generation: 2 });
      seen.push(...state.conditions.map(({ type, status, message }) => `${type} ${status} ${message}`));
      return state.asleep;
    });
    // Its own DNS has a grace of half a minute; as long as it ends, nobody says that nothing runs.
    expect(seen).toContainEqual(expect.stringMatching(/^Asleep Unknown .* still ending: .*coredns-/));
    expect(await observe(spec.workspaceId)).toMatchObject({
      asleep: true,
      ready: false,
      generation: 2,
      conditions: [],
    });
    expect(await readAll(on.host, pods, signal())).toEqual([]);
    await ensure({ ...spec, fence: 14, generation: 3 });
    await ready({ ...spec, generation: 3 });
    expect((await client.request({ method: 'GET', path: '/api/v1/namespaces/kept' })).status).toBe(200);
    const statefulSet = { apiVersion: 'apps/v1', kind: 'StatefulSet', namespace, name: release };
    expect(metaOf(await readOne(on.host, statefulSet, signal())).annotations).toMatchObject({
      'hexabase.ai/fence': '14',
    });
  });

  it('never takes over a namespace of the same name, and never removes it', async () => {
    const spec = tenantSpec();
    const { namespace } = namesOf(spec.workspaceId);
    const path = resourcePath('v1', 'Namespace');
    const labels = { owner: 'somebody', 'pod-security.kubernetes.io/enforce': 'baseline' };
    const made = await on.host.request({
      method: 'POST',
      path,
      body: { metadata: { name: namespace, labels } },
    });
    expect(made.status).toBe(201);
    await expect(ensure(spec)).rejects.toThrow(TenantConflictError);
    await expect(ensure(spec)).rejects.toThrow('already has a namespace');
    expect(await observe(spec.workspaceId)).toEqual({ kind: 'absent' });
    const removal = await on.driver().removeTenant(spec.workspaceId, spec.fence, { signal: signal() });
    expect(removal).toMatchObject({ removed: [], left: [] });
    expect((await on.host.request({ method: 'GET', path: `${path}/${namespace}` })).body).toMatchObject({
      metadata: { labels: { owner: 'somebody' } },
      status: { phase: 'Active' },
    });
    await on.host.request({ method: 'DELETE', path: `${path}/${namespace}` });
  });

  it('is refused a Kubernetes version that the host does not offer, before anything is written', async () => {
    const spec = tenantSpec({ kubernetesVersion: '1.19' });
    await expect(ensure(spec)).rejects.toThrow('does not offer Kubernetes 1.19');
    expect(await observe(spec.workspaceId)).toEqual({ kind: 'absent' });
  });

  it('says which image cannot be had', async () => {
    const images = { ...on.options.images, vcluster: { ...on.options.images.vcluster, tag: '0.0.0-none' } };
    await using other = await hostUnderTest(requireHost(), { images });
    const spec = tenantSpec();
    await other.driver().ensureTenant(spec, { signal: signal() });
    const condition = await eventually(settleMs, async () => {
      const state = await other.driver().observeTenant(spec.workspaceId, { signal: signal() });
      return state.kind === 'present' ? state.conditions.find(({ type }) => type === 'ImagesPulled') : null;
    });
    expect(condition).toMatchObject({ status: 'False' });
    expect(condition?.message).toContain(':0.0.0-none for the control plane cannot be had');
  });

  it('says when no node may run it, as on a dedicated pool without nodes', async () => {
    const spec = tenantSpec({ isolation: 'dedicated' });
    await ensure(spec);
    const condition = await eventually(settleMs, async () => {
      const state = await observe(spec.workspaceId);
      return state.kind === 'present' ? state.conditions.find(({ type }) => type === 'Scheduled') : null;
    });
    expect(condition).toMatchObject({ status: 'False', reason: 'Unschedulable' });
    const role = await readAll(
      on.host,
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRole',
        labelSelector: ownerSelector(spec.workspaceId),
      },
      signal(),
    );
    expect(role).toHaveLength(1);
    const removed = await removeWhole(spec);
    expect(removed.map(({ kind }) => kind).toSorted()).toEqual([
      'clusterrole',
      'clusterrolebinding',
      'namespace',
    ]);
  });

  it('says when the host’s quota leaves it no room', async () => {
    const spec = tenantSpec({ size: { cpuMilli: 2000, memoryMib: 4096, storageGib: 10 } });
    const { namespace } = namesOf(spec.workspaceId);
    await ensure({ ...spec, asleep: true });
    const body = { metadata: { name: 'operator' }, spec: { hard: { 'count/pods': '0' } } };
    await on.host.request({ method: 'POST', path: resourcePath('v1', 'ResourceQuota', { namespace }), body });
    await ensure(spec);
    const condition = await eventually(settleMs, async () => {
      const state = await observe(spec.workspaceId);
      return state.kind === 'present' ? state.conditions.find(({ type }) => type === 'WithinQuota') : null;
    });
    expect(condition?.message).toContain('The quota leaves no room for the control plane');
  });

  it('has room for the load balancers of its plan, each with the ports that it takes by itself', async () => {
    const spec = tenantSpec({ asleep: true, size: { cpuMilli: 1000, memoryMib: 4096, storageGib: 10 } });
    const { namespace } = namesOf(spec.workspaceId);
    await ensure(spec);
    const open = async (name: string) => {
      const ports = [80, 443].map((port) => ({ name: `p${port}`, port }));
      const body = { metadata: { name }, spec: { type: 'LoadBalancer', ports } };
      return on.host.request({ method: 'POST', path: resourcePath('v1', 'Service', { namespace }), body });
    };
    const { status, body } = await eventually(settleMs, async () => {
      const answer = await open('web');
      // A quota counts when the host has looked at it for the first time.
      return !JSON.stringify(answer.body).includes('status unknown for quota') && answer;
    });
    expect(status, JSON.stringify(body)).toBe(201);
    expect(JSON.stringify(await open('another'))).toContain('services.loadbalancers');
    await removeWhole(spec);
  });

  it('that has a finalizer nobody answers for is left with the reason, and goes when it is taken off', async () => {
    const spec = tenantSpec({ asleep: true });
    const { namespace } = namesOf(spec.workspaceId);
    await ensure(spec);
    const path = resourcePath('v1', 'ConfigMap', { namespace });
    await on.host.request({
      method: 'POST',
      path,
      body: { metadata: { name: 'held', finalizers: ['example.test/dead'] } },
    });
    const left = await eventually(settleMs, async () => {
      const removal = await on.driver().removeTenant(spec.workspaceId, 20, { signal: signal() });
      const words = removal.left.map(({ kind, key, why }) => `${kind} ${key} ${why}`).join('; ');
      return words.includes('example.test/dead') && words;
    });
    expect(left).toContain(`namespace ${namespace}`);
    await on.host.request({
      method: 'PATCH',
      path: `${path}/held`,
      body: { metadata: { finalizers: null } },
    });
    await removeWhole(spec);
    expect(await observe(spec.workspaceId)).toEqual({ kind: 'absent' });
  });

  const removeWhole = ({ workspaceId }: TenantSpec) =>
    removedUntilNothingIsLeft(settleMs, () =>
      on.driver().removeTenant(workspaceId, 30, { signal: signal() }),
    );

  it('of nobody has no upstream', async () => {
    await expect(on.driver().upstream(newId<'Workspace'>())).rejects.toMatchObject({
      code: 'cluster_unavailable',
    });
  });
});

function requireHost() {
  if (given === null) throw new Error('there is no host cluster');
  return given;
}

function changed(before: Map<string, string>, after: Map<string, string>): string[] {
  return [...after].filter(([key, version]) => before.get(key) !== version).map(([key]) => key);
}

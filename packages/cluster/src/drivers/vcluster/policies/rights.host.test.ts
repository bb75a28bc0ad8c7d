import { readFileSync } from 'node:fs';
import { hostCluster } from '@hexabase/testkit/host-cluster.ts';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { sceneOf, tenantSpec, type Scene } from '../../../conformance/scene.ts';
import { applyObject } from '../../../kube-api/apply.ts';
import { createKubeClient, type KubeClient } from '../../../kube-api/client.ts';
import { parseKubeconfig } from '../../../kube-api/endpoint.ts';
import { resourcePath } from '../../../kube-api/resource-path.ts';
import { fieldOf, listOf, textOf } from '../host/objects.ts';
import { hostUnderTest, type HostUnderTest } from '@hexabase/testkit/vcluster-under-test.ts';
import { clusterRoleOf, fenceNamespace, hostAccount, namesOf } from '../names.ts';
import { ensureHostPolicies } from './ensure-host-policies.ts';
import { hostRbac } from './host-rbac.ts';

const given = hostCluster('tenant');

vi.setConfig({ testTimeout: 400_000, hookTimeout: 400_000 });

/** The driver on a real host with nothing but the account of deploy/host-rbac.yaml, under the policies that it installs. */
describe.skipIf(given === null)('the account of deploy/host-rbac.yaml', () => {
  let administrator: KubeClient;
  let account: KubeClient;
  let under: HostUnderTest;
  let scene: Scene;

  beforeAll(async () => {
    if (given === null) throw new Error('there is no host cluster');
    administrator = createKubeClient(parseKubeconfig(readFileSync(given.kubeconfig, 'utf8')));
    for (const object of hostRbac())
      await applyObject(administrator, object, { fieldManager: 'administrator', force: true });
    const token = await vi.waitFor(tokenOfAccount, { timeout: 20_000, interval: 200 });
    account = createKubeClient({ ...administrator.endpoint, credentials: { kind: 'token', token } });
    under = await hostUnderTest(given, { host: account, reach: 'tunnel' });
    scene = sceneOf({ under, settleMs: 180_000, parallelTenants: 1 });
  });
  afterAll(async () => {
    await under?.[Symbol.asyncDispose]();
    account?.[Symbol.dispose]();
    administrator?.[Symbol.dispose]();
  });

  it('installs the policies', async () => {
    expect(await ensureHostPolicies(account)).toBe('installed');
  });

  it('installs none whose expressions the host warns of', async () => {
    const path = resourcePath('admissionregistration.k8s.io/v1', 'ValidatingAdmissionPolicy');
    const checked = async (): Promise<unknown[]> => {
      const { body } = await account.request({ method: 'GET', path });
      const own = listOf(fieldOf(body, 'items')).filter((item) =>
        textOf(fieldOf(item, 'metadata', 'name')).startsWith('hexabase-'),
      );
      // The host's controllers look at an expression some moments after it was written.
      for (const item of own)
        expect(fieldOf(item, 'status', 'observedGeneration')).toBe(fieldOf(item, 'metadata', 'generation'));
      return own;
    };
    const policies = await vi.waitFor(checked, { timeout: 30_000, interval: 500 });
    expect(policies.length).toBeGreaterThan(10);
    expect(
      policies.flatMap((item) => listOf(fieldOf(item, 'status', 'typeChecking', 'expressionWarnings'))),
    ).toEqual([]);
  });

  it('makes a tenant, reaches it, puts it to sleep, wakes it and removes it, and leaves nothing', async () => {
    const spec = tenantSpec();
    const { driver, call, untilReady, ask } = scene;
    await driver.ensureTenant(spec, call());
    await untilReady(spec.workspaceId);
    expect((await ask(spec.workspaceId, 'GET', '/api/v1/namespaces/default')).status).toBe(200);
    await driver.ensureTenant({ ...spec, asleep: true, generation: 2 }, call());
    await vi.waitFor(
      async () =>
        expect(await driver.observeTenant(spec.workspaceId, call())).toMatchObject({ asleep: true }),
      { timeout: 60_000, interval: 500 },
    );
    await driver.ensureTenant({ ...spec, generation: 3 }, call());
    await untilReady(spec.workspaceId, 3);
    const removed = await scene.removeWhole(spec.workspaceId, 11);
    expect(removed.map(({ key }) => key)).toContain(namesOf(spec.workspaceId).namespace);
    expect(await driver.observeTenant(spec.workspaceId, call())).toEqual({ kind: 'absent' });
  });

  it('makes a dedicated one, whose control plane waits for nodes of its own', async () => {
    const spec = { ...tenantSpec(), isolation: 'dedicated' as const };
    const { namespace, release } = namesOf(spec.workspaceId);
    await scene.driver.ensureTenant(spec, scene.call());
    const role = { name: clusterRoleOf({ namespace, release }) };
    const path = resourcePath('rbac.authorization.k8s.io/v1', 'ClusterRole', role);
    expect((await account.request({ method: 'GET', path })).status).toBe(200);
    const pod = await vi.waitFor(() => controlPlane(namespace), { timeout: 30_000, interval: 200 });
    expect(fieldOf(pod, 'spec', 'nodeSelector')).toMatchObject({ 'hexabase.ai/pool': spec.workspaceId });
    expect(textOf(fieldOf(pod, 'status', 'phase'))).toBe('Pending');
    const keys = (await scene.removeWhole(spec.workspaceId, 11)).map(({ kind }) => kind);
    expect(keys).toEqual(expect.arrayContaining(['clusterrole', 'clusterrolebinding', 'namespace']));
  });

  it('cannot write elsewhere although its role would let it', async () => {
    const elsewhere = [
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'hexabase-was-here', namespace: 'default' } },
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'hexabase-was-here' } },
    ];
    for (const object of elsewhere) {
      const { namespace } = object.metadata as { namespace?: string };
      const path = `${resourcePath('v1', object.kind, { namespace })}?dryRun=All`;
      const { status, body } = await account.request({ method: 'POST', path, body: object });
      expect(status).toBe(403);
      expect(JSON.stringify(body)).toContain('only writes in its own namespaces');
    }
  });

  async function tokenOfAccount(): Promise<string> {
    const key = { namespace: fenceNamespace, name: `${hostAccount}-token` };
    const { body } = await administrator.request({ method: 'GET', path: resourcePath('v1', 'Secret', key) });
    const token = Buffer.from(textOf(fieldOf(body, 'data', 'token')), 'base64').toString('utf8');
    expect(token).not.toBe('');
    return token;
  }

  async function controlPlane(namespace: string): Promise<unknown> {
    const path = resourcePath('v1', 'Pod', { namespace });
    const { body } = await account.request({ method: 'GET', path });
    const [pod] = listOf(fieldOf(body, 'items'));
    expect(pod).toBeDefined();
    return pod;
  }
});

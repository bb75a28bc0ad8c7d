import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { createKubeClient, type KubeClient } from '@hexabase/cluster/kube-api/client.ts';
import { brandId, newId } from '@hexabase/kernel/id.ts';
import { kubeBinaries } from '@hexabase/testkit/host-cluster.ts';
import { startKubeApiServer, type TestKubeApiServer } from '@hexabase/testkit/kube-api-server.ts';
import { until } from '@hexabase/testkit/given.ts';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { mirrorAccess } from './mirror.ts';
import type { AccessSubject, GivenInCluster } from './store.ts';

const binaries = kubeBinaries();
const rbac = '/apis/rbac.authorization.k8s.io/v1';
const admission = '/apis/admissionregistration.k8s.io/v1';
const webhooks = `${admission}/validatingwebhookconfigurations`;
const apiGroup = 'rbac.authorization.k8s.io';

/** What the embedded Kubernetes does not have, and what a real one does with finalizers, roleRef and aggregation. */
describe.skipIf(binaries === null)('the mirror of roles on a real kube-apiserver', () => {
  const stack = new AsyncDisposableStack();
  let server: TestKubeApiServer;
  let ours: KubeClient;
  let person: KubeClient;

  beforeAll(async () => {
    server = stack.use(
      await startKubeApiServer(binaries ?? '', [
        { token: 'ours', name: 'ours', groups: ['system:masters'] },
        { token: 'person', name: 'person', groups: ['hexabase:user:u'] },
      ]),
    );
    const { url, certificateAuthority } = server;
    const clientOf = (token: string) =>
      stack.use(
        createKubeClient({ server: url, certificateAuthority, credentials: { kind: 'token', token } }),
      );
    [ours, person] = [clientOf('ours'), clientOf('person')];
    for (const name of ['blog', 'shop'])
      await ask('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  });
  afterAll(() => stack.disposeAsync());
  afterEach(async () => {
    await ask('DELETE', webhooks);
    await until(async () => (await mirror([], 3 * 60_000)).length === 0);
  });

  async function ask(method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown) {
    const asked = { method, path, ...(body === undefined ? {} : { body }) };
    const answer = await ours.request({ ...asked, signal: AbortSignal.timeout(20_000) });
    return { status: answer.status, body: JSON.parse(JSON.stringify(answer.body)) };
  }

  const given = (id: string, project: string | null): GivenInCluster => ({
    id,
    preset: 'admin',
    roleId: null,
    project,
    groupId: null,
    userId: 'u',
  });

  async function mirror(assignments: readonly GivenInCluster[], laterMs = 0) {
    const workspaceId = brandId<'Workspace'>('w');
    const subject: AccessSubject = {
      id: workspaceId,
      workspaceId,
      organizationId: 'o',
      generation: 1,
      observedGeneration: 1,
      conditions: [],
      operationId: null,
      roles: [],
      assignments,
      groups: { admins: null, users: null },
      projects: ['blog', 'shop'],
    };
    const signal = AbortSignal.timeout(50_000);
    return mirrorAccess({ client: ours, signal, nowMs: Date.now() + laterMs, turn: 0 }, subject);
  }

  const bindingOf = (id: string) => `${rbac}/namespaces/shop/rolebindings/hexabase:assignment:${id}`;
  const readsSecrets = async () => {
    const path = '/api/v1/namespaces/shop/secrets';
    return (
      (await person.request({ method: 'GET', path, signal: AbortSignal.timeout(20_000) })).status === 200
    );
  };

  /** A webhook at an address, which takes effect some moments after it was made. */
  async function refuse(rule: { operations: string[] }, url: string, timeoutSeconds = 2): Promise<void> {
    const to = { apiGroups: [apiGroup], apiVersions: ['v1'], resources: ['rolebindings'] };
    const webhook = {
      name: 'nobody.example.test',
      admissionReviewVersions: ['v1'],
      sideEffects: 'None',
      failurePolicy: 'Fail',
      timeoutSeconds,
      clientConfig: { url },
      rules: [{ ...to, ...rule }],
    };
    const made = await ask('POST', webhooks, {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name: `nobody-${newId()}` },
      webhooks: [webhook],
    });
    expect(made.status).toBe(201);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
  }

  const nobody = 'https://127.0.0.1:1/';

  it('ends a right past a webhook that refuses deletions, and names the webhook', async () => {
    const id = newId();
    expect(await mirror([given(id, 'shop')])).toEqual([]);
    await until(readsSecrets);
    await refuse({ operations: ['DELETE'] }, nobody);
    const troubles = await mirror([]);
    expect(troubles.map(({ kind, gives }) => [kind, gives])).toEqual([['refused', 'nothing']]);
    expect(troubles[0]?.words).toContain('The admission webhook nobody.example.test');
    await until(async () => !(await readsSecrets()));
    expect(await mirror([])).toHaveLength(1);
    expect((await ask('GET', bindingOf(id))).body.metadata.generation).toBeUndefined();
  });

  it('says that a right is still given where nothing may be written, and mirrors the other project', async () => {
    const [id, other] = [newId(), newId()];
    await mirror([given(id, 'shop')]);
    await refuse({ operations: ['UPDATE', 'DELETE'] }, nobody);
    const troubles = await mirror([given(other, 'blog')]);
    expect(troubles.map(({ kind, gives }) => [kind, gives])).toEqual([['refused', 'more']]);
    expect(troubles[0]?.words).toMatch(/still gives what was taken away: The admission webhook nobody/);
    expect(await readsSecrets()).toBe(true);
    const path = `${rbac}/namespaces/blog/rolebindings/hexabase:assignment:${other}`;
    expect((await ask('GET', path)).status).toBe(200);
  });

  it('names a webhook that never answers', async () => {
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    stack.defer(() => void silent.close());
    const { port } = silent.address() as AddressInfo;
    // The time that Kubernetes gives a webhook whose author names none.
    await refuse({ operations: ['CREATE'] }, `https://127.0.0.1:${port}/`, 10);
    const troubles = await mirror([given(newId(), 'shop')]);
    expect(troubles.map(({ kind, gives }) => [kind, gives])).toEqual([['refused', 'less']]);
    expect(troubles[0]?.words).toContain('The admission webhook nobody.example.test');
  });

  it('ends a right that a finalizer holds at once, and its binding when the finalizer has had its time', async () => {
    const id = newId();
    await mirror([given(id, 'shop')]);
    await until(readsSecrets);
    await ask('PATCH', bindingOf(id), { metadata: { finalizers: ['tenant.example.test/keep'] } });
    const troubles = await mirror([]);
    expect(troubles.map(({ kind, gives }) => [kind, gives])).toEqual([['held', 'nothing']]);
    await until(async () => !(await readsSecrets()));
    expect(await mirror([], 3 * 60_000)).toEqual([]);
    expect((await ask('GET', bindingOf(id))).status).toBe(404);
  });

  it('makes a binding anew that was made another role’s, also past a finalizer', async () => {
    const id = newId();
    await mirror([given(id, 'shop')]);
    const { metadata, roleRef, subjects } = (await ask('GET', bindingOf(id))).body;
    await ask('DELETE', bindingOf(id));
    const finalizers = ['tenant.example.test/keep'];
    const changed = {
      apiVersion: `${apiGroup}/v1`,
      kind: 'RoleBinding',
      metadata: { name: metadata.name, finalizers },
      roleRef: { ...roleRef, name: 'cluster-admin' },
      subjects,
    };
    const made = await ask('POST', `${rbac}/namespaces/shop/rolebindings`, changed);
    expect(made.status).toBe(201);
    expect((await mirror([given(id, 'shop')])).map(({ kind }) => kind)).toEqual(['held']);
    expect(await mirror([given(id, 'shop')], 3 * 60_000)).toEqual([]);
    expect((await ask('GET', bindingOf(id))).body).toMatchObject({ roleRef, subjects });
  });

  it('takes aggregation off a role without removing it', async () => {
    const path = `${rbac}/clusterroles/hexabase:project-admin`;
    await mirror([]);
    const { uid } = (await ask('GET', path)).body.metadata;
    const labels = { 'rbac.authorization.k8s.io/aggregate-to-view': 'true' };
    const aggregationRule = { clusterRoleSelectors: [{ matchLabels: { a: 'b' } }] };
    expect((await ask('PATCH', path, { metadata: { labels }, aggregationRule })).status).toBe(200);
    expect(await mirror([])).toEqual([]);
    const { body } = await ask('GET', path);
    expect([body.metadata.uid, body.aggregationRule]).toEqual([uid, undefined]);
    expect(JSON.stringify(body)).not.toContain('aggregate-to');
  });
});

import { until } from '@hexabase/testkit/given.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startProduct, type Attacked, type Person, type Tenant } from './start-product.ts';

/**
 * Somebody with the least role in a workspace, and another tenant's administrator, at real clusters through the gateway.
 * What an API server of ours refuses to namespace admins is tried in `packages/kubernetes/src/auth/attacks.test.ts`.
 */
let product: Attacked;
let ann: Tenant;
let eve: Tenant;
let viewer: Person & { token: string };
const rbac = '/apis/rbac.authorization.k8s.io/v1';
const pods = '/api/v1/namespaces/shop/pods';
const roleRef = (name: string) => ({ apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name });

beforeAll(async () => {
  product = await startProduct();
  [ann, eve] = await Promise.all([product.tenant('ann'), product.tenant('eve')]);
  const person = await product.person('viewer');
  await ann.call('POST', `/api/v1/organizations/${ann.organizationId}/members`, {
    email: person.email,
    role: 'viewer',
  });
  viewer = { ...person, token: await product.kubeToken(person, ann.workspaceId) };
  await ann.call('POST', `/api/v1/workspaces/${ann.workspaceId}/projects`, { name: 'shop' });
  await until(
    async () => (await ann.kube('GET', '/api/v1/namespaces/shop/serviceaccounts/default')).status === 200,
  );
  // What the reconcilers still write would look like the attacker's work.
  await until(async () => {
    const [open] = await product.query(
      `select 1 from reconcile_queue where lease_owner is not null or attempts > 0 or due_at < now() + interval '1 minute' limit 1`,
    );
    return open === undefined;
  });
  await ann.kube('POST', '/api/v1/namespaces/shop/secrets', {
    metadata: { name: 'canary' },
    stringData: { value: 'canary-7e57' },
  });
});
afterAll(() => product[Symbol.asyncDispose]());

const asViewer = (method: string, path: string, body?: unknown, headers?: string[]) =>
  product.kube(ann.workspaceId, { method, path, token: viewer.token, body, ...(headers && { headers }) });

async function stateOfCluster(): Promise<string> {
  const paths = [
    '/api/v1/namespaces',
    '/api/v1/pods',
    '/api/v1/serviceaccounts',
    `${rbac}/clusterroles`,
    `${rbac}/clusterrolebindings`,
    `${rbac}/roles`,
    `${rbac}/rolebindings`,
  ];
  const lists = await Promise.all(paths.map((path) => ann.kube('GET', path)));
  return JSON.stringify(lists.map(({ json }) => json['items']));
}

describe('the least role', () => {
  const me = () => [
    { apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: `hexabase:${viewer.email}` },
  ];
  const attempts: [string, string, string, () => unknown][] = [
    [
      'a binding of cluster-admin',
      'POST',
      `${rbac}/clusterrolebindings`,
      () => ({ metadata: { name: 'x' }, roleRef: roleRef('cluster-admin'), subjects: me() }),
    ],
    [
      'a binding of our admin role',
      'POST',
      `${rbac}/namespaces/shop/rolebindings`,
      () => ({ metadata: { name: 'x' }, roleRef: roleRef('hexabase:workspace-admin'), subjects: me() }),
    ],
    [
      'themselves in our admin binding',
      'PATCH',
      `${rbac}/clusterrolebindings/hexabase:ws-admins`,
      () => ({ subjects: me() }),
    ],
    [
      'more rights in their own role',
      'PATCH',
      `${rbac}/clusterroles/hexabase:workspace-viewer`,
      () => ({ rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }] }),
    ],
    [
      'a role that joins admin by its label',
      'POST',
      `${rbac}/clusterroles`,
      () => ({
        metadata: { name: 'x', labels: { 'rbac.authorization.k8s.io/aggregate-to-admin': 'true' } },
        rules: [],
      }),
    ],
    [
      'a service account’s token',
      'POST',
      '/api/v1/namespaces/kube-system/serviceaccounts/default/token',
      () => ({ spec: {} }),
    ],
    [
      'a Secret with a token',
      'POST',
      '/api/v1/namespaces/shop/secrets',
      () => ({
        metadata: { name: 'x', annotations: { 'kubernetes.io/service-account.name': 'default' } },
        type: 'kubernetes.io/service-account-token',
      }),
    ],
  ];

  test.each(attempts)('D01 the least role does not get %s', async (_name, method, path, body) => {
    const before = await stateOfCluster();
    const answer = await asViewer(method, path, body());
    expect([answer.status, answer.json['reason']]).toEqual([403, 'Forbidden']);
    expect(await stateOfCluster()).toBe(before);
  });
});

describe('Impersonate-* through the gateway', () => {
  test.each([
    [['Impersonate-User', 'system:admin', 'Impersonate-Group', 'system:masters']],
    [['impersonate-user', 'x', 'IMPERSONATE-USER', 'y']],
    [['Connection', 'Impersonate-User', 'Impersonate-User', 'x']],
    [['X-Remote-Group', 'system:masters']],
  ])('D02 impersonation through the gateway is refused, also to administrators: %j', async (headers) => {
    for (const token of [viewer.token, ann.kubeToken]) {
      const answer = await product.kube(ann.workspaceId, { path: '/api/v1/secrets', token, headers });
      expect(answer.status).toBe(403);
      expect(answer.text).not.toContain('canary');
    }
  });
});

describe('groups', () => {
  test('D03 groups are not the caller’s to choose when a token is made', async () => {
    const path = `/api/v1/workspaces/${ann.workspaceId}/kube-token`;
    for (const body of [
      { groups: ['system:masters'] },
      { role: 'admin' },
      { audience: 'ws:x' },
      { email: ann.email },
    ]) {
      expect((await viewer.call('POST', path, body)).status).toBe(400);
    }
    const answer = await asViewer('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'SelfSubjectReview',
    });
    const { username, groups } = answer.json['status'].userInfo;
    expect(username).toBe(`hexabase:${viewer.email}`);
    expect(groups.filter((group: string) => group.startsWith('system:'))).toEqual(['system:authenticated']);
    expect(groups).not.toContain('hexabase:ws-admins');
  });
});

describe('labels that say whose a namespace is', () => {
  test.each([
    ['PATCH', '/api/v1/namespaces/shop', { metadata: { labels: { 'workspace-id': 'x' } } }],
    ['PATCH', '/api/v1/namespaces/shop/status', { metadata: { labels: { 'workspace-id': 'x' } } }],
    [
      'PUT',
      '/api/v1/namespaces/shop/finalize',
      { metadata: { name: 'shop', labels: { 'workspace-id': 'x' } }, spec: {} },
    ],
  ])('D04 labels of a namespace are not the least role’s to change: %s %s', async (method, path, body) => {
    expect((await asViewer(method, path, body)).status).toBe(403);
  });

  test('D04 labels that an administrator forges change nothing of another tenant', async () => {
    const theirs = `/api/v1/workspaces/${eve.workspaceId}/projects`;
    const before = (await eve.call('GET', theirs)).json['data'];
    const labels = {
      'workspace-id': eve.workspaceId,
      'organization-id': eve.organizationId,
      'app.kubernetes.io/managed-by': 'hexabase',
    };
    expect(
      (await ann.kube('POST', '/api/v1/namespaces', { metadata: { name: 'forged', labels } })).status,
    ).toBe(201);
    const mine = `/api/v1/workspaces/${ann.workspaceId}/projects`;
    await until(async () =>
      (await ann.call('GET', mine)).json['data'].some(
        (project: { name: string }) => project.name === 'forged',
      ),
    );
    expect((await eve.call('GET', theirs)).json['data']).toEqual(before);
    expect((await ann.kube('DELETE', '/api/v1/namespaces/forged')).status).toBe(200);
    expect((await eve.kube('GET', '/api/v1/namespaces')).text).not.toContain('forged');
  });
});

describe('pods that would leave their container', () => {
  const plain = { name: 'c', image: 'i' };
  const privileged = { ...plain, securityContext: { privileged: true } };
  const escapes: [string, object][] = [
    ['privileged', { containers: [privileged] }],
    ['privileged at the start', { containers: [plain], initContainers: [privileged] }],
    ['the node’s network', { containers: [plain], hostNetwork: true }],
    ['the node’s processes', { containers: [plain], hostPID: true, hostIPC: true }],
    ['the node’s disk', { containers: [plain], volumes: [{ name: 'v', hostPath: { path: '/' } }] }],
    [
      'a kernel capability',
      { containers: [{ ...plain, securityContext: { capabilities: { add: ['SYS_ADMIN'] } } }] },
    ],
    ['an unmasked proc', { containers: [{ ...plain, securityContext: { procMount: 'Unmasked' } }] }],
    ['no seccomp', { containers: [plain], securityContext: { seccompProfile: { type: 'Unconfined' } } }],
  ];

  test.each(escapes)(
    'D09 pods that would leave their container are refused in a project, also to its administrator: %s',
    async (_name, spec) => {
      const answer = await ann.kube('POST', pods, { metadata: { name: 'evil' }, spec });
      expect([answer.status, answer.json['reason']]).toEqual([403, 'Forbidden']);
      expect(answer.json['message']).toContain('PodSecurity');
      expect((await ann.kube('GET', `${pods}/evil`)).status).toBe(404);
    },
  );
});

describe('the ways into pods and nodes', () => {
  test('D15 the ways into pods and nodes of another tenant are closed', async () => {
    for (const path of [
      `${pods}/web/log`,
      `${pods}/web/exec?command=id`,
      `${pods}/web/portforward`,
      `${pods}/web/attach`,
      '/api/v1/nodes/simulated-node-1/proxy/pods',
      '/api/v1/namespaces/shop/services/web/proxy/',
    ]) {
      for (const method of ['GET', 'POST']) {
        expect([
          path,
          (await product.kube(ann.workspaceId, { method, path, token: eve.kubeToken })).status,
        ]).toEqual([path, 401]);
      }
    }
  });

  test('D15 the ways into pods and nodes are refused to the least role, and never answered as if they worked', async () => {
    for (const path of [
      `${pods}/web/exec?command=id`,
      `${pods}/web/attach`,
      `${pods}/web/portforward`,
      '/api/v1/nodes/simulated-node-1/proxy/pods',
    ]) {
      const answer = await asViewer('POST', path);
      expect([path, answer.status]).toEqual([path, 403]);
    }
  });
});

describe('kinds that one may not list', () => {
  test.each([
    '/api/v1/secrets',
    '/api/v1/namespaces/shop/secrets',
    '/api/v1/watch/secrets',
    '/api/v1/secrets?watch=true',
    '/api/v1/namespaces/shop/secrets?watch=true&fieldSelector=metadata.name%3Dcanary',
    '/api/v1/namespaces/shop/secrets/canary',
    '/api/v1/namespaces/shop/secrets/canary?watch=true',
  ])('D18 kinds that one may not list cannot be watched or read either: %s', async (path) => {
    const answer = await asViewer('GET', path);
    expect([403, 404]).toContain(answer.status);
    expect(answer.text).not.toContain('canary-7e57');
    expect(answer.text).not.toContain(Buffer.from('canary-7e57').toString('base64'));
  });

  test('D18 kinds that one may not list are not shown as a table or by their metadata', async () => {
    for (const accept of [
      'application/json;as=Table;g=meta.k8s.io;v=v1',
      'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1',
    ]) {
      expect((await asViewer('GET', '/api/v1/secrets', undefined, ['Accept', accept])).status).toBe(403);
    }
  });
});

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { serveKubernetes, type ServedKubernetes } from '../serve.ts';

/**
 * What a tenant's people and programs must not get past a running API server: each attempt is refused, and the cluster
 * is as it was.
 */
const rbac = '/apis/rbac.authorization.k8s.io/v1';
const team = `${rbac}/namespaces/team`;
const accountGroups = ['system:serviceaccounts', 'system:serviceaccounts:team'];

/** Both are admin of the namespace `team`; the account is how a program in a pod would try it. */
const attackers = {
  mallory: { username: 'mallory', groups: ['devs'] },
  account: { username: 'system:serviceaccount:team:robot', groups: accountGroups },
};

type Sent = [method: string, path: string, body?: unknown];

let served: ServedKubernetes;

beforeAll(async () => {
  served = await serveKubernetes({
    port: 0,
    token: 'root',
    authorization: 'RBAC',
    nodes: 0,
    controllers: false,
    users: attackers,
  });
  const labels = { 'pod-security.kubernetes.io/enforce': 'baseline' };
  await must('POST', '/api/v1/namespaces', { metadata: { name: 'team', labels } });
  await must('POST', '/api/v1/namespaces', { metadata: { name: 'other' } });
  for (const name of ['default', 'robot'])
    await must('POST', '/api/v1/namespaces/team/serviceaccounts', { metadata: { name } });
  await must('POST', `${team}/rolebindings`, {
    metadata: { name: 'admins' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'admin' },
    subjects: [
      { kind: 'User', name: 'mallory' },
      { kind: 'ServiceAccount', name: 'robot', namespace: 'team' },
    ],
  });
  await must('POST', '/api/v1/namespaces/team/pods', {
    metadata: { name: 'victim' },
    spec: { containers: [{ name: 'c', image: 'i' }] },
  });
});

afterAll(() => served[Symbol.asyncDispose]());

async function send(token: string, [method, path, body]: Sent, headers: Record<string, string> = {}) {
  const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
  const response = await fetch(`${served.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': type, ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: await response.json() };
}

async function must(...sent: Sent): Promise<void> {
  const answer = await send('root', sent);
  if (answer.status >= 300) throw new Error(`${sent[0]} ${sent[1]}: ${answer.body.message}`);
}

/** Everything in the cluster that the attacks aim at, as one text. */
async function state(): Promise<string> {
  const paths = [
    '/api/v1/namespaces',
    '/api/v1/pods',
    '/api/v1/serviceaccounts',
    `${rbac}/roles`,
    `${rbac}/clusterroles`,
    `${rbac}/rolebindings`,
    `${rbac}/clusterrolebindings`,
  ];
  const lists = await Promise.all(paths.map((path) => send('root', ['GET', path])));
  return JSON.stringify(lists.map(({ body }) => body.items));
}

type Attack = [name: string, ...Sent];

const role = (rules: unknown[], labels = {}) => ({ metadata: { name: 'made', labels }, rules });
const roleRef = (name: string, kind = 'ClusterRole') => ({
  apiGroup: 'rbac.authorization.k8s.io',
  kind,
  name,
});
const toMallory = [{ kind: 'User', name: 'mallory' }];
const rbacRule = (verbs: string[], resources = ['roles', 'clusterroles']) => ({
  apiGroups: ['rbac.authorization.k8s.io'],
  resources,
  verbs,
});

const escalations: Attack[] = [
  ['a role with the verb escalate', 'POST', `${team}/roles`, role([rbacRule(['escalate'])])],
  ['a role with the verb bind', 'POST', `${team}/roles`, role([rbacRule(['bind'])])],
  [
    'a role that impersonates',
    'POST',
    `${team}/roles`,
    role([{ apiGroups: [''], resources: ['users', 'groups'], verbs: ['impersonate'] }]),
  ],
  [
    'a role with every right',
    'POST',
    `${team}/roles`,
    role([{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }]),
  ],
  [
    'a binding of cluster-admin in the namespace',
    'POST',
    `${team}/rolebindings`,
    { metadata: { name: 'x' }, roleRef: roleRef('cluster-admin'), subjects: toMallory },
  ],
  [
    'a binding of cluster-admin everywhere',
    'POST',
    `${rbac}/clusterrolebindings`,
    { metadata: { name: 'x' }, roleRef: roleRef('cluster-admin'), subjects: toMallory },
  ],
  [
    'a role that joins admin by its label',
    'POST',
    `${rbac}/clusterroles`,
    role([], { 'rbac.authorization.k8s.io/aggregate-to-admin': 'true' }),
  ],
  [
    'more rights in the role admin',
    'PATCH',
    `${rbac}/clusterroles/admin`,
    { rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }] },
  ],
  [
    'themselves in the binding of cluster-admin',
    'PATCH',
    `${rbac}/clusterrolebindings/cluster-admin`,
    { subjects: toMallory },
  ],
  [
    'a binding in another namespace',
    'POST',
    `${rbac}/namespaces/other/rolebindings`,
    { metadata: { name: 'x' }, roleRef: roleRef('admin'), subjects: toMallory },
  ],
  [
    "a token of another namespace's account",
    'POST',
    '/api/v1/namespaces/kube-system/serviceaccounts/default/token',
    { spec: {} },
  ],
  ['the secrets of another namespace', 'GET', '/api/v1/namespaces/kube-system/secrets'],
  ['all secrets', 'GET', '/api/v1/secrets'],
];

const namespaceChanges: Attack[] = [
  [
    'the Pod Security level',
    'PATCH',
    '/api/v1/namespaces/team',
    { metadata: { labels: { 'pod-security.kubernetes.io/enforce': 'privileged' } } },
  ],
  [
    'labels through the status',
    'PATCH',
    '/api/v1/namespaces/team/status',
    { metadata: { labels: { a: 'b' } }, status: { phase: 'Active' } },
  ],
  [
    'labels through finalize',
    'PUT',
    '/api/v1/namespaces/team/finalize',
    { metadata: { name: 'team', labels: { a: 'b' } }, spec: { finalizers: [] } },
  ],
  ['the namespace itself', 'DELETE', '/api/v1/namespaces/team'],
  ['another namespace', 'POST', '/api/v1/namespaces', { metadata: { name: 'mine' } }],
];

const privileged = { name: 'x', image: 'i', securityContext: { privileged: true } };
const plain = { name: 'c', image: 'i' };
const pods = '/api/v1/namespaces/team/pods';
const pod = (spec: object) => ({ metadata: { name: 'evil' }, spec: { containers: [plain], ...spec } });

const podEscapes: Attack[] = [
  ['a privileged container', 'POST', pods, pod({ containers: [privileged] })],
  ['a privileged init container', 'POST', pods, pod({ initContainers: [privileged] })],
  ['the network of the node', 'POST', pods, pod({ hostNetwork: true })],
  ['the processes of the node', 'POST', pods, pod({ hostPID: true })],
  ['the disk of the node', 'POST', pods, pod({ volumes: [{ name: 'v', hostPath: { path: '/' } }] })],
  [
    'a port of the node',
    'POST',
    pods,
    pod({ containers: [{ ...plain, ports: [{ containerPort: 1, hostPort: 1 }] }] }),
  ],
  [
    'a capability of the kernel',
    'POST',
    pods,
    pod({ containers: [{ ...plain, securityContext: { capabilities: { add: ['SYS_ADMIN'] } } }] }),
  ],
  [
    'an unconfined profile',
    'POST',
    pods,
    pod({ securityContext: { seccompProfile: { type: 'Unconfined' } } }),
  ],
  ['a priority of their own', 'POST', pods, pod({ priority: 2_000_000_000 })],
  ['an account that does not exist', 'POST', pods, pod({ serviceAccountName: 'root' })],
  [
    'a privileged debug container',
    'PATCH',
    `${pods}/victim/ephemeralcontainers`,
    { spec: { ephemeralContainers: [privileged] } },
  ],
];

for (const attacker of ['mallory', 'account'] as const) {
  describe(`the namespace admin ${attackers[attacker].username}`, () => {
    test.each([...escalations, ...namespaceChanges, ...podEscapes])(
      'cannot get %s',
      async (_name, ...sent) => {
        const before = await state();
        expect(await send(attacker, sent)).toMatchObject({ status: 403, body: { reason: 'Forbidden' } });
        expect(await state()).toBe(before);
      },
    );

    test.each([
      { 'impersonate-user': 'kubernetes-admin' },
      { 'impersonate-user': 'x', 'impersonate-group': 'system:masters' },
      { 'Impersonate-User': 'system:serviceaccount:kube-system:default' },
    ])('cannot act as %j', async (headers) => {
      expect((await send(attacker, ['GET', '/api/v1/secrets'], headers)).status).toBe(403);
    });

    test('may still do the work of an admin', async () => {
      const name = `fine-${attacker}`;
      expect(
        (await send(attacker, ['POST', pods, { metadata: { name }, spec: { containers: [plain] } }])).status,
      ).toBe(201);
      const binding = {
        metadata: { name },
        roleRef: roleRef('view'),
        subjects: [{ kind: 'User', name: 'guest' }],
      };
      expect(await send(attacker, ['POST', `${team}/rolebindings`, binding])).toMatchObject({ status: 201 });
    });
  });
}

test('a namespace that is going away takes nothing new, whoever claims otherwise', async () => {
  await must('POST', '/api/v1/namespaces', { metadata: { name: 'ending' } });
  expect((await send('root', ['DELETE', '/api/v1/namespaces/ending'])).body.status.phase).toBe('Terminating');
  await send('root', ['PATCH', '/api/v1/namespaces/ending/status', { status: { phase: 'Active' } }]);
  const { status, body } = await send('root', [
    'POST',
    '/api/v1/namespaces/ending/configmaps',
    { metadata: { name: 'late' } },
  ]);
  expect(status).toBe(403);
  expect(body.details.causes).toMatchObject([{ reason: 'NamespaceTerminating' }]);
});

test('strangers learn nothing', async () => {
  for (const path of ['/api/v1/namespaces', `${rbac}/clusterroles`, '/api', '/openapi/v3']) {
    expect((await send('nobody', ['GET', path])).status).toBe(401);
  }
});

test('a flood of requests gets exactly what the quota allows', async () => {
  const home = '/api/v1/namespaces/flooded';
  await must('POST', '/api/v1/namespaces', { metadata: { name: 'flooded' } });
  await must('POST', `${home}/resourcequotas`, {
    metadata: { name: 'q' },
    spec: { hard: { configmaps: '5' } },
  });
  const flood = () =>
    Promise.all(
      Array.from({ length: 40 }, () =>
        send('root', ['POST', `${home}/configmaps`, { metadata: { generateName: 'x-' } }]),
      ),
    );
  const statuses = (await flood()).map(({ status }) => status);
  expect(statuses.filter((status) => status === 201)).toHaveLength(5);
  expect(statuses.filter((status) => status === 403)).toHaveLength(35);
  const { body } = await send('root', ['GET', `${home}/configmaps`]);
  expect(body.items).toHaveLength(5);
  await send('root', ['DELETE', `${home}/configmaps/${body.items[0].metadata.name}`]);
  expect((await flood()).filter(({ status }) => status === 201)).toHaveLength(1);
});

import { until } from '@hexabase/testkit/given.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fresh, startProduct, type Attacked, type Person, type Tenant } from './start-product.ts';

/** Somebody who may deploy in a project, and what that must not become; floods, and writing into what goes away. */
let product: Attacked;
let ann: Tenant;
let developer: Person & { token: string };
const rbac = '/apis/rbac.authorization.k8s.io/v1';

beforeAll(async () => {
  product = await startProduct();
  ann = await product.tenant('ann');
  const person = await product.person(fresh('developer'));
  const members = `/api/v1/organizations/${ann.organizationId}/members`;
  expect((await ann.call('POST', members, { email: person.email, role: 'developer' })).status).toBe(201);
  for (const name of ['shop', 'other'])
    await ann.call('POST', `/api/v1/workspaces/${ann.workspaceId}/projects`, { name });
  developer = { ...person, token: await product.kubeToken(person, ann.workspaceId) };
  await until(
    async () => (await ann.kube('GET', '/api/v1/namespaces/shop/resourcequotas/hexabase')).status === 200,
  );
  await until(
    async () => (await ann.kube('GET', '/api/v1/namespaces/shop/serviceaccounts/default')).status === 200,
  );
  await until(async () => (await asDeveloper('GET', '/api/v1/namespaces/shop/secrets')).status === 200);
});
afterAll(() => product?.[Symbol.asyncDispose]());

const asDeveloper = (method: string, path: string, body?: unknown, headers?: string[]) =>
  product.kube(ann.workspaceId, { method, path, token: developer.token, body, ...(headers && { headers }) });

async function expectRefused(
  method: string,
  path: string,
  body?: unknown,
  headers?: string[],
): Promise<void> {
  const answer = await asDeveloper(method, path, body, headers);
  expect([method, path, answer.status, answer.json['reason']]).toEqual([method, path, 403, 'Forbidden']);
}

describe('whoever deploys in a project', () => {
  test('D05 whoever deploys in a project does not lower the Pod Security level of its namespace, by any way', async () => {
    const shop = '/api/v1/namespaces/shop';
    const before = (await ann.kube('GET', shop)).json['metadata'].labels;
    for (const level of ['privileged', '', null]) {
      const labels = { 'pod-security.kubernetes.io/enforce': level };
      for (const path of [shop, `${shop}/status`, `${shop}/finalize`]) {
        await expectRefused('PATCH', path, { metadata: { labels } });
        await expectRefused('PUT', path, { metadata: { name: 'shop', labels } });
      }
      await expectRefused('POST', '/api/v1/namespaces', { metadata: { name: fresh('ns'), labels } });
    }
    expect((await ann.kube('GET', shop)).json['metadata'].labels).toEqual(before);
  });

  test('D01 whoever deploys in a project makes nobody admin of the project by a binding, a role or a label', async () => {
    const subjects = [
      { apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: `hexabase:${developer.email}` },
    ];
    const roleRef = {
      apiGroup: 'rbac.authorization.k8s.io',
      kind: 'ClusterRole',
      name: 'hexabase:project-admin',
    };
    const shop = `${rbac}/namespaces/shop`;
    await expectRefused('POST', `${shop}/rolebindings`, { metadata: { name: 'x' }, roleRef, subjects });
    await expectRefused('POST', `${shop}/roles`, {
      metadata: { name: 'x' },
      rules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }],
    });
    await expectRefused('PATCH', `${shop}/rolebindings/hexabase:ws-developers`, { subjects });
    await expectRefused('PATCH', '/api/v1/namespaces/shop/resourcequotas/hexabase', {
      spec: { hard: { pods: '1000' } },
    });
  });

  test('D07 whoever deploys in a project brings nothing of the whole cluster in with a bundle, made or applied', async () => {
    const bundle: [path: string, object: object][] = [
      [`${rbac}/clusterroles`, { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole' }],
      [
        `${rbac}/clusterrolebindings`,
        { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding' },
      ],
      [
        '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations',
        { apiVersion: 'admissionregistration.k8s.io/v1', kind: 'MutatingWebhookConfiguration' },
      ],
      [
        '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
        { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition' },
      ],
      ['/apis/storage.k8s.io/v1/storageclasses', { apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass' }],
      ['/api/v1/persistentvolumes', { apiVersion: 'v1', kind: 'PersistentVolume' }],
      ['/api/v1/nodes', { apiVersion: 'v1', kind: 'Node' }],
    ];
    for (const [path, object] of bundle) {
      const named = { ...object, metadata: { name: 'smuggled', namespace: 'shop' } };
      await expectRefused('POST', path, named);
      await expectRefused('PATCH', `${path}/smuggled?fieldManager=helm`, JSON.stringify(named), [
        'Content-Type',
        'application/apply-patch+yaml',
      ]);
      expect((await ann.kube('GET', `${path}/smuggled`)).status).toBe(404);
    }
  });

  test('D08 whoever deploys in a project reads and names no secret outside of its projects', async () => {
    const secret = { metadata: { name: 'canary' }, stringData: { value: 'canary-7e57' } };
    for (const namespace of ['default', 'kube-system']) {
      expect((await ann.kube('POST', `/api/v1/namespaces/${namespace}/secrets`, secret)).status).toBe(201);
      for (const path of ['secrets/canary', 'secrets', 'secrets?watch=true'])
        await expectRefused('GET', `/api/v1/namespaces/${namespace}/${path}`);
    }
    const pod = (volume: object) => ({
      metadata: { name: fresh('p'), namespace: 'shop' },
      spec: { containers: [{ name: 'c', image: 'i' }], volumes: [{ name: 'v', ...volume }] },
    });
    await expectRefused('POST', '/api/v1/namespaces/default/pods', pod({ secret: { secretName: 'canary' } }));
    await expectRefused('GET', '/api/v1/secrets');
  });

  test('D10 whoever deploys in a project reaches no disk of a node by a volume, and no volume by its name', async () => {
    const spec = { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/' } };
    await expectRefused('POST', '/api/v1/persistentvolumes', { metadata: { name: 'node' }, spec });
    await expectRefused('PATCH', '/api/v1/persistentvolumes/any', { spec: { hostPath: { path: '/' } } });
    const pod = {
      metadata: { name: 'node' },
      spec: { containers: [{ name: 'c', image: 'i' }], volumes: [{ name: 'v', hostPath: { path: '/' } }] },
    };
    await expectRefused('POST', '/api/v1/namespaces/shop/pods', pod);
  });

  test('D09 whoever deploys in a project does not get out by a container that is added later', async () => {
    const pods = '/api/v1/namespaces/shop/pods';
    const made = await asDeveloper('POST', pods, {
      metadata: { name: 'plain' },
      spec: { containers: [{ name: 'c', image: 'i' }] },
    });
    expect(made.status, made.text).toBe(201);
    const added = {
      spec: { ephemeralContainers: [{ name: 'e', image: 'i', securityContext: { privileged: true } }] },
    };
    const answer = await ann.kube('PATCH', `${pods}/plain/ephemeralcontainers`, added);
    expect([answer.status, answer.json['reason']]).toEqual([403, 'Forbidden']);
    expect((await ann.kube('GET', `${pods}/plain`)).text).not.toContain('"privileged":true');
  });
});

describe('floods', () => {
  test('D17 a flood of pods at once gets exactly what the quota gives', async () => {
    await until(
      async () => (await ann.kube('GET', '/api/v1/namespaces/other/resourcequotas/hexabase')).status === 200,
    );
    await until(
      async () => (await ann.kube('GET', '/api/v1/namespaces/other/serviceaccounts/default')).status === 200,
    );
    const quota = { metadata: { name: 'small', namespace: 'other' }, spec: { hard: { pods: '7' } } };
    expect((await ann.kube('POST', '/api/v1/namespaces/other/resourcequotas', quota)).status).toBe(201);
    await until(async () => {
      const { json } = await ann.kube('GET', '/api/v1/namespaces/other/resourcequotas/small');
      return json['status']?.hard?.pods === '7';
    });
    const pod = (n: number) => ({
      metadata: { name: `p-${n}` },
      spec: { containers: [{ name: 'c', image: 'i' }] },
    });
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, n) => ann.kube('POST', '/api/v1/namespaces/other/pods', pod(n))),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(7);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201, 403]));
    expect((await ann.kube('GET', '/api/v1/namespaces/other/pods')).json['items']).toHaveLength(7);
  });
});

describe('what goes away', () => {
  test('D19 what goes away takes nothing new, also when its status claims otherwise', async () => {
    const maps = '/api/v1/namespaces/dying/configmaps';
    expect((await ann.kube('POST', '/api/v1/namespaces', { metadata: { name: 'dying' } })).status).toBe(201);
    const kept = { metadata: { name: 'kept', finalizers: ['example.com/wait'] } };
    expect((await ann.kube('POST', maps, kept)).status).toBe(201);
    expect((await ann.kube('DELETE', '/api/v1/namespaces/dying')).status).toBe(200);
    await ann.kube('PATCH', '/api/v1/namespaces/dying/status', { status: { phase: 'Active' } });
    for (const [path, object] of [
      [maps, { metadata: { name: 'late' } }],
      ['/api/v1/namespaces/dying/secrets', { metadata: { name: 'late' } }],
      [
        '/api/v1/namespaces/dying/pods',
        { metadata: { name: 'late' }, spec: { containers: [{ name: 'c', image: 'i' }] } },
      ],
    ] as const) {
      const answer = await ann.kube('POST', path, object);
      expect([path, answer.status]).toEqual([path, 403]);
    }
    await ann.kube('PATCH', `${maps}/kept`, { metadata: { finalizers: null } });
    await until(async () => (await ann.kube('GET', '/api/v1/namespaces/dying')).status === 404);
  });
});

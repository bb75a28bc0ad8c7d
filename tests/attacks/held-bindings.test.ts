import type { TenantClient } from '@hexabase/cluster/port.ts';
import { collection } from '@hexabase/features/access/reconcile/mirror.ts';
import { putBack } from '@hexabase/features/access/reconcile/put-back.ts';
import { until } from '@hexabase/testkit/given.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fresh, startProduct, type Attacked, type Person, type Tenant } from './start-product.ts';

/** Who administers a workspace may write everything in it, also what mirrors the roles that others were given. */
let product: Attacked;
let ann: Tenant;
const rbac = '/apis/rbac.authorization.k8s.io/v1';
const bindings = `${rbac}/namespaces/shop/rolebindings`;
const secrets = '/api/v1/namespaces/shop/secrets';
const finalizers = ['tenant.example.test/keep'];

beforeAll(async () => {
  product = await startProduct();
  ann = await product.tenant('ann');
  for (const name of ['shop', 'other'])
    await ann.call('POST', `/api/v1/workspaces/${ann.workspaceId}/projects`, { name });
  await until(async () => (await ann.kube('GET', `${bindings}/hexabase:ws-developers`)).status === 200);
});
afterAll(() => product?.[Symbol.asyncDispose]());

const assignments = () => `/api/v1/workspaces/${ann.workspaceId}/assignments`;
const members = () => `/api/v1/organizations/${ann.organizationId}/members`;

async function viewer(): Promise<Person> {
  const person = await product.person(fresh('viewer'));
  expect((await ann.call('POST', members(), { email: person.email, role: 'viewer' })).status).toBe(201);
  return person;
}

/** Gives a role in a project; answers the assignment and where its binding is, which a finalizer then holds. */
async function heldRole(person: Person, project: string): Promise<{ id: string; path: string }> {
  const body = { role: 'admin', project, user: person.email };
  const id = String((await ann.call('POST', assignments(), body)).json['data'].id);
  const path = `${rbac}/namespaces/${project}/rolebindings/hexabase:assignment:${id}`;
  await until(async () => (await ann.kube('GET', path)).status === 200);
  expect((await ann.kube('PATCH', path, { metadata: { finalizers } })).status).toBe(200);
  return { id, path };
}

/** What somebody gets with a token of this moment. */
async function tries(person: Person, path: string): Promise<number> {
  const token = await product.kubeToken(person, ann.workspaceId);
  return (await product.kube(ann.workspaceId, { path, token })).status;
}

const mirrored = async () => {
  const { json } = await ann.call('GET', `/api/v1/workspaces/${ann.workspaceId}`);
  const conditions: { type: string; status: string; message: string }[] = json['data'].conditions;
  return conditions.find(({ type }) => type === 'AccessMirrored');
};

/** The mirror's own pass over a namespace, when the tenant's finalizers have had their time. */
const passLater = async (namespace: string, wanted: Parameters<typeof putBack>[1]) => {
  const client: TenantClient = {
    request: async ({ method, path, body }) => {
      const { status, json } = await ann.kube(method, path, body);
      return { status, body: json };
    },
  };
  const how = { client, signal: AbortSignal.timeout(20_000), nowMs: Date.now() + 3 * 60_000 };
  return putBack(collection(how, 'RoleBinding', namespace), wanted);
};

describe('a binding that a finalizer of the tenant holds', () => {
  test('gives nothing any more to who keeps another role and so its group, and the workspace tells what holds it', async () => {
    const bob = await viewer();
    const { id, path } = await heldRole(bob, 'shop');
    await ann.call('POST', assignments(), { role: 'viewer', project: 'other', user: bob.email });
    await until(async () => (await tries(bob, secrets)) === 200);
    expect((await ann.call('DELETE', `${assignments()}/${id}`)).status).toBe(204);
    await until(async () => (await tries(bob, secrets)) === 403);
    expect((await ann.kube('GET', path)).json['metadata'].deletionTimestamp).toBeDefined();
    const told = await until(async () => {
      const condition = await mirrored();
      return condition?.status === 'Unknown' && condition;
    });
    expect(told.message).toMatch(
      /^RoleBinding hexabase:assignment:\S+ (?:\(for hexabase:user:\S+\) )?in project shop is being removed and waits for the finalizer tenant\.example\.test\/keep, and gives nobody anything any more\.$/,
    );
    expect(await passLater('shop', [])).toEqual([]);
    expect((await ann.kube('GET', path)).status).toBe(404);
    await ann.kube('PATCH', `${bindings}/hexabase:ws-developers`, { metadata: { labels: { looked: 'at' } } });
    await until(async () => (await mirrored())?.status === 'True');
  });

  test('lets nobody in who is no member any more, with the token that they have or another one', async () => {
    const leaver = await viewer();
    const { path } = await heldRole(leaver, 'shop');
    const token = await product.kubeToken(leaver, ann.workspaceId);
    expect((await product.kube(ann.workspaceId, { path: secrets, token })).status).toBe(200);
    expect((await ann.call('DELETE', `${members()}/${leaver.userId}`)).status).toBe(200);
    await until(async () => (await product.kube(ann.workspaceId, { path: secrets, token })).status === 401);
    const minted = await leaver.call('POST', `/api/v1/workspaces/${ann.workspaceId}/kube-token`);
    expect(minted.status).toBe(404);
    await until(async () => (await ann.kube('GET', path)).json['subjects'] === undefined);
    await passLater('shop', []);
  });
});

describe('what the tenant changes in our roles and bindings', () => {
  test('is made anew where a binding was made another role’s', async () => {
    const path = `${rbac}/clusterrolebindings/hexabase:ws-users`;
    const { kind, apiVersion, subjects, metadata, roleRef } = (await ann.kube('GET', path)).json;
    const name = 'hexabase:ws-users';
    expect((await ann.kube('DELETE', path)).status).toBe(200);
    const another = {
      kind,
      apiVersion,
      metadata: { name },
      subjects,
      roleRef: { ...roleRef, name: 'cluster-admin' },
    };
    // Whoever is first: ours may come between.
    await until(async () => {
      const made = await ann.kube('POST', `${rbac}/clusterrolebindings`, another);
      if (made.status === 201) return true;
      await ann.kube('DELETE', path);
      return false;
    });
    await until(async () => (await ann.kube('GET', path)).json['roleRef']?.name === roleRef.name);
    expect((await ann.kube('GET', path)).json['metadata'].uid).not.toBe(metadata.uid);
    await until(async () => (await mirrored())?.status === 'True');
  });

  test('is made anew also past a finalizer, once that has had its time', async () => {
    // No project's: the product's own passes, which know of no such role, would remove what is made here.
    const namespace = 'default';
    const path = `${rbac}/namespaces/${namespace}/rolebindings`;
    const name = 'hexabase:assignment:made-up';
    const apiGroup = 'rbac.authorization.k8s.io';
    const wanted = {
      apiVersion: `${apiGroup}/v1`,
      kind: 'RoleBinding',
      metadata: { name, namespace },
      roleRef: { apiGroup, kind: 'ClusterRole', name: 'hexabase:project-viewer' },
      subjects: [{ apiGroup, kind: 'Group', name: 'hexabase:group:nobody' }],
    };
    const roleRef = { ...wanted.roleRef, name: 'hexabase:project-admin' };
    const metadata = { ...wanted.metadata, finalizers };
    expect((await ann.kube('POST', path, { ...wanted, metadata, roleRef })).status).toBe(201);
    await until(async () => (await passLater(namespace, [wanted])).length === 0);
    expect((await ann.kube('GET', `${path}/${name}`)).json).toMatchObject(wanted);
    await passLater(namespace, []);
  });

  test('is taken off where a role is to give its rules to others, and the role is never away', async () => {
    const path = `${rbac}/clusterroles/hexabase:project-admin`;
    const before = (await ann.kube('GET', path)).json['metadata'];
    const labels = { 'rbac.authorization.k8s.io/aggregate-to-view': 'true' };
    expect((await ann.kube('PATCH', path, { metadata: { labels } })).status).toBe(200);
    await until(async () => !(await ann.kube('GET', path)).text.includes('aggregate-to'));
    const rule = { clusterRoleSelectors: [{ matchLabels: { a: 'b' } }] };
    expect((await ann.kube('PATCH', path, { aggregationRule: rule })).status).toBe(200);
    await until(async () => !(await ann.kube('GET', path)).text.includes('aggregationRule'));
    await until(async () => (await ann.kube('GET', path)).json['rules']?.length > 0);
    const after = (await ann.kube('GET', path)).json['metadata'];
    expect([after.uid, after.labels]).toEqual([before.uid, before.labels]);
  });

  test('gives nobody a rule by a role under our names that is none of ours, also past a finalizer', async () => {
    const path = `${rbac}/clusterroles/hexabase:role:made-up`;
    const rules = [{ apiGroups: [''], resources: ['secrets'], verbs: ['get'] }];
    const metadata = { name: 'hexabase:role:made-up', finalizers };
    expect((await ann.kube('POST', `${rbac}/clusterroles`, { metadata, rules })).status).toBe(201);
    await until(async () => {
      const { json } = await ann.kube('GET', path);
      return json['metadata'].deletionTimestamp !== undefined && (json['rules'] ?? []).length === 0;
    });
    await ann.kube('PATCH', path, { metadata: { finalizers: null } });
    await until(async () => (await mirrored())?.status === 'True');
  });

  test('reaches nothing else by a name under ours that holds a question mark', async () => {
    const name = 'hexabase:assignment:a?b#c%';
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' };
    const made = await ann.kube('POST', bindings, { metadata: { name: name.replace('%', '') }, roleRef });
    expect(made.status).toBe(201);
    await until(async () => !(await ann.kube('GET', bindings)).text.includes('a?b#c'));
  });
});

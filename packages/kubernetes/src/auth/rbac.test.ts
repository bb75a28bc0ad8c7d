import { describe, expect, test } from 'vitest';
import type { UserInfo } from '../types.ts';
import { authorize, authorizerOf, decide, rulesFor } from './rbac.ts';
import type { ResourceAttributes } from './rules.ts';
import { openTestStore, type TestStore } from './store-for-tests.ts';

const alice: UserInfo = { username: 'alice', groups: ['devs'] };
const group = 'rbac.authorization.k8s.io';

function request(part: Partial<ResourceAttributes>): ResourceAttributes {
  return {
    verb: 'get',
    group: '',
    resource: 'pods',
    subresource: '',
    namespace: 'default',
    name: '',
    ...part,
  };
}

function putRole(
  { put }: TestStore,
  role: { kind?: string; namespace?: string; name: string; rules: unknown[] },
) {
  const { kind = role.namespace === undefined ? 'ClusterRole' : 'Role', namespace, name, rules } = role;
  return put(`${group}/${kind.toLowerCase()}s`, {
    kind,
    metadata: { name, ...(namespace && { namespace }) },
    rules,
  });
}

function bind(
  { put }: TestStore,
  binding: { namespace?: string; role: string; roleKind?: string; subject: object },
) {
  const { namespace, role, roleKind = 'ClusterRole', subject } = binding;
  const kind = namespace === undefined ? 'ClusterRoleBinding' : 'RoleBinding';
  const metadata = { name: `bind-${role}`, ...(namespace && { namespace }) };
  const roleRef = { apiGroup: group, kind: roleKind, name: role };
  return put(`${group}/${kind.toLowerCase()}s`, { kind, metadata, roleRef, subjects: [subject] });
}

const podReader = { apiGroups: [''], resources: ['pods', 'pods/log'], verbs: ['get', 'list'] };

describe('RBAC', () => {
  test('nobody may do anything without a binding', async () => {
    await using cluster = await openTestStore();
    expect(authorize(cluster.store, alice, request({}))).toEqual({ allowed: false, reason: '' });
  });

  test('a RoleBinding gives rights in its namespace only, and says which binding did', async () => {
    await using cluster = await openTestStore();
    const { store } = cluster;
    await putRole(cluster, { namespace: 'default', name: 'reader', rules: [podReader] });
    await bind(cluster, {
      namespace: 'default',
      role: 'reader',
      roleKind: 'Role',
      subject: { kind: 'User', name: 'alice' },
    });
    expect(authorize(store, alice, request({}))).toEqual({
      allowed: true,
      reason: 'RBAC: allowed by RoleBinding "bind-reader/default" of Role "reader" to User "alice"',
    });
    expect(authorize(store, alice, request({ namespace: 'kube-system' })).allowed).toBe(false);
    expect(authorize(store, alice, request({ namespace: '' })).allowed).toBe(false);
    expect(authorize(store, alice, request({ verb: 'delete' })).allowed).toBe(false);
    expect(authorize(store, alice, request({ group: 'apps' })).allowed).toBe(false);
    expect(authorize(store, { ...alice, username: 'bob' }, request({})).allowed).toBe(false);
  });

  test('a resource does not cover its subresources, which must be named', async () => {
    await using cluster = await openTestStore();
    const { store } = cluster;
    await putRole(cluster, { name: 'reader', rules: [podReader] });
    await bind(cluster, { role: 'reader', subject: { kind: 'Group', name: 'devs' } });
    expect(authorize(store, alice, request({ subresource: 'log' })).allowed).toBe(true);
    expect(authorize(store, alice, request({ subresource: 'exec' })).allowed).toBe(false);
  });

  test('*/scale covers that subresource of every kind and no kind itself', async () => {
    await using cluster = await openTestStore();
    const { store } = cluster;
    await putRole(cluster, {
      name: 'scaler',
      rules: [{ apiGroups: ['*'], resources: ['*/scale'], verbs: ['*'] }],
    });
    await bind(cluster, { role: 'scaler', subject: { kind: 'User', name: 'alice' } });
    const deployment = { group: 'apps', resource: 'deployments', verb: 'patch' };
    expect(authorize(store, alice, request({ ...deployment, subresource: 'scale' })).allowed).toBe(true);
    expect(authorize(store, alice, request(deployment)).allowed).toBe(false);
  });

  test('resourceNames allow only those names, never a request without a name', async () => {
    await using cluster = await openTestStore();
    const { store } = cluster;
    await putRole(cluster, { name: 'one', rules: [{ ...podReader, resourceNames: ['web'] }] });
    await bind(cluster, { role: 'one', subject: { kind: 'User', name: 'alice' } });
    expect(authorize(store, alice, request({ name: 'web' })).allowed).toBe(true);
    expect(authorize(store, alice, request({ name: 'db' })).allowed).toBe(false);
    expect(authorize(store, alice, request({ verb: 'list' })).allowed).toBe(false);
  });

  test("a service account subject without a namespace means the RoleBinding's own", async () => {
    await using cluster = await openTestStore();
    const { store } = cluster;
    await putRole(cluster, { name: 'reader', rules: [podReader] });
    await bind(cluster, {
      namespace: 'default',
      role: 'reader',
      subject: { kind: 'ServiceAccount', name: 'ci' },
    });
    const account = (namespace: string) => ({
      username: `system:serviceaccount:${namespace}:ci`,
      groups: [],
    });
    expect(authorize(store, account('default'), request({})).allowed).toBe(true);
    expect(authorize(store, account('other'), request({})).allowed).toBe(false);
  });

  test('every signed-in user may discover the API and ask about themselves', async () => {
    await using cluster = await openTestStore();
    const { store } = cluster;
    expect(authorize(store, alice, { verb: 'get', path: '/apis/apps/v1' }).allowed).toBe(true);
    expect(authorize(store, alice, { verb: 'post', path: '/apis' }).allowed).toBe(false);
    expect(authorize(store, alice, { verb: 'get', path: '/metrics' }).allowed).toBe(false);
    const review = {
      verb: 'create',
      group: 'authorization.k8s.io',
      resource: 'selfsubjectaccessreviews',
      namespace: '',
    };
    expect(authorize(store, alice, request(review)).allowed).toBe(true);
    expect(decide(store, alice, request(review)).allowed).toBe(false);
  });

  test('anonymous users see only the public pages', async () => {
    const nobody = { username: 'system:anonymous', groups: ['system:unauthenticated'] };
    await using cluster = await openTestStore();
    expect(authorize(cluster.store, nobody, { verb: 'get', path: '/version' }).allowed).toBe(true);
    expect(authorize(cluster.store, nobody, { verb: 'get', path: '/api' }).allowed).toBe(false);
  });

  test('system:masters may do everything even when the binding of cluster-admin is gone', async () => {
    await using cluster = await openTestStore();
    await cluster.remove(`${group}/clusterrolebindings`, '', 'cluster-admin');
    const root = { username: 'root', groups: ['system:masters'] };
    expect(authorize(cluster.store, root, request({ verb: 'delete', name: 'x' })).allowed).toBe(true);
  });

  test('a change of a role or binding holds from the next request on', async () => {
    await using cluster = await openTestStore();
    const { store } = cluster;
    await putRole(cluster, { name: 'reader', rules: [] });
    await bind(cluster, { role: 'reader', subject: { kind: 'User', name: 'alice' } });
    expect(authorize(store, alice, request({})).allowed).toBe(false);
    await putRole(cluster, { name: 'reader', rules: [podReader] });
    expect(authorize(store, alice, request({})).allowed).toBe(true);
    await cluster.remove(`${group}/clusterroles`, '', 'reader');
    expect(authorize(store, alice, request({}))).toEqual({
      allowed: false,
      reason: 'RBAC: clusterrole.rbac.authorization.k8s.io "reader" not found',
    });
    await putRole(cluster, { name: 'reader', rules: [podReader] });
    await cluster.remove(`${group}/clusterrolebindings`, '', 'bind-reader');
    expect(authorize(store, alice, request({})).allowed).toBe(false);
  });

  test('AlwaysAllow lets every request pass', async () => {
    await using cluster = await openTestStore();
    const authorizer = authorizerOf(cluster.store, () => 'AlwaysAllow');
    expect(authorizer.authorize(alice, request({ verb: 'delete' })).allowed).toBe(true);
  });

  test('the base role edit may write deployments and not bind roles, admin may do both in its namespace', async () => {
    await using cluster = await openTestStore();
    const { store } = cluster;
    await bind(cluster, { namespace: 'default', role: 'edit', subject: { kind: 'User', name: 'alice' } });
    await bind(cluster, { namespace: 'default', role: 'admin', subject: { kind: 'User', name: 'bob' } });
    const bob = { username: 'bob', groups: [] };
    const deployments = request({ verb: 'create', group: 'apps', resource: 'deployments' });
    const bindings = request({ verb: 'create', group, resource: 'rolebindings' });
    expect(authorize(store, alice, deployments).allowed).toBe(true);
    expect(authorize(store, alice, bindings).allowed).toBe(false);
    expect(authorize(store, bob, deployments).allowed).toBe(true);
    expect(authorize(store, bob, bindings).allowed).toBe(true);
    expect(authorize(store, bob, { ...bindings, namespace: '' }).allowed).toBe(false);
    expect(rulesFor(store, bob, 'default').rules.length).toBeGreaterThan(20);
  });
});

import { describe, expect, test } from 'vitest';
import type { StatusError } from '../api/status-error.ts';
import type { KubeObject, UserInfo } from '../types.ts';
import { checkEscalation } from './escalation.ts';
import { authorizerOf } from './rbac.ts';
import { completed, openTestStore, type TestStore } from './store-for-tests.ts';

const group = 'rbac.authorization.k8s.io';
const mallory: UserInfo = { username: 'mallory', groups: ['devs'] };

/** Mallory is admin of the namespace `team`, like a project's administrator. */
async function withAdmin(): Promise<TestStore> {
  const cluster = await openTestStore();
  await cluster.put('/namespaces', { kind: 'Namespace', metadata: { name: 'team' } });
  await cluster.put(
    `${group}/rolebindings`,
    binding({ namespace: 'team', role: 'admin', subject: 'mallory' }),
  );
  return cluster;
}

function binding(of: {
  namespace?: string;
  role: string;
  roleKind?: string;
  subject: string;
  group?: boolean;
}) {
  return completed({
    apiVersion: `${group}/v1`,
    kind: of.namespace === undefined ? 'ClusterRoleBinding' : 'RoleBinding',
    metadata: { name: 'given', ...(of.namespace && { namespace: of.namespace }) },
    roleRef: { apiGroup: group, kind: of.roleKind ?? 'ClusterRole', name: of.role },
    subjects: [{ apiGroup: group, kind: of.group ? 'Group' : 'User', name: of.subject }],
  });
}

function role(of: { namespace?: string; rules: unknown[]; [field: string]: unknown }) {
  const { namespace, rules, ...fields } = of;
  const kind = namespace === undefined ? 'ClusterRole' : 'Role';
  const metadata = { name: 'made', ...(namespace && { namespace }) };
  return completed({ apiVersion: `${group}/v1`, kind, metadata, rules, ...fields });
}

function attempt(
  cluster: TestStore,
  object: KubeObject,
  more: { old?: KubeObject; user?: UserInfo; mode?: 'RBAC' | 'AlwaysAllow' } = {},
) {
  const authorizer = authorizerOf(cluster.store, () => more.mode ?? 'RBAC');
  const user = more.user ?? mallory;
  try {
    checkEscalation({ store: cluster.store, authorizer, user, object, old: more.old });
    return 'passed';
  } catch (error) {
    return (error as StatusError).status;
  }
}

const forbidden = { code: 403, reason: 'Forbidden' };
const pods = { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] };

describe('writing roles', () => {
  test('rights that one holds may be given on', async () => {
    await using cluster = await withAdmin();
    expect(attempt(cluster, role({ namespace: 'team', rules: [pods] }))).toBe('passed');
  });

  test('rights that one lacks may not, and the message lists them as upstream does', async () => {
    await using cluster = await withAdmin();
    const rules = [
      pods,
      { apiGroups: [''], resources: ['nodes'], verbs: ['list', 'get'] },
      { apiGroups: ['apps'], resources: ['deployments'], verbs: ['escalate'] },
    ];
    expect(attempt(cluster, role({ namespace: 'team', rules }))).toMatchObject({
      ...forbidden,
      message:
        'roles.rbac.authorization.k8s.io "made" is forbidden: user "mallory" (groups=["devs" "system:authenticated"]) ' +
        'is attempting to grant RBAC permissions not currently held:\n' +
        '{APIGroups:[""], Resources:["nodes"], Verbs:["list" "get"]}\n' +
        '{APIGroups:["apps"], Resources:["deployments"], Verbs:["escalate"]}',
    });
  });

  test.each([
    ['every verb', { apiGroups: [''], resources: ['pods'], verbs: ['*'] }],
    ['every resource', { apiGroups: [''], resources: ['*'], verbs: ['get'] }],
    ['every group', { apiGroups: ['*'], resources: ['pods'], verbs: ['get'] }],
    ['the verb escalate', { apiGroups: [group], resources: ['roles'], verbs: ['escalate'] }],
    ['the verb bind', { apiGroups: [group], resources: ['roles', 'clusterroles'], verbs: ['bind'] }],
    ['impersonating users', { apiGroups: [''], resources: ['users', 'groups'], verbs: ['impersonate'] }],
    ['any subresource', { apiGroups: [''], resources: ['*/status'], verbs: ['update'] }],
    [
      'a named object of a kind out of reach',
      { apiGroups: [''], resources: ['nodes'], resourceNames: ['n'], verbs: ['get'] },
    ],
  ])('a namespace admin cannot grant %s', async (_, rule) => {
    await using cluster = await withAdmin();
    expect(attempt(cluster, role({ namespace: 'team', rules: [rule] }))).toMatchObject(forbidden);
  });

  test('a cluster-wide role cannot be made of rights held in one namespace, whatever labels it has', async () => {
    await using cluster = await withAdmin();
    const labels = { [`${group}/aggregate-to-admin`]: 'true' };
    const made = role({ rules: [pods] });
    expect(attempt(cluster, { ...made, metadata: { ...made.metadata, labels } })).toMatchObject(forbidden);
  });

  test('a cluster-wide role does not become a local one by naming a namespace', async () => {
    await using cluster = await withAdmin();
    const made = role({ rules: [pods] });
    expect(attempt(cluster, { ...made, metadata: { ...made.metadata, namespace: 'team' } })).toMatchObject(
      forbidden,
    );
    const everywhere = binding({ role: 'admin', subject: 'mallory' });
    expect(
      attempt(cluster, { ...everywhere, metadata: { ...everywhere.metadata, namespace: 'team' } }),
    ).toMatchObject(forbidden);
  });

  test('an aggregation rule needs full authority, also to be taken away', async () => {
    await using cluster = await withAdmin();
    const aggregationRule = { clusterRoleSelectors: [{}] };
    const message =
      'clusterroles.rbac.authorization.k8s.io "made" is forbidden: must have cluster-admin privileges to use the aggregationRule';
    expect(attempt(cluster, role({ rules: [], aggregationRule }))).toMatchObject({ ...forbidden, message });
    expect(
      attempt(cluster, role({ rules: [] }), { old: role({ rules: [], aggregationRule }) }),
    ).toMatchObject(forbidden);
    expect(
      attempt(cluster, role({ rules: [], aggregationRule }), {
        user: { username: 'root', groups: ['system:masters'] },
      }),
    ).toBe('passed');
  });

  test('owners and finalizers change without the rights of the role', async () => {
    await using cluster = await withAdmin();
    const old = role({ rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }] });
    const next = { ...old, metadata: { ...old.metadata, finalizers: ['x/y'] } };
    expect(attempt(cluster, next, { old })).toBe('passed');
    const newer = { ...old, metadata: { ...old.metadata, resourceVersion: '9' } };
    expect(attempt(cluster, next, { old: newer })).toMatchObject(forbidden);
    expect(attempt(cluster, { ...next, rules: [pods] }, { old })).toMatchObject(forbidden);
  });

  test('the verb escalate lifts the check', async () => {
    await using cluster = await withAdmin();
    const rules = [{ apiGroups: [group], resources: ['roles'], verbs: ['escalate'] }];
    await cluster.put(`${group}/roles`, { ...role({ namespace: 'team', rules }) });
    await cluster.put(`${group}/rolebindings`, {
      ...binding({ namespace: 'team', role: 'made', roleKind: 'Role', subject: 'mallory' }),
    });
    const everything = [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }];
    expect(attempt(cluster, role({ namespace: 'team', rules: everything }))).toBe('passed');
    expect(attempt(cluster, role({ rules: everything }))).toMatchObject(forbidden);
  });

  test('a rule set that is too large to compare is refused, not computed', async () => {
    await using cluster = await withAdmin();
    const many = (prefix: string) => Array.from({ length: 3_000 }, (_, index) => `${prefix}${index}`);
    const rules = [{ apiGroups: [''], resources: many('r'), verbs: many('v') }];
    expect(attempt(cluster, role({ namespace: 'team', rules }))).toMatchObject(forbidden);
  });
});

describe('writing bindings', () => {
  test('a role whose rights one holds may be bound', async () => {
    await using cluster = await withAdmin();
    expect(attempt(cluster, binding({ namespace: 'team', role: 'view', subject: 'bob' }))).toBe('passed');
    expect(attempt(cluster, binding({ namespace: 'team', role: 'admin', subject: 'bob' }))).toBe('passed');
  });

  test.each([
    ['cluster-admin in the namespace', { namespace: 'team', role: 'cluster-admin', subject: 'mallory' }],
    ['cluster-admin everywhere', { role: 'cluster-admin', subject: 'mallory' }],
    ['the own role everywhere', { role: 'admin', subject: 'mallory' }],
    ['the own role in another namespace', { namespace: 'default', role: 'admin', subject: 'mallory' }],
    ['a system role', { namespace: 'team', role: 'system:node', subject: 'system:nodes', group: true }],
  ])('a namespace admin cannot bind %s', async (_, of) => {
    await using cluster = await withAdmin();
    expect(attempt(cluster, binding(of))).toMatchObject(forbidden);
  });

  test('subjects of a binding that gives more than one holds cannot be changed', async () => {
    await using cluster = await withAdmin();
    const old = binding({ namespace: 'team', role: 'cluster-admin', subject: 'root' });
    expect(
      attempt(cluster, { ...old, subjects: [{ kind: 'User', name: 'mallory' }] }, { old }),
    ).toMatchObject(forbidden);
  });

  test('a role that does not exist cannot be bound', async () => {
    await using cluster = await withAdmin();
    expect(attempt(cluster, binding({ namespace: 'team', role: 'nothing', subject: 'bob' }))).toMatchObject({
      code: 404,
      message: 'clusterrole.rbac.authorization.k8s.io "nothing" not found',
    });
  });

  test('the verb bind lifts the check for the named role only', async () => {
    await using cluster = await withAdmin();
    const rules = [
      { apiGroups: [group], resources: ['clusterroles'], resourceNames: ['system:node'], verbs: ['bind'] },
    ];
    await cluster.put(`${group}/roles`, { ...role({ namespace: 'team', rules }) });
    await cluster.put(`${group}/rolebindings`, {
      ...binding({ namespace: 'team', role: 'made', roleKind: 'Role', subject: 'mallory' }),
    });
    expect(attempt(cluster, binding({ namespace: 'team', role: 'system:node', subject: 'x' }))).toBe(
      'passed',
    );
    expect(
      attempt(cluster, binding({ namespace: 'team', role: 'cluster-admin', subject: 'x' })),
    ).toMatchObject(forbidden);
  });

  test('a service account is held to the same rules', async () => {
    await using cluster = await withAdmin();
    const user = {
      username: 'system:serviceaccount:team:default',
      groups: ['system:serviceaccounts', 'system:serviceaccounts:team'],
    };
    await cluster.put(`${group}/rolebindings`, {
      ...binding({ namespace: 'team', role: 'admin', subject: 'x' }),
      subjects: [{ kind: 'ServiceAccount', name: 'default', namespace: 'team' }],
    });
    expect(attempt(cluster, binding({ namespace: 'team', role: 'view', subject: 'x' }), { user })).toBe(
      'passed',
    );
    expect(
      attempt(cluster, binding({ namespace: 'team', role: 'cluster-admin', subject: 'x' }), { user }),
    ).toMatchObject(forbidden);
  });

  test('AlwaysAllow lets every binding pass', async () => {
    await using cluster = await withAdmin();
    expect(attempt(cluster, binding({ role: 'cluster-admin', subject: 'x' }), { mode: 'AlwaysAllow' })).toBe(
      'passed',
    );
  });
});

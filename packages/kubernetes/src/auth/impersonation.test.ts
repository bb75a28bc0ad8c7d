import { expect, test } from 'vitest';
import { StatusError } from '../api/status-error.ts';
import type { UserInfo } from '../types.ts';
import { actingUser } from './impersonation.ts';
import { authorizerOf } from './rbac.ts';
import { openTestStore, type TestStore } from './store-for-tests.ts';

const group = 'rbac.authorization.k8s.io';
const root: UserInfo = { username: 'root', groups: ['system:masters'] };
const alice: UserInfo = { username: 'alice', groups: ['devs'] };

function act(cluster: TestStore, user: UserInfo, rawHeaders: string[]): UserInfo | string {
  const authorizer = authorizerOf(cluster.store, () => 'RBAC');
  try {
    return actingUser({ user, rawHeaders, authorize: authorizer.authorize });
  } catch (error) {
    return error instanceof StatusError ? `${error.status.code} ${error.message}` : 'unexpected';
  }
}

/** Alice is allowed to act as one user and one group. */
async function withHelper(): Promise<TestStore> {
  const cluster = await openTestStore();
  const rules = [
    { apiGroups: [''], resources: ['users'], resourceNames: ['bob'], verbs: ['impersonate'] },
    { apiGroups: [''], resources: ['groups'], resourceNames: ['ops'], verbs: ['impersonate'] },
  ];
  await cluster.put(`${group}/clusterroles`, { kind: 'ClusterRole', metadata: { name: 'helper' }, rules });
  await cluster.put(`${group}/clusterrolebindings`, {
    kind: 'ClusterRoleBinding',
    metadata: { name: 'helper' },
    roleRef: { kind: 'ClusterRole', name: 'helper' },
    subjects: [{ kind: 'User', name: 'alice' }],
  });
  return cluster;
}

test('without the headers the sender acts', async () => {
  await using cluster = await openTestStore();
  expect(act(cluster, alice, ['Accept', 'x'])).toBe(alice);
});

test('an administrator acts as anybody, in any case of the headers', async () => {
  await using cluster = await openTestStore();
  const headers = [
    'IMPERSONATE-USER',
    'bob',
    'impersonate-group',
    'a',
    'Impersonate-Group',
    'b,c',
    'Impersonate-Extra-Scopes%2fx',
    'y',
    'Impersonate-Uid',
    '7',
  ];
  expect(act(cluster, root, headers)).toEqual({
    username: 'bob',
    uid: '7',
    groups: ['a', 'b,c', 'system:authenticated'],
    extra: { 'scopes/x': ['y'] },
  });
});

test('a service account keeps its groups', async () => {
  await using cluster = await openTestStore();
  expect(act(cluster, root, ['Impersonate-User', 'system:serviceaccount:team:ci'])).toEqual({
    username: 'system:serviceaccount:team:ci',
    groups: ['system:serviceaccounts', 'system:serviceaccounts:team', 'system:authenticated'],
  });
  expect(act(cluster, root, ['Impersonate-User', 'system:anonymous'])).toMatchObject({
    groups: ['system:unauthenticated'],
  });
});

test('every part must be allowed, not only the user', async () => {
  await using cluster = await withHelper();
  expect(act(cluster, alice, ['Impersonate-User', 'bob', 'Impersonate-Group', 'ops'])).toMatchObject({
    username: 'bob',
  });
  expect(
    act(cluster, alice, [
      'Impersonate-User',
      'bob',
      'Impersonate-Group',
      'ops',
      'Impersonate-Group',
      'system:masters',
    ]),
  ).toBe(
    '403 groups "system:masters" is forbidden: User "alice" cannot impersonate resource "groups" in API group "" at the cluster scope',
  );
  expect(act(cluster, alice, ['Impersonate-User', 'carol'])).toMatch(/^403 users "carol" is forbidden/);
  expect(act(cluster, alice, ['Impersonate-User', 'bob', 'Impersonate-Uid', '7'])).toMatch(/^403 uids/);
  expect(act(cluster, alice, ['Impersonate-User', 'bob', 'Impersonate-Extra-a', 'b'])).toMatch(
    /^403 userextras/,
  );
  expect(act(cluster, alice, ['Impersonate-User', 'system:serviceaccount:kube-system:default'])).toMatch(
    /^403 serviceaccounts/,
  );
});

test.each([
  [['Impersonate-Group', 'system:masters']],
  [['Impersonate-User', 'bob', 'impersonate-user', 'root']],
  [['Impersonate-User', '']],
  [['Impersonate-User', 'bob', 'Impersonate-Nonsense', 'x']],
])('the unclear headers %j are refused even for an administrator', async (headers) => {
  await using cluster = await openTestStore();
  expect(act(cluster, root, headers)).toMatch(/^400 /);
});

import { describe, expect, test } from 'vitest';
import { authorizerOf } from './rbac.ts';
import { answerReview, type ReviewContext } from './reviews.ts';
import { completed, openTestStore, type TestStore } from './store-for-tests.ts';

const group = 'rbac.authorization.k8s.io';
const user = { username: 'alice', groups: ['devs'] };

async function withViewer(): Promise<TestStore> {
  const cluster = await openTestStore();
  await cluster.put(`${group}/rolebindings`, {
    kind: 'RoleBinding',
    metadata: { name: 'viewers', namespace: 'default' },
    roleRef: { apiGroup: group, kind: 'ClusterRole', name: 'view' },
    subjects: [{ kind: 'Group', name: 'devs' }],
  });
  return cluster;
}

function ask(
  { store }: TestStore,
  review: { kind: string; spec: unknown },
  more: Partial<ReviewContext> & { namespace?: string } = {},
) {
  const { kind, spec } = review;
  const api = ['SelfSubjectReview', 'TokenReview'].includes(kind) ? 'authentication' : 'authorization';
  const { namespace, ...context } = more;
  const object = completed({
    apiVersion: `${api}.k8s.io/v1`,
    kind,
    metadata: { ...(namespace && { namespace }) },
    spec,
  });
  const authorizer = authorizerOf(store, () => 'RBAC');
  return answerReview({ authorizer, user, ...context }, object).then(
    (answer) => answer['status'],
    (error) => error.status,
  );
}

const reason = 'RBAC: allowed by RoleBinding "viewers/default" of ClusterRole "view" to Group "devs"';
const listPods = { verb: 'list', resource: 'pods', namespace: 'default' };

describe('access reviews', () => {
  test('the asker learns what they may do, and why', async () => {
    await using cluster = await withViewer();
    const can = (resourceAttributes: object) =>
      ask(cluster, { kind: 'SelfSubjectAccessReview', spec: { resourceAttributes } });
    expect(await can(listPods)).toEqual({ allowed: true, reason });
    expect(await can({ ...listPods, verb: 'delete' })).toEqual({ allowed: false });
    expect(await can({ ...listPods, namespace: '' })).toEqual({ allowed: false });
    expect(
      await ask(cluster, {
        kind: 'SelfSubjectAccessReview',
        spec: { nonResourceAttributes: { verb: 'get', path: '/api' } },
      }),
    ).toMatchObject({ allowed: true });
  });

  test('an asker may not smuggle another user into a self review', async () => {
    await using cluster = await withViewer();
    const spec = {
      resourceAttributes: { ...listPods, verb: 'delete' },
      user: 'root',
      groups: ['system:masters'],
    };
    expect(await ask(cluster, { kind: 'SelfSubjectAccessReview', spec: spec })).toEqual({ allowed: false });
  });

  test('a SubjectAccessReview judges exactly the named user and groups', async () => {
    await using cluster = await withViewer();
    const about = (spec: object) => ask(cluster, { kind: 'SubjectAccessReview', spec: spec });
    expect(await about({ user: 'bob', resourceAttributes: listPods })).toEqual({ allowed: false });
    expect(await about({ user: 'bob', groups: ['devs'], resourceAttributes: listPods })).toEqual({
      allowed: true,
      reason,
    });
    expect(await about({ user: 'bob', nonResourceAttributes: { verb: 'get', path: '/api' } })).toEqual({
      allowed: false,
    });
    expect(await about({ resourceAttributes: listPods })).toMatchObject({
      code: 422,
      message:
        'SubjectAccessReview.authorization.k8s.io "" is invalid: spec.user: Invalid value: "": at least one of user or group must be specified',
    });
  });

  test('a LocalSubjectAccessReview stays in its namespace', async () => {
    await using cluster = await withViewer();
    const local = (namespace: string) =>
      ask(
        cluster,
        {
          kind: 'LocalSubjectAccessReview',
          spec: { user: 'bob', groups: ['devs'], resourceAttributes: listPods },
        },
        { namespace },
      );
    expect(await local('default')).toEqual({ allowed: true, reason });
    expect(await local('kube-system')).toMatchObject({
      code: 400,
      message: 'spec.resourceAttributes.namespace must match namespace: kube-system',
    });
  });

  test('a review asks exactly one thing', async () => {
    await using cluster = await withViewer();
    expect(await ask(cluster, { kind: 'SelfSubjectAccessReview', spec: {} })).toMatchObject({ code: 422 });
    const both = { resourceAttributes: listPods, nonResourceAttributes: { verb: 'get', path: '/api' } };
    expect(await ask(cluster, { kind: 'SelfSubjectAccessReview', spec: both })).toMatchObject({ code: 422 });
  });
});

describe('who am I and what may I', () => {
  test('the rules review lists the rules of all roles in the namespace', async () => {
    await using cluster = await withViewer();
    const status = await ask(cluster, { kind: 'SelfSubjectRulesReview', spec: { namespace: 'default' } });
    expect(status).toMatchObject({ incomplete: false });
    expect(status.resourceRules).toContainEqual({
      verbs: ['create'],
      apiGroups: ['authorization.k8s.io'],
      resources: ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'],
    });
    expect(
      status.resourceRules.some((rule: { resources: string[] }) => rule.resources.includes('pods')),
    ).toBe(true);
    expect(
      status.nonResourceRules.some((rule: { nonResourceURLs: string[] }) =>
        rule.nonResourceURLs.includes('/version'),
      ),
    ).toBe(true);
    expect(await ask(cluster, { kind: 'SelfSubjectRulesReview', spec: {} })).toMatchObject({
      code: 400,
      message: 'no namespace on request',
    });
  });

  test('a SelfSubjectReview names the asker with their groups', async () => {
    await using cluster = await withViewer();
    expect(await ask(cluster, { kind: 'SelfSubjectReview', spec: {} })).toEqual({
      userInfo: { username: 'alice', groups: ['devs', 'system:authenticated'] },
    });
  });

  test('a TokenReview needs somebody who can check tokens', async () => {
    await using cluster = await withViewer();
    expect(await ask(cluster, { kind: 'TokenReview', spec: { token: 'x' } })).toMatchObject({ code: 501 });
    const checkToken: ReviewContext['checkToken'] = async (token) =>
      token === 'good' ? { user, audiences: ['a'] } : null;
    expect(await ask(cluster, { kind: 'TokenReview', spec: { token: 'good' } }, { checkToken })).toEqual({
      authenticated: true,
      user,
      audiences: ['a'],
    });
    expect(
      await ask(cluster, { kind: 'TokenReview', spec: { token: 'bad' } }, { checkToken }),
    ).not.toHaveProperty('authenticated');
  });
});

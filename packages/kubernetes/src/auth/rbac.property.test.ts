import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ClusterStore } from '../store/store.ts';
import type { KubeObject, UserInfo } from '../types.ts';
import { checkEscalation } from './escalation.ts';
import { authorizerOf, decide } from './rbac.ts';
import { parseRules, type Attributes, type PolicyRule } from './rules.ts';
import { completed, openTestStore, type TestStore } from './store-for-tests.ts';

const group = 'rbac.authorization.k8s.io';
const some = (...values: string[]) => fc.constantFrom(...values);
const listOf = (value: fc.Arbitrary<string>) => fc.uniqueArray(value, { minLength: 1, maxLength: 3 });

const ruleArbitrary = fc.oneof(
  fc.record({
    apiGroups: listOf(some('', 'apps', '*')),
    resources: listOf(some('pods', 'pods/log', 'deployments', 'deployments/scale', '*/scale', '*')),
    verbs: listOf(some('get', 'list', 'delete', '*')),
    resourceNames: fc.oneof(fc.constant([]), listOf(some('a', 'b'))),
  }),
  fc.record({
    nonResourceURLs: listOf(some('/api', '/api/*', '*', '/metrics')),
    verbs: listOf(some('get', 'post')),
  }),
);

const requestArbitrary: fc.Arbitrary<Attributes> = fc.oneof(
  fc.record({
    verb: some('get', 'list', 'delete', 'watch'),
    group: some('', 'apps'),
    resource: some('pods', 'deployments'),
    subresource: some('', 'log', 'scale'),
    namespace: some('', 'one', 'two'),
    name: some('', 'a', 'b', 'c'),
  }),
  fc.record({ verb: some('get', 'post'), path: some('/api', '/api/v1', '/metrics', '/') }),
);

const subjectArbitrary = fc.oneof(
  fc.record({ kind: fc.constant('User'), name: some('alice', 'bob') }),
  fc.record({ kind: fc.constant('Group'), name: some('devs', 'ops') }),
  fc.record({
    kind: fc.constant('ServiceAccount'),
    name: some('ci'),
    namespace: fc.option(some('one', 'two'), { nil: undefined }),
  }),
);

const userArbitrary: fc.Arbitrary<UserInfo> = fc.record({
  username: some('alice', 'bob', 'system:serviceaccount:one:ci', 'system:serviceaccount:two:ci'),
  groups: fc.subarray(['devs', 'ops']),
});

const bindingArbitrary = fc.record({
  namespace: some('', 'one', 'two'),
  roleKind: some('Role', 'ClusterRole'),
  role: some('r0', 'r1'),
  subjects: fc.array(subjectArbitrary, { maxLength: 3 }),
});

interface World {
  /** By `namespace/name`; cluster roles with an empty namespace. */
  roles: Map<string, KubeObject>;
  bindings: KubeObject[];
}

const worldArbitrary: fc.Arbitrary<World> = fc
  .record({
    roles: fc.array(
      fc.record({
        namespace: some('', 'one', 'two'),
        name: some('r0', 'r1'),
        rules: fc.array(ruleArbitrary, { maxLength: 3 }),
      }),
      { maxLength: 6 },
    ),
    bindings: fc.array(bindingArbitrary, { maxLength: 5 }),
  })
  .map(({ roles, bindings }) => ({
    roles: new Map(roles.map((role) => [`${role.namespace}/${role.name}`, roleObject(role)])),
    bindings: bindings
      .filter(({ namespace, roleKind }) => namespace !== '' || roleKind === 'ClusterRole')
      .map((binding, index) => bindingObject(binding, `b${index}`)),
  }));

function roleObject({
  namespace,
  name,
  rules,
}: {
  namespace: string;
  name: string;
  rules: unknown[];
}): KubeObject {
  const kind = namespace === '' ? 'ClusterRole' : 'Role';
  return completed({
    apiVersion: `${group}/v1`,
    kind,
    metadata: { name, ...(namespace && { namespace }) },
    rules,
  });
}

function bindingObject(
  of: { namespace: string; roleKind: string; role: string; subjects: unknown[] },
  name: string,
): KubeObject {
  const kind = of.namespace === '' ? 'ClusterRoleBinding' : 'RoleBinding';
  const metadata = { name, ...(of.namespace && { namespace: of.namespace }) };
  return completed({
    apiVersion: `${group}/v1`,
    kind,
    metadata,
    roleRef: { kind: of.roleKind, name: of.role },
    subjects: of.subjects,
  });
}

async function fill(cluster: TestStore, world: World): Promise<void> {
  const kinds = ['roles', 'clusterroles', 'rolebindings', 'clusterrolebindings'] as const;
  for (const kind of kinds) {
    for (const { metadata } of cluster.store.list(`${group}/${kind}`).items) {
      await cluster.remove(`${group}/${kind}`, metadata.namespace ?? '', metadata.name);
    }
  }
  for (const object of [...world.roles.values(), ...world.bindings])
    await cluster.put(`${group}/${object.kind.toLowerCase()}s`, object);
}

/** RBAC said as plainly as possible: no index, no compiled rules. */
function naive(world: World, user: UserInfo, request: Attributes): boolean {
  const namespace = 'path' in request ? '' : request.namespace;
  return world.bindings.some((binding) => {
    const home = binding.metadata.namespace ?? '';
    if (home !== '' && home !== namespace) return false;
    const subjects = binding['subjects'] as { kind: string; name: string; namespace?: string }[];
    const applies = subjects.some((subject) => {
      if (subject.kind === 'User') return subject.name === user.username;
      if (subject.kind === 'Group') return user.groups.includes(subject.name);
      const own = subject.namespace ?? home;
      return own !== '' && user.username === `system:serviceaccount:${own}:${subject.name}`;
    });
    const { kind, name } = binding['roleRef'] as { kind: string; name: string };
    const role = world.roles.get(`${kind === 'Role' ? home : ''}/${name}`);
    return (
      applies && role !== undefined && parseRules(role['rules']).some((rule) => naiveRule(rule, request))
    );
  });
}

function naiveRule(rule: PolicyRule, request: Attributes): boolean {
  const has = (list: readonly string[], value: string) => list.includes(value) || list.includes('*');
  if (!has(rule.verbs, request.verb)) return false;
  if ('path' in request) {
    return rule.nonResourceURLs.some((url) =>
      url.endsWith('*') ? request.path.startsWith(url.slice(0, -1)) : url === request.path,
    );
  }
  const full = request.subresource === '' ? request.resource : `${request.resource}/${request.subresource}`;
  const any = request.subresource === '' ? full : `*/${request.subresource}`;
  return (
    has(rule.apiGroups, request.group) &&
    (has(rule.resources, full) || rule.resources.includes(any)) &&
    (rule.resourceNames.length === 0 || rule.resourceNames.includes(request.name))
  );
}

test('the indexed decision is the plain one, through every change of roles and bindings', async () => {
  await using cluster = await openTestStore();
  await fc.assert(
    fc.asyncProperty(
      worldArbitrary,
      fc.array(fc.tuple(userArbitrary, requestArbitrary), { minLength: 20, maxLength: 20 }),
      async (world, asked) => {
        await fill(cluster, world);
        for (const [user, request] of asked) {
          expect(decide(cluster.store, user, request).allowed).toBe(naive(world, user, request));
        }
      },
    ),
    { numRuns: 150 },
  );
});

test('a role or binding that passes gives nobody a right that its writer did not hold', async () => {
  await using cluster = await openTestStore();
  const write = fc.oneof(
    fc
      .record({
        namespace: some('', 'one', 'two'),
        name: some('r0', 'r1'),
        rules: fc.array(ruleArbitrary, { maxLength: 2 }),
      })
      .map(roleObject),
    bindingArbitrary
      .filter(({ namespace, roleKind }) => namespace !== '' || roleKind === 'ClusterRole')
      .map((binding) => bindingObject(binding, 'mine')),
  );
  const asked = fc.array(fc.tuple(userArbitrary, requestArbitrary), { minLength: 40, maxLength: 40 });
  let written = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.tuple(worldArbitrary, userArbitrary, write),
      asked,
      async ([world, writer, object], requests) => {
        await fill(cluster, world);
        const allowed = (user: UserInfo, request: Attributes) => decide(cluster.store, user, request).allowed;
        if (mayEscalate(cluster.store, writer)) return;
        const held = requests.map(([user, request]) => allowed(user, request) || allowed(writer, request));
        try {
          checkEscalation({
            store: cluster.store,
            authorizer: authorizerOf(cluster.store, () => 'RBAC'),
            user: writer,
            object,
          });
        } catch {
          return;
        }
        written += 1;
        await cluster.put(`${group}/${object.kind.toLowerCase()}s`, object);
        requests.forEach(([user, request], index) => {
          if (allowed(user, request)) expect(held[index]).toBe(true);
        });
      },
    ),
    { numRuns: 400 },
  );
  expect(written).toBeGreaterThan(20);
});

/** Whoever holds the verbs `escalate` or `bind` somewhere is trusted to grant more. */
function mayEscalate(store: ClusterStore, user: UserInfo): boolean {
  const verbs: [string, string][] = [
    ['escalate', 'roles'],
    ['escalate', 'clusterroles'],
    ['bind', 'roles'],
    ['bind', 'clusterroles'],
  ];
  return ['', 'one', 'two'].some((namespace) =>
    verbs.some(
      ([verb, resource]) =>
        decide(store, user, { verb, group, resource, subresource: '', namespace, name: '' }).allowed,
    ),
  );
}

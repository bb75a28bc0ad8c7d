import { expect, test } from 'vitest';
import { aggregateFrom, aggregateRules, selects } from './aggregate.ts';
import { completed, openTestStore } from './store-for-tests.ts';

const group = 'rbac.authorization.k8s.io';
const rule = (resource: string) => ({ apiGroups: [''], resources: [resource], verbs: ['get'] });

function role(
  name: string,
  labels: Record<string, string>,
  fields: { rules?: unknown[]; aggregationRule?: object } = {},
) {
  return completed({ kind: 'ClusterRole', metadata: { name, labels }, rules: [], ...fields });
}

test('an aggregated role gathers the rules of all roles that any selector picks, once each', () => {
  const clusterRoleSelectors = [
    { matchLabels: { a: '1' } },
    { matchExpressions: [{ key: 'b', operator: 'Exists' }] },
  ];
  const target = role(
    'target',
    { a: '1' },
    { rules: [rule('stale')], aggregationRule: { clusterRoleSelectors } },
  );
  const candidates = [
    role('x', { a: '1' }, { rules: [rule('pods')] }),
    role('y', { b: '' }, { rules: [rule('pods'), rule('nodes')] }),
    role('z', {}, { rules: [rule('secrets')] }),
    target,
  ];
  expect(aggregateFrom(target, candidates)).toEqual([rule('pods'), rule('nodes')]);
});

test('a role without an aggregation rule is left alone', () => {
  expect(aggregateFrom(role('plain', {}), [])).toBeUndefined();
});

test('a role of the cluster joins the base role that its label names', async () => {
  await using cluster = await openTestStore();
  const labels = { [`${group}/aggregate-to-view`]: 'true' };
  await cluster.put(`${group}/clusterroles`, { ...role('widgets', labels, { rules: [rule('widgets')] }) });
  const view = cluster.store.get(`${group}/clusterroles`, '', 'view');
  expect(view && aggregateRules(cluster.store, view)).toContainEqual(rule('widgets'));
});

test.each([
  [{}, { any: 'x' }, true],
  [{ matchLabels: { a: '1' } }, { a: '2' }, false],
  [{ matchExpressions: [{ key: 'a', operator: 'In', values: ['1', '2'] }] }, { a: '2' }, true],
  [{ matchExpressions: [{ key: 'a', operator: 'NotIn', values: ['1'] }] }, {}, true],
  [{ matchExpressions: [{ key: 'a', operator: 'DoesNotExist' }] }, { a: '' }, false],
  [{ matchExpressions: [{ key: 'constructor', operator: 'Exists' }] }, {}, false],
  [{ matchExpressions: [{ key: 'a', operator: 'Gt', values: ['1'] }] }, { a: '2' }, false],
])('the selector %j on the labels %j answers %j', (selector, labels, expected) => {
  expect(selects(selector, labels)).toBe(expected);
});

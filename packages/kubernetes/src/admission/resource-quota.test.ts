import { fixedClock } from '@hexabase/kernel/clock.ts';
import { describe, expect, test } from 'vitest';
import { completed, type TestStore } from '../auth/store-for-tests.ts';
import { attempt, create, openTeam, pod } from './admit-for-tests.ts';
import { computeQuotaUsage } from './resource-quota.ts';

function quota(hard: Record<string, string>, spec: object = {}, name = 'q') {
  return { kind: 'ResourceQuota', metadata: { name, namespace: 'team' }, spec: { hard, ...spec } };
}

async function withQuota(hard: Record<string, string>, spec: object = {}): Promise<TestStore> {
  const cluster = await openTeam();
  await cluster.put('/resourcequotas', quota(hard, spec));
  return cluster;
}

const sized = (cpu: string) => ({ container: { resources: { requests: { cpu }, limits: { cpu } } } });
const service = (name: string, spec: object) => ({
  kind: 'Service',
  metadata: { name, namespace: 'team' },
  spec,
});

describe('counting', () => {
  test("the pod after the last allowed one is refused in upstream's words", async () => {
    await using cluster = await withQuota({ pods: '2' });
    expect(await create(cluster, pod('a'))).toBe('created');
    expect(await create(cluster, pod('b'))).toBe('created');
    expect(await create(cluster, pod('c'))).toBe(
      'pods "c" is forbidden: exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2',
    );
    await cluster.remove('/pods', 'team', 'a');
    expect(await create(cluster, pod('c'))).toBe('created');
  });

  test('several exceeded amounts are listed together, the others not', async () => {
    await using cluster = await withQuota({ 'requests.cpu': '1', 'limits.cpu': '1', pods: '9' });
    expect(await create(cluster, pod('a', sized('600m')))).toBe('created');
    expect(await create(cluster, pod('b', sized('500m')))).toBe(
      'pods "b" is forbidden: exceeded quota: q, requested: limits.cpu=500m,requests.cpu=500m, used: limits.cpu=600m,requests.cpu=600m, limited: limits.cpu=1,requests.cpu=1',
    );
    expect(await create(cluster, pod('b', sized('400m')))).toBe('created');
  });

  test('a quota on cpu or memory obliges every container to state it', async () => {
    await using cluster = await withQuota({ 'requests.cpu': '1', 'limits.memory': '1Gi' });
    expect(await create(cluster, pod('a'))).toBe(
      'pods "a" is forbidden: failed quota: q: must specify limits.memory for: c; requests.cpu for: c',
    );
  });

  test('finished pods take nothing but their object count', async () => {
    await using cluster = await withQuota({ pods: '1', 'count/pods': '5' });
    await cluster.put('/pods', { ...pod('done'), status: { phase: 'Succeeded' } });
    expect(await create(cluster, pod('a'))).toBe('created');
    const stored = cluster.store.get('/resourcequotas', 'team', 'q');
    expect(stored && computeQuotaUsage(cluster.store, stored, 0)).toEqual({ 'count/pods': '2', pods: '1' });
  });

  test('a pod that hangs after its grace period no longer counts', async () => {
    await using cluster = await withQuota({ pods: '1' });
    const metadata = { deletionTimestamp: '2026-01-01T00:00:30Z', deletionGracePeriodSeconds: 30 };
    await cluster.put('/pods', pod('old', { metadata }));
    const clock = fixedClock(Date.parse('2026-01-01T00:00:10Z'));
    expect(await create(cluster, pod('new'), { clock })).toContain('exceeded quota');
    const later = fixedClock(Date.parse('2026-01-01T00:00:31Z'));
    const fresh = await withQuota({ pods: '1' });
    await fresh.put('/pods', pod('old', { metadata }));
    expect(await create(fresh, pod('new'), { clock: later })).toBe('created');
    await fresh[Symbol.asyncDispose]();
  });

  test('services count by kind, and changing the type is held to the quota', async () => {
    await using cluster = await withQuota({
      services: '3',
      'services.loadbalancers': '0',
      'services.nodeports': '2',
    });
    const ports = [{ port: 80 }, { port: 81 }];
    expect(await create(cluster, service('a', { type: 'NodePort', ports }))).toBe('created');
    expect(await create(cluster, service('b', { type: 'NodePort', ports: [{ port: 1 }] }))).toContain(
      'requested: services.nodeports=1, used: services.nodeports=2',
    );
    expect(await create(cluster, service('b', { type: 'ClusterIP', ports }))).toBe('created');
    const old = cluster.store.get('/services', 'team', 'b');
    const changed = await attempt(cluster, service('b', { type: 'LoadBalancer', ports }), {
      operation: 'UPDATE',
      ...(old && { old }),
    });
    expect(changed.refused?.message).toContain('services.loadbalancers=1');
  });

  test('storage counts in total and per class, growth included', async () => {
    const perClass = 'gold.storageclass.storage.k8s.io/requests.storage';
    await using cluster = await withQuota({
      'requests.storage': '10Gi',
      [perClass]: '4Gi',
      persistentvolumeclaims: '5',
    });
    const claim = (name: string, storage: string, storageClassName: string) =>
      completed({
        kind: 'PersistentVolumeClaim',
        metadata: { name, namespace: 'team' },
        spec: { storageClassName, resources: { requests: { storage } } },
        status: { phase: 'Bound' },
      });
    expect(await create(cluster, { ...claim('a', '3Gi', 'gold') })).toBe('created');
    expect(await create(cluster, { ...claim('b', '2Gi', 'gold') })).toContain(
      `exceeded quota: q, requested: ${perClass}=2Gi, used: ${perClass}=3Gi, limited: ${perClass}=4Gi`,
    );
    expect(await create(cluster, { ...claim('b', '6Gi', 'standard') })).toBe('created');
    const grown = await attempt(cluster, claim('b', '8Gi', 'standard'), {
      operation: 'UPDATE',
      old: claim('b', '6Gi', 'standard'),
    });
    expect(grown.refused?.message).toContain('requested: requests.storage=2Gi, used: requests.storage=9Gi');
  });

  test('any kind can be counted by count/<kind>.<group>, and the common ones by their plain name', async () => {
    await using cluster = await withQuota({
      'count/deployments.apps': '1',
      configmaps: '1',
      'count/secrets': '0',
    });
    const made = (kind: string, name: string) =>
      create(cluster, { kind, metadata: { name, namespace: 'team' } });
    expect(await made('Deployment', 'a')).toBe('created');
    expect(await made('Deployment', 'b')).toContain('requested: count/deployments.apps=1');
    expect(await made('ConfigMap', 'a')).toBe('created');
    expect(await made('ConfigMap', 'b')).toContain('requested: configmaps=1, used: configmaps=1');
    expect(await made('Secret', 'a')).toContain('limited: count/secrets=0');
  });
});

describe('scopes', () => {
  test.each([
    ['BestEffort', pod('in'), pod('out', sized('1m'))],
    ['NotBestEffort', pod('in', sized('1m')), pod('out')],
    ['Terminating', pod('in', { spec: { activeDeadlineSeconds: 5 } }), pod('out')],
    ['NotTerminating', pod('in'), pod('out', { spec: { activeDeadlineSeconds: 5 } })],
  ])('a quota of scope %s speaks of those pods only', async (scope, inside, outside) => {
    await using cluster = await withQuota({ pods: '0' }, { scopes: [scope] });
    expect(await create(cluster, inside)).toContain('exceeded quota');
    expect(await create(cluster, outside)).toBe('created');
  });

  test('a quota can speak of one priority class', async () => {
    const matchExpressions = [
      { scopeName: 'PriorityClass', operator: 'In', values: ['system-node-critical'] },
    ];
    await using cluster = await withQuota({ pods: '0' }, { scopeSelector: { matchExpressions } });
    expect(
      await create(cluster, pod('a', { spec: { priorityClassName: 'system-node-critical' } })),
    ).toContain('exceeded quota');
    expect(await create(cluster, pod('b'))).toBe('created');
  });

  test('a pod that gets a deadline enters the quota of the scope Terminating', async () => {
    await using cluster = await withQuota({ pods: '0' }, { scopes: ['Terminating'] });
    const old = completed(pod('a'));
    const { refused } = await attempt(cluster, pod('a', { spec: { activeDeadlineSeconds: 5 } }), {
      operation: 'UPDATE',
      old,
    });
    expect(refused?.message).toContain('exceeded quota: q, requested: pods=1');
  });
});

describe('concurrent writes', () => {
  test('of many creations at once exactly as many pass as the quota has room for', async () => {
    await using cluster = await withQuota({ pods: '5' });
    const outcomes = await Promise.all(
      Array.from({ length: 40 }, (_, index) => create(cluster, pod(`p${index}`))),
    );
    expect(outcomes.filter((outcome) => outcome === 'created')).toHaveLength(5);
    expect(cluster.store.list('/pods', { namespace: 'team' }).items).toHaveLength(5);
    await Promise.all(
      [0, 1, 2].map((index) =>
        cluster.remove('/pods', 'team', cluster.store.list('/pods').items[index]?.metadata.name ?? ''),
      ),
    );
    const again = await Promise.all(
      Array.from({ length: 10 }, (_, index) => create(cluster, pod(`r${index}`))),
    );
    expect(again.filter((outcome) => outcome === 'created')).toHaveLength(3);
  });

  test('what was admitted and not stored gives its share back once', async () => {
    await using cluster = await withQuota({ pods: '1' });
    const first = await attempt(cluster, pod('a'));
    expect(await create(cluster, pod('b'))).toContain('used: pods=1');
    first.release?.();
    first.release?.();
    expect(await create(cluster, pod('b'))).toBe('created');
    expect(await create(cluster, pod('c'))).toContain('used: pods=1');
  });

  test('a dry run is judged and holds nothing', async () => {
    await using cluster = await withQuota({ pods: '1' });
    expect((await attempt(cluster, pod('a'), { dryRun: true })).refused).toBeUndefined();
    expect(await create(cluster, pod('b'))).toBe('created');
    expect((await attempt(cluster, pod('c'), { dryRun: true })).refused?.message).toContain('exceeded quota');
  });

  test('the running count follows the store through every change of objects and quota', async () => {
    await using cluster = await withQuota({ pods: '2', 'requests.cpu': '1' });
    expect(await create(cluster, pod('a', sized('500m')))).toBe('created');
    await cluster.put('/pods', { ...pod('a', sized('500m')), status: { phase: 'Failed' } });
    expect(await create(cluster, pod('b', sized('1')))).toBe('created');
    await cluster.put('/resourcequotas', quota({ pods: '3', 'requests.cpu': '2' }));
    expect(await create(cluster, pod('c', sized('1')))).toBe('created');
    expect(await create(cluster, pod('d', sized('1')))).toContain('used: requests.cpu=2');
    await cluster.remove('/resourcequotas', 'team', 'q');
    expect(await create(cluster, pod('d', sized('1')))).toBe('created');
  });
});

import { expect, it } from 'vitest';
import type { Pod } from '../../objects.ts';
import type { KubeObject } from '../../types.ts';
import { NAMESPACED_RESOURCES } from '../shared/stored-resources.ts';
import { testCluster, type TestCluster } from '../testing/test-cluster.ts';

async function deployment(cluster: TestCluster, namespace = 'default'): Promise<KubeObject> {
  const created = await cluster.client.create('apps/deployments', {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace },
    spec: {
      replicas: 3,
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: { containers: [{ name: 'web', image: 'nginx' }] },
      },
    },
  });
  await cluster.settle();
  return created;
}

const count = (cluster: TestCluster, resource: '/pods' | 'apps/replicasets' | 'apps/deployments') =>
  cluster.client.list(resource).length;

it('every namespace has its default account and the certificate authority, also after they are deleted', async () => {
  await using cluster = await testCluster();
  await cluster.settle();
  await cluster.client.delete('/serviceaccounts', { namespace: 'default', name: 'default' });
  await cluster.client.delete('/configmaps', { namespace: 'default', name: 'kube-root-ca.crt' });
  await cluster.settle();
  expect(cluster.client.get('/serviceaccounts', 'default', 'default')).toBeDefined();
  expect(cluster.client.get('/configmaps', 'default', 'kube-root-ca.crt')?.['data']).toEqual({
    'ca.crt': 'test certificate',
  });
});

it.each(['Background', 'Foreground'] as const)(
  '%s deletion of a Deployment leaves nothing of it',
  async (propagationPolicy) => {
    await using cluster = await testCluster();
    await deployment(cluster);
    await cluster.client.delete(
      'apps/deployments',
      { namespace: 'default', name: 'web' },
      { propagationPolicy },
    );
    await cluster.settle();
    expect([
      count(cluster, 'apps/deployments'),
      count(cluster, 'apps/replicasets'),
      count(cluster, '/pods'),
    ]).toEqual([0, 0, 0]);
  },
);

it('an orphaning deletion leaves the ReplicaSet and its pods without an owner', async () => {
  await using cluster = await testCluster();
  await deployment(cluster);
  await cluster.client.delete(
    'apps/deployments',
    { namespace: 'default', name: 'web' },
    { propagationPolicy: 'Orphan' },
  );
  await cluster.settle();
  expect([
    count(cluster, 'apps/deployments'),
    count(cluster, 'apps/replicasets'),
    count(cluster, '/pods'),
  ]).toEqual([0, 1, 3]);
  expect(cluster.client.list('apps/replicasets')[0]?.metadata.ownerReferences).toBeUndefined();
});

it('an object whose owner never existed is collected, one with a living owner is not', async () => {
  await using cluster = await testCluster();
  const owner = await deployment(cluster);
  const owned = (name: string, uid: string) =>
    cluster.client.create('/configmaps', {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {
        name,
        namespace: 'default',
        ownerReferences: [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid }],
      },
    });
  await owned('kept', owner.metadata.uid);
  await owned('lost', '00000000-0000-0000-0000-000000000000');
  await cluster.settle();
  expect(cluster.client.get('/configmaps', 'default', 'kept')).toBeDefined();
  expect(cluster.client.get('/configmaps', 'default', 'lost')).toBeUndefined();
});

it('a deleted namespace goes with everything in it', async () => {
  await using cluster = await testCluster();
  await cluster.client.create('/namespaces', {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'team' },
  });
  await deployment(cluster, 'team');
  await cluster.client.delete('/namespaces', { namespace: '', name: 'team' });
  await cluster.settle();
  expect(cluster.client.get('/namespaces', '', 'team')).toBeUndefined();
  for (const resource of NAMESPACED_RESOURCES)
    expect(cluster.client.list(resource, { namespace: 'team' }), resource).toEqual([]);
});

it('a namespace with an object that is held says what it waits for', async () => {
  await using cluster = await testCluster();
  await cluster.client.create('/namespaces', {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'team' },
  });
  await cluster.client.create('/configmaps', {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'held', namespace: 'team', finalizers: ['example.com/hold'] },
  });
  await cluster.client.delete('/namespaces', { namespace: '', name: 'team' });
  await cluster.settle();
  const status = cluster.client.get<
    KubeObject & { status?: { conditions?: { type: string; message?: string }[] } }
  >('/namespaces', '', 'team')?.status;
  const messages = Object.fromEntries((status?.conditions ?? []).map(({ type, message }) => [type, message]));
  expect(messages['NamespaceContentRemaining']).toBe(
    'Some resources are remaining: configmaps. has 1 resource instances',
  );
  expect(messages['NamespaceFinalizersRemaining']).toContain('example.com/hold in 1 resource instances');
  await cluster.client.update(
    '/configmaps',
    { namespace: 'team', name: 'held' },
    (map) => void (map.metadata.finalizers = []),
  );
  await cluster.settle();
  expect(cluster.client.get('/namespaces', '', 'team')).toBeUndefined();
});

it('a graceful deletion shows before the pod is gone', async () => {
  await using cluster = await testCluster({ timeScale: 1 });
  await deployment(cluster);
  await cluster.advance(5000);
  const name = cluster.client.list<Pod>('/pods')[0]?.metadata.name ?? '';
  await cluster.client.delete('/pods', { namespace: 'default', name });
  await cluster.settle();
  expect(cluster.client.get('/pods', 'default', name)?.metadata.deletionTimestamp).toBeDefined();
  await cluster.advance(5000);
  expect(cluster.client.get('/pods', 'default', name)).toBeUndefined();
  expect(count(cluster, '/pods')).toBe(3);
});

it('events go an hour after they last happened, and then nothing is planned', async () => {
  await using cluster = await testCluster();
  await deployment(cluster);
  expect(cluster.client.list('/events').length).toBeGreaterThan(0);
  await cluster.advance(3_600_000);
  expect(cluster.client.list('/events')).toEqual([]);
  expect(cluster.controllers.nextWakeMs()).toBeNull();
});

it('controllers that start over existing objects finish what was begun', async () => {
  await using cluster = await testCluster({ controllers: [] });
  await deployment(cluster);
  expect(count(cluster, '/pods')).toBe(0);
  await cluster.restart();
  expect(cluster.client.list<Pod>('/pods').map(({ status }) => status?.phase)).toEqual([
    'Running',
    'Running',
    'Running',
  ]);
});

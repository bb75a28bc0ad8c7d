import { expect, it } from 'vitest';
import type { Pod } from '../../objects.ts';
import type { DaemonSet, StatefulSet } from '../../objects-workloads.ts';
import { isReady } from '../shared/pod-state.ts';
import { testCluster, twoNodes, type TestCluster } from '../testing/test-cluster.ts';

const ref = { namespace: 'default', name: 'db' };
const template = (image = 'postgres:17') => ({
  metadata: { labels: { app: 'db' } },
  spec: { containers: [{ name: 'db', image }] },
});
const pods = (cluster: TestCluster) => cluster.client.list<Pod>('/pods');
const names = (cluster: TestCluster) => pods(cluster).map(({ metadata }) => metadata.name);

async function statefulSet(cluster: TestCluster, spec: Partial<StatefulSet['spec']> = {}): Promise<void> {
  await cluster.client.create('apps/statefulsets', {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: ref,
    spec: {
      replicas: 3,
      serviceName: 'db',
      selector: { matchLabels: { app: 'db' } },
      template: template(),
      ...spec,
    },
  });
  await cluster.settle();
}

it('a StatefulSet has numbered pods, scales from the top, and says that it is current', async () => {
  await using cluster = await testCluster();
  await statefulSet(cluster);
  expect(names(cluster)).toEqual(['db-0', 'db-1', 'db-2']);
  const status = cluster.client.get<StatefulSet>('apps/statefulsets', 'default', 'db')?.status;
  expect(status).toMatchObject({
    replicas: 3,
    readyReplicas: 3,
    currentReplicas: 3,
    updatedReplicas: 3,
    availableReplicas: 3,
  });
  expect(status?.currentRevision).toBe(status?.updateRevision);
  await cluster.client.update<StatefulSet>('apps/statefulsets', ref, (set) => void (set.spec.replicas = 1));
  await cluster.settle();
  expect(names(cluster)).toEqual(['db-0']);
});

it('an ordered StatefulSet does not start a pod before the one below is ready', async () => {
  await using cluster = await testCluster();
  const annotations = { 'simulation.kubernetes.embedded/ready-after-seconds': 'never' };
  await statefulSet(cluster, {
    template: { ...template(), metadata: { labels: { app: 'db' }, annotations } },
  });
  expect(names(cluster)).toEqual(['db-0']);
});

it('a parallel StatefulSet starts all pods at once', async () => {
  await using cluster = await testCluster();
  const annotations = { 'simulation.kubernetes.embedded/ready-after-seconds': 'never' };
  const own = { ...template(), metadata: { labels: { app: 'db' }, annotations } };
  await statefulSet(cluster, { podManagementPolicy: 'Parallel', template: own });
  expect(names(cluster)).toEqual(['db-0', 'db-1', 'db-2']);
});

it('a partition keeps lower pods on the old template', async () => {
  await using cluster = await testCluster();
  await statefulSet(cluster, { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 2 } } });
  await cluster.client.update<StatefulSet>(
    'apps/statefulsets',
    ref,
    (set) => void (set.spec.template = template('postgres:18')),
  );
  await cluster.settle();
  expect(pods(cluster).map(({ spec }) => spec.containers[0]?.image)).toEqual([
    'postgres:17',
    'postgres:17',
    'postgres:18',
  ]);
  await cluster.client.delete('/pods', { namespace: 'default', name: 'db-0' });
  await cluster.settle();
  expect(cluster.client.get<Pod>('/pods', 'default', 'db-0')?.spec.containers[0]?.image).toBe('postgres:17');
  await cluster.client.update<StatefulSet>(
    'apps/statefulsets',
    ref,
    (set) => void (set.spec.updateStrategy = { type: 'RollingUpdate' }),
  );
  await cluster.settle();
  expect(pods(cluster).map(({ spec }) => spec.containers[0]?.image)).toEqual([
    'postgres:18',
    'postgres:18',
    'postgres:18',
  ]);
  expect(pods(cluster).every(isReady)).toBe(true);
});

it('a DaemonSet has one pod on every node it may use, follows new nodes, and rolls its template', async () => {
  await using cluster = await testCluster();
  await cluster.client.create('apps/daemonsets', {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: ref,
    spec: { selector: { matchLabels: { app: 'db' } }, template: template() },
  });
  await cluster.settle();
  const nodes = () =>
    pods(cluster)
      .map(({ spec }) => spec.nodeName)
      .sort();
  expect(nodes()).toEqual(['node-a', 'node-b']);
  const tainted = {
    name: 'node-d',
    cpuMilli: 1000,
    memoryMib: 1024,
    pods: 10,
    taints: [{ key: 'own', value: 'x', effect: 'NoSchedule' as const }],
  };
  cluster.controllers.configure({
    authorization: 'AlwaysAllow',
    basePath: '',
    nodes: [...twoNodes, { name: 'node-c', cpuMilli: 1000, memoryMib: 1024, pods: 10 }, tainted],
  });
  await cluster.settle();
  expect(nodes()).toEqual(['node-a', 'node-b', 'node-c']);
  await cluster.client.update<DaemonSet>(
    'apps/daemonsets',
    ref,
    (set) => void (set.spec.template = template('postgres:18')),
  );
  await cluster.settle();
  expect(pods(cluster).map(({ spec }) => spec.containers[0]?.image)).toEqual([
    'postgres:18',
    'postgres:18',
    'postgres:18',
  ]);
  expect(cluster.client.get<DaemonSet>('apps/daemonsets', 'default', 'db')?.status).toMatchObject({
    desiredNumberScheduled: 3,
    currentNumberScheduled: 3,
    numberReady: 3,
    updatedNumberScheduled: 3,
    numberAvailable: 3,
  });
});

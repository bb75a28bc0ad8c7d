import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Pod } from '../../objects.ts';
import type { Deployment, ReplicaSet } from '../../objects-workloads.ts';
import { findCondition } from '../shared/conditions.ts';
import { isActive, isReady } from '../shared/pod-state.ts';
import { eventsAbout, testCluster, type TestCluster } from '../testing/test-cluster.ts';

const web = { namespace: 'default', name: 'web' };

function deploymentOf(spec: Partial<Deployment['spec']> = {}) {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { ...web },
    spec: {
      replicas: 2,
      progressDeadlineSeconds: 600,
      revisionHistoryLimit: 10,
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: { containers: [{ name: 'web', image: 'nginx:1' }] },
      },
      ...spec,
    },
  };
}

const pods = (cluster: TestCluster) => cluster.client.list<Pod>('/pods', { namespace: 'default' });
const sets = (cluster: TestCluster) =>
  cluster.client.list<ReplicaSet>('apps/replicasets', { namespace: 'default' });
const current = (cluster: TestCluster) =>
  cluster.client.get<Deployment>('apps/deployments', 'default', 'web');

async function setImage(cluster: TestCluster, image: string): Promise<void> {
  await cluster.client.update<Deployment>('apps/deployments', web, (deployment) => {
    for (const container of deployment.spec.template.spec.containers) container.image = image;
  });
  await cluster.settle();
}

it('a Deployment leads to ready pods with addresses on nodes, and says that it is complete', async () => {
  await using cluster = await testCluster();
  await cluster.client.create('apps/deployments', deploymentOf());
  await cluster.settle();
  expect(
    pods(cluster).map((pod) => [pod.status?.phase, isReady(pod), pod.spec.nodeName !== undefined]),
  ).toEqual([
    ['Running', true, true],
    ['Running', true, true],
  ]);
  expect(new Set(pods(cluster).map((pod) => pod.status?.podIP)).size).toBe(2);
  expect(new Set(pods(cluster).map((pod) => pod.spec.nodeName)).size).toBe(2);
  const status = current(cluster)?.status;
  expect(status).toMatchObject({ replicas: 2, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 2 });
  expect(findCondition(status?.conditions, 'Progressing')?.reason).toBe('NewReplicaSetAvailable');
  expect(eventsAbout(cluster.client, 'web').sort()).toEqual([
    `ScalingReplicaSet: Scaled up replica set ${sets(cluster)[0]?.metadata.name} from 0 to 2`,
  ]);
});

it('scaling, a bad image and the way back leave the old pods serving all the time', async () => {
  await using cluster = await testCluster();
  await cluster.client.create('apps/deployments', deploymentOf());
  await cluster.settle();
  await cluster.client.update<Deployment>(
    'apps/deployments',
    web,
    (deployment) => void (deployment.spec.replicas = 5),
  );
  await cluster.settle();
  expect(current(cluster)?.status?.availableReplicas).toBe(5);
  await setImage(cluster, 'nginx:nope');
  expect(pods(cluster).filter(isReady).length).toBeGreaterThanOrEqual(4);
  const stuck = pods(cluster).find((pod) => !isReady(pod));
  expect(stuck?.status?.containerStatuses?.[0]?.state.waiting?.reason).toBe('ImagePullBackOff');
  await cluster.advance(700_000);
  expect(findCondition(current(cluster)?.status?.conditions, 'Progressing')?.reason).toBe(
    'ProgressDeadlineExceeded',
  );
  await setImage(cluster, 'nginx:1');
  expect(current(cluster)?.status).toMatchObject({ replicas: 5, updatedReplicas: 5, availableReplicas: 5 });
  expect(current(cluster)?.metadata.annotations?.['deployment.kubernetes.io/revision']).toBe('3');
});

it('no rolling update leaves fewer pods serving, or more existing, than it may', async () => {
  const bounds = fc.tuple(
    fc.integer({ min: 1, max: 8 }),
    fc.integer({ min: 0, max: 4 }),
    fc.integer({ min: 0, max: 4 }),
  );
  await fc.assert(
    fc.asyncProperty(
      bounds,
      fc.array(fc.constantFrom('nginx:1', 'nginx:2', 'nginx:nope'), { minLength: 1, maxLength: 4 }),
      async (limits, images) => {
        const [replicas, maxSurge, maxUnavailable] = limits;
        fc.pre(maxSurge + maxUnavailable > 0);
        await using cluster = await testCluster();
        const rollingUpdate = { maxSurge, maxUnavailable };
        await cluster.client.create(
          'apps/deployments',
          deploymentOf({ replicas, strategy: { type: 'RollingUpdate', rollingUpdate } }),
        );
        await cluster.settle();
        let [fewest, most] = [replicas, replicas];
        const stop = cluster.client.store.subscribe('/pods', () => {
          const live = pods(cluster).filter(isActive);
          fewest = Math.min(fewest, live.filter(isReady).length);
          most = Math.max(most, live.length);
        });
        for (const image of images) await setImage(cluster, image);
        stop();
        expect(fewest).toBeGreaterThanOrEqual(replicas - maxUnavailable);
        expect(most).toBeLessThanOrEqual(replicas + maxSurge);
        await setImage(cluster, 'nginx:3');
        expect(current(cluster)?.status).toMatchObject({
          replicas,
          updatedReplicas: replicas,
          availableReplicas: replicas,
        });
      },
    ),
    { numRuns: 20 },
  );
});

it('Recreate starts no new pod before the last old one is gone', async () => {
  await using cluster = await testCluster({ timeScale: 1 });
  await cluster.client.create('apps/deployments', deploymentOf({ strategy: { type: 'Recreate' } }));
  await cluster.advance(5000);
  let mixed = false;
  cluster.client.store.subscribe('/pods', () => {
    mixed ||= new Set(pods(cluster).map(({ spec }) => spec.containers[0]?.image)).size > 1;
  });
  await setImage(cluster, 'nginx:2');
  await cluster.advance(5000);
  expect([mixed, current(cluster)?.status?.availableReplicas]).toEqual([false, 2]);
});

it('a paused Deployment does not roll, and keeps no more history than it may', async () => {
  await using cluster = await testCluster();
  await cluster.client.create('apps/deployments', deploymentOf({ revisionHistoryLimit: 2 }));
  await cluster.settle();
  for (const tag of ['2', '3', '4', '5']) await setImage(cluster, `nginx:${tag}`);
  expect(sets(cluster)).toHaveLength(3);
  await cluster.client.update<Deployment>('apps/deployments', web, ({ spec }) => void (spec.paused = true));
  await setImage(cluster, 'nginx:6');
  expect(pods(cluster).every(({ spec }) => spec.containers[0]?.image === 'nginx:5')).toBe(true);
  expect(findCondition(current(cluster)?.status?.conditions, 'Progressing')?.reason).toBe('DeploymentPaused');
  await cluster.client.update<Deployment>('apps/deployments', web, ({ spec }) => void (spec.paused = false));
  await cluster.settle();
  expect(pods(cluster).every(({ spec }) => spec.containers[0]?.image === 'nginx:6')).toBe(true);
});

it('a ReplicaSet adopts matching pods and releases those whose labels change', async () => {
  await using cluster = await testCluster();
  const orphan = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'orphan', namespace: 'default', labels: { app: 'x' } },
    spec: { containers: [{ name: 'c', image: 'nginx' }] },
  };
  await cluster.client.create('/pods', orphan);
  await cluster.client.create('apps/replicasets', {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { name: 'x', namespace: 'default' },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: 'x' } },
      template: { metadata: { labels: { app: 'x' } }, spec: orphan.spec },
    },
  });
  await cluster.settle();
  expect(pods(cluster)).toHaveLength(2);
  expect(cluster.client.get('/pods', 'default', 'orphan')?.metadata.ownerReferences?.[0]?.name).toBe('x');
  await cluster.client.update(
    '/pods',
    { namespace: 'default', name: 'orphan' },
    ({ metadata }) => void (metadata.labels = { app: 'other' }),
  );
  await cluster.settle();
  expect(pods(cluster)).toHaveLength(3);
  expect(cluster.client.get('/pods', 'default', 'orphan')?.metadata.ownerReferences).toBeUndefined();
});

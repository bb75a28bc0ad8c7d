import { expect, it } from 'vitest';
import type { Pod } from '../../objects.ts';
import type { Deployment, ReplicaSet } from '../../objects-workloads.ts';
import { findCondition } from '../shared/conditions.ts';
import { isReady } from '../shared/pod-state.ts';
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
      template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'nginx:1' }] } },
      ...spec,
    },
  };
}

const pods = (cluster: TestCluster) => cluster.client.list<Pod>('/pods', { namespace: 'default' });
const sets = (cluster: TestCluster) => cluster.client.list<ReplicaSet>('apps/replicasets', { namespace: 'default' });
const current = (cluster: TestCluster) => cluster.client.get<Deployment>('apps/deployments', 'default', 'web');

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
  expect(pods(cluster).map((pod) => [pod.status?.phase, isReady(pod), pod.spec.nodeName !== undefined])).toEqual([
    ['Running', true, true],
    ['Running', true, true],
  ]);
  expect(new Set(pods(cluster).map((pod) => pod.status?.podIP)).size).toBe(2);
  expect(new Set(pods(cluster).map((pod) => pod.spec.nodeName)).size).toBe(2);
  const status = current(cluster)?.status;
  expect(status).toMatchObject({ replicas: 2, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 2 });
  expect(findCondition(status?.conditions, 'Progressing')?.reason).toBe('NewReplicaSetAvailable');
  expect(eventsAbout(cluster.client, 'web').sort()).toEqual([`ScalingReplicaSet: Scaled up replica set ${sets(cluster)[0]?.metadata.name} from 0 to 2`]);
});

it('scaling, a bad image and the way back leave the old pods serving all the time', async () => {
  await using cluster = await testCluster();
  await cluster.client.create('apps/deployments', deploymentOf());
  await cluster.settle();
  await cluster.client.update<Deployment>('apps/deployments', web, (deployment) => void (deployment.spec.replicas = 5));
  await cluster.settle();
  expect(current(cluster)?.status?.availableReplicas).toBe(5);
  await setImage(cluster, 'nginx:nope');
  expect(pods(cluster).filter(isReady).length).toBeGreaterThanOrEqual(4);
  const stuck = pods(cluster).find((pod) => !isReady(pod));
  expect(stuck?.status?.containerStatuses?.[0]?.state.waiting?.reason).toBe('ImagePullBackOff');
  await cluster.advance(700_000);
  expect(findCondition(current(cluster)?.status?.conditions, 'Progressing')?.reason).toBe('ProgressDeadlineExceeded');
  await setImage(cluster, 'nginx:1');
  expect(current(cluster)?.status).toMatchObject({ replicas: 5, updatedReplicas: 5, availableReplicas: 5 });
  expect(current(cluster)?.metadata.annotations?.['deployment.kubernetes.io/revision']).toBe('3');
});

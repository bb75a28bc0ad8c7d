import { expect, it } from 'vitest';
import type { Pod, PodSpec } from '../objects.ts';
import { isReady } from '../controllers/shared/pod-state.ts';
import { eventsAbout, testCluster, type TestCluster } from '../controllers/testing/test-cluster.ts';
import { resolveImage } from './images.ts';

const ref = { namespace: 'default', name: 'app' };

async function run(
  cluster: TestCluster,
  spec: Partial<PodSpec> = {},
  annotations: Record<string, string> = {},
): Promise<void> {
  await cluster.client.create<Pod>('/pods', {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...ref, annotations },
    spec: { restartPolicy: 'Always', containers: [{ name: 'main', image: 'nginx' }], ...spec },
  });
  await cluster.settle();
}

const app = (cluster: TestCluster) => cluster.client.get<Pod>('/pods', 'default', 'app');
const main = (cluster: TestCluster) => app(cluster)?.status?.containerStatuses?.[0];
const command = (...words: string[]): Partial<PodSpec> => ({
  containers: [{ name: 'main', image: 'busybox', command: words }],
});

it('a pod is created, then runs: never before its image is pulled', async () => {
  await using cluster = await testCluster({ timeScale: 1 });
  await run(cluster);
  expect(app(cluster)?.status?.phase).toBe('Pending');
  expect(main(cluster)?.state.waiting?.reason).toBe('ContainerCreating');
  await cluster.advance(1000);
  expect(app(cluster)?.status).toMatchObject({
    phase: 'Running',
    podIP: '10.244.0.1',
    qosClass: 'BestEffort',
  });
  const reasons = eventsAbout(cluster.client, 'app').map((text) => text.split(':')[0]);
  expect(reasons.sort()).toEqual(['Created', 'Pulled', 'Pulling', 'Scheduled', 'Started']);
  // Nothing is left to do but to forget the events.
  expect(Number(cluster.controllers.nextWakeMs()) - cluster.now()).toBeGreaterThan(3_500_000);
});

it('a wrong image name shows as such, and a corrected one starts', async () => {
  await using cluster = await testCluster();
  await run(cluster, { containers: [{ name: 'main', image: 'Not An Image' }] });
  expect(main(cluster)?.state.waiting?.reason).toBe('InvalidImageName');
  await cluster.client.update<Pod>(
    '/pods',
    ref,
    ({ spec }) => void (spec.containers[0] = { name: 'main', image: 'nginx:missing' }),
  );
  await cluster.settle();
  await cluster.client.update<Pod>(
    '/pods',
    ref,
    ({ spec }) => void (spec.containers[0] = { name: 'main', image: 'nginx:1' }),
  );
  await cluster.settle();
  expect(main(cluster)?.state.running).toBeDefined();
});

it('images fail by host, repository or tag, and everything else pulls', () => {
  expect(
    ['nginx', 'ghcr.io/a/b:v1', 'localhost:5000/x@sha256:'.concat('a'.repeat(64))].map(
      (image) => resolveImage(image).kind,
    ),
  ).toEqual(['pulls', 'pulls', 'pulls']);
  expect(
    ['nginx:nope', 'does-not-exist/x', 'registry.invalid/x', 'invalid.example.com/x'].map(
      (image) => resolveImage(image).kind,
    ),
  ).toEqual(['fails', 'fails', 'fails', 'fails']);
  expect(['', 'UPPER', 'a b', ':tag'].map((image) => resolveImage(image).kind)).toEqual([
    'invalid',
    'invalid',
    'invalid',
    'invalid',
  ]);
});

it('a crashing container restarts once at once, then waits longer and longer', async () => {
  await using cluster = await testCluster();
  await run(cluster, command('sh', '-c', 'exit 3'));
  expect(main(cluster)).toMatchObject({
    restartCount: 1,
    state: { waiting: { reason: 'CrashLoopBackOff' } },
    lastState: { terminated: { exitCode: 3, reason: 'Error' } },
  });
  expect(main(cluster)?.state.waiting?.message).toMatch(
    /^back-off 10s restarting failed container=main pod=app_default/,
  );
  await cluster.advance(10_000);
  expect(main(cluster)?.restartCount).toBe(2);
  await cluster.advance(19_000);
  expect(main(cluster)?.restartCount).toBe(2);
  await cluster.advance(1_000);
  expect(main(cluster)?.restartCount).toBe(3);
});

it.each([
  ['Never', ['true'], 'Succeeded'],
  ['Never', ['false'], 'Failed'],
  ['OnFailure', ['true'], 'Succeeded'],
] as const)('with restartPolicy %s the command %s leaves the pod %s', async (restartPolicy, words, phase) => {
  await using cluster = await testCluster();
  await run(cluster, { ...command(...words), restartPolicy });
  expect(app(cluster)?.status?.phase).toBe(phase);
});

it('an annotation makes a container run out of memory', async () => {
  await using cluster = await testCluster();
  await run(cluster, { restartPolicy: 'Never' }, { 'simulation.kubernetes.embedded/crash': 'OOMKilled' });
  expect(main(cluster)?.state.terminated).toMatchObject({ exitCode: 137, reason: 'OOMKilled' });
});

it('init containers end one after the other before the others start; sidecars stay', async () => {
  await using cluster = await testCluster({ timeScale: 1 });
  const initContainers = [
    { name: 'first', image: 'busybox', command: ['sleep', '10'] },
    { name: 'side', image: 'proxy', restartPolicy: 'Always' },
  ];
  await run(cluster, { initContainers });
  await cluster.advance(5000);
  expect(app(cluster)?.status?.phase).toBe('Pending');
  expect(main(cluster)?.state.waiting?.reason).toBe('PodInitializing');
  await cluster.advance(10_000);
  expect(app(cluster)?.status?.phase).toBe('Running');
  expect(app(cluster)?.status?.initContainerStatuses?.map(({ state }) => Object.keys(state)[0])).toEqual([
    'terminated',
    'running',
  ]);
});

it('a missing ConfigMap holds the container back until it is there', async () => {
  await using cluster = await testCluster();
  await run(cluster, {
    containers: [{ name: 'main', image: 'nginx', envFrom: [{ configMapRef: { name: 'settings' } }] }],
  });
  expect(main(cluster)?.state.waiting).toEqual({
    reason: 'CreateContainerConfigError',
    message: 'configmap "settings" not found',
  });
  await cluster.client.create('/configmaps', {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'settings', namespace: 'default' },
  });
  await cluster.settle();
  expect(main(cluster)?.state.running).toBeDefined();
});

it('a missing Secret volume holds the pod in ContainerCreating', async () => {
  await using cluster = await testCluster();
  await run(cluster, { volumes: [{ name: 'keys', secret: { secretName: 'keys' } }] });
  expect(main(cluster)?.state.waiting?.reason).toBe('ContainerCreating');
  expect(eventsAbout(cluster.client, 'app')).toContain(
    'FailedMount: MountVolume.SetUp failed for volume "keys" : secret "keys" not found',
  );
  await cluster.client.create('/secrets', {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'keys', namespace: 'default' },
  });
  await cluster.settle();
  expect(main(cluster)?.state.running).toBeDefined();
});

it('a pod is not ready before its readiness probe can have succeeded', async () => {
  await using cluster = await testCluster({ timeScale: 1 });
  await run(cluster, {
    containers: [{ name: 'main', image: 'nginx', readinessProbe: { initialDelaySeconds: 30 } }],
  });
  await cluster.advance(20_000);
  const early = app(cluster);
  expect(early?.status?.phase).toBe('Running');
  expect(early && isReady(early)).toBe(false);
  await cluster.advance(15_000);
  const late = app(cluster);
  expect(late && isReady(late)).toBe(true);
});

it('nodes are labelled simulated, come back when deleted, and take their pods along when removed', async () => {
  await using cluster = await testCluster();
  await run(cluster);
  expect(
    cluster.client
      .list('/nodes')
      .every(({ metadata }) => metadata.labels?.['simulation.kubernetes.embedded/node'] === 'simulated'),
  ).toBe(true);
  await cluster.client.delete('/nodes', { namespace: '', name: 'node-a' });
  await cluster.settle();
  expect(cluster.client.list('/nodes')).toHaveLength(2);
  cluster.controllers.configure({ authorization: 'RBAC', basePath: '', nodes: [] });
  await cluster.settle();
  expect(cluster.client.list('/nodes')).toEqual([]);
  expect(app(cluster)).toBeUndefined();
});

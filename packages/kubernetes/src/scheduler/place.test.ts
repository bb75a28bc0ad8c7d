import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Pod, PodSpec } from '../objects.ts';
import type { SimulatedNode } from '../types.ts';
import { findCondition } from '../controllers/shared/conditions.ts';
import { eventsAbout, testCluster, twoNodes, type TestCluster } from '../controllers/testing/test-cluster.ts';
import { podRequests } from './requests.ts';

async function pod(
  cluster: TestCluster,
  name: string,
  { labels = {}, ...spec }: Partial<PodSpec> & { labels?: Record<string, string> } = {},
): Promise<Pod> {
  return cluster.client.create<Pod>('/pods', {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', labels },
    spec: { containers: [{ name: 'main', image: 'nginx' }], ...spec },
  });
}

const asking = (cpu: string): Partial<PodSpec> => ({
  containers: [{ name: 'main', image: 'nginx', resources: { requests: { cpu } } }],
});
const nodeOf = (cluster: TestCluster, name: string) =>
  cluster.client.get<Pod>('/pods', 'default', name)?.spec.nodeName;
const verdict = (cluster: TestCluster, name: string) =>
  findCondition(cluster.client.get<Pod>('/pods', 'default', name)?.status?.conditions, 'PodScheduled');

it('no order of pods over-commits a node, and what fits somewhere is placed', async () => {
  const requests = fc.array(fc.integer({ min: 100, max: 3000 }), { minLength: 1, maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(requests, fc.integer({ min: 1, max: 4 }), async (cpus, podsMax) => {
      const nodes = twoNodes.map((node) => ({ ...node, cpuMilli: 3000, pods: podsMax }));
      await using cluster = await testCluster({ nodes });
      await Promise.all(cpus.map((cpu, index) => pod(cluster, `p${index}`, asking(`${cpu}m`))));
      await cluster.settle();
      const placed = cluster.client.list<Pod>('/pods');
      for (const node of nodes) {
        const own = placed.filter(({ spec }) => spec.nodeName === node.name);
        expect(own.length).toBeLessThanOrEqual(podsMax);
        expect(own.reduce((sum, { spec }) => sum + (podRequests(spec)['cpu'] ?? 0), 0)).toBeLessThanOrEqual(
          3000,
        );
      }
      for (const left of placed.filter(({ spec }) => !spec.nodeName)) {
        const cpu = podRequests(left.spec)['cpu'] ?? 0;
        for (const node of nodes) {
          const own = placed.filter(({ spec }) => spec.nodeName === node.name);
          const used = own.reduce((sum, { spec }) => sum + (podRequests(spec)['cpu'] ?? 0), 0);
          expect(own.length === podsMax || used + cpu > 3000).toBe(true);
        }
      }
    }),
    { numRuns: 25 },
  );
});

it('a pod that fits nowhere says why, and is placed as soon as there is room', async () => {
  await using cluster = await testCluster();
  await pod(cluster, 'first', asking('3'));
  await pod(cluster, 'second', asking('3'));
  await pod(cluster, 'third', asking('3'));
  await cluster.settle();
  const text =
    '0/2 nodes are available: 2 Insufficient cpu. no new claims to deallocate, preemption: 0/2 nodes are available: 2 No preemption victims found for incoming pod.';
  expect(verdict(cluster, 'third')).toMatchObject({
    status: 'False',
    reason: 'Unschedulable',
    message: text,
  });
  expect(eventsAbout(cluster.client, 'third')).toContain(`FailedScheduling: ${text}`);
  await cluster.client.delete('/pods', { namespace: 'default', name: 'first' });
  await cluster.settle();
  expect(nodeOf(cluster, 'third')).toBeDefined();
});

it('selectors, taints, cordons and affinities keep pods away, each in its own words', async () => {
  const nodes: SimulatedNode[] = [
    { name: 'plain', cpuMilli: 1000, memoryMib: 1024, pods: 10, labels: { zone: 'a' } },
    {
      name: 'own',
      cpuMilli: 1000,
      memoryMib: 1024,
      pods: 10,
      labels: { zone: 'b' },
      taints: [{ key: 'team', value: 'x', effect: 'NoSchedule' }],
    },
  ];
  await using cluster = await testCluster({ nodes });
  await pod(cluster, 'selected', { nodeSelector: { zone: 'b' } });
  await pod(cluster, 'tolerant', {
    nodeSelector: { zone: 'b' },
    tolerations: [{ key: 'team', operator: 'Equal', value: 'x', effect: 'NoSchedule' }],
  });
  await cluster.settle();
  expect(verdict(cluster, 'selected')?.message).toContain(
    "1 node(s) didn't match Pod's node affinity/selector, 1 node(s) had untolerated taint(s)",
  );
  expect(nodeOf(cluster, 'tolerant')).toBe('own');
});

it('required anti-affinity holds both ways and spread keeps domains even', async () => {
  const nodes = ['a', 'b', 'c'].map((zone) => ({
    name: `node-${zone}`,
    cpuMilli: 4000,
    memoryMib: 8192,
    pods: 50,
    labels: { zone },
  }));
  await using cluster = await testCluster({ nodes });
  const apart = {
    podAntiAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [
        { topologyKey: 'zone', labelSelector: { matchLabels: { app: 'x' } } },
      ],
    },
  };
  for (const name of ['x1', 'x2', 'x3', 'x4'])
    await pod(cluster, name, { affinity: apart, labels: { app: 'x' } });
  const spread = [
    {
      maxSkew: 1,
      topologyKey: 'zone',
      whenUnsatisfiable: 'DoNotSchedule',
      labelSelector: { matchLabels: { app: 'y' } },
    },
  ];
  for (let index = 0; index < 9; index++)
    await pod(cluster, `y${index}`, { topologySpreadConstraints: spread, labels: { app: 'y' } });
  await cluster.settle();
  expect(new Set(['x1', 'x2', 'x3'].map((name) => nodeOf(cluster, name))).size).toBe(3);
  expect(verdict(cluster, 'x4')?.message).toContain("3 node(s) didn't match pod anti-affinity rules");
  for (const { name } of nodes) {
    expect(
      cluster.client
        .list<Pod>('/pods')
        .filter(({ metadata, spec }) => metadata.name.startsWith('y') && spec.nodeName === name),
    ).toHaveLength(3);
  }
});

it('without nodes pods stay Pending', async () => {
  await using cluster = await testCluster({ nodes: [] });
  await pod(cluster, 'alone');
  await cluster.settle();
  expect(verdict(cluster, 'alone')?.message).toBe('no nodes available to schedule pods');
});

it('a pod with scheduling gates waits for them', async () => {
  await using cluster = await testCluster();
  await pod(cluster, 'gated', { schedulingGates: [{ name: 'example.com/wait' }] });
  await cluster.settle();
  expect(verdict(cluster, 'gated')?.reason).toBe('SchedulingGated');
  await cluster.client.update<Pod>(
    '/pods',
    { namespace: 'default', name: 'gated' },
    (current) => void (current.spec.schedulingGates = []),
  );
  await cluster.settle();
  expect(nodeOf(cluster, 'gated')).toBeDefined();
});

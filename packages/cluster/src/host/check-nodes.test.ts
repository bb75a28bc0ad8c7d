import { expect, it } from 'vitest';
import { nodesSeen } from './check-nodes.ts';

const pool = 'hexabase.ai/pool';
const node = (name: string, ...taints: { key: string; effect: string }[]) => ({
  metadata: { name },
  spec: { taints },
  status: {
    conditions: [{ type: 'Ready', status: 'True' }],
    allocatable: { cpu: '2', memory: '4Gi', pods: '110' },
  },
});
const cordoned = { ...node('cordoned'), spec: { unschedulable: true } };

it('counts no node whose taint keeps workspaces off, for they tolerate none', () => {
  const shut = ['NoSchedule', 'NoExecute'].map((effect) => node(effect, { key: 'maintenance', effect }));
  const soft = node('soft', { key: 'maintenance', effect: 'PreferNoSchedule' });
  const { check, size } = nodesSeen([soft, ...shut, cordoned]);
  expect(check).toMatchObject({
    status: 'True',
    message: '1 of 4 nodes usable, 2 are tainted: 2 CPU, 4 GiB, 110 pods',
  });
  expect(size).toEqual({ nodes: 1, cpuMilli: 2_000, memoryMib: 4_096, pods: 110 });
});

it('is not in order when all nodes are tainted, and says that they are', () => {
  const { check, size } = nodesSeen([node('a', { key: 'maintenance', effect: 'NoSchedule' })]);
  expect(check).toMatchObject({
    status: 'False',
    reason: 'NoneUsable',
    message: '0 of 1 nodes usable, 1 is tainted',
  });
  expect(check.todo).toContain('kubectl taint node');
  expect(size).toMatchObject({ nodes: 0, pods: 0 });
  expect(nodesSeen([cordoned]).check).toMatchObject({ status: 'False', message: '0 of 1 nodes usable' });
});

it('counts the nodes of dedicated workspaces, whose pods tolerate that taint and no other', () => {
  const own = node('own', { key: pool, effect: 'NoSchedule' });
  const ending = node('ending', { key: pool, effect: 'NoExecute' });
  const both = node('both', { key: pool, effect: 'NoSchedule' }, { key: 'x', effect: 'NoSchedule' });
  const { check } = nodesSeen([node('open'), own, ending, both]);
  expect(check.message).toMatch(
    /^2 of 4 nodes usable, 1 of them for single workspaces alone, 2 are tainted:/,
  );
});

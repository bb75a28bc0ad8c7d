import { parseQuantity } from '@hexabase/kernel/quantity.ts';
import {
  at,
  bad,
  good,
  isRecord,
  itemsOf,
  noAnswer,
  read,
  unsure,
  type HostCheck,
  type HostObserved,
  type Look,
} from './host-check.ts';

export interface NodesSeen {
  check: HostCheck;
  size: Pick<HostObserved, 'nodes' | 'cpuMilli' | 'memoryMib' | 'pods'> | null;
  /** As the host gave them, for whoever reads more from them. */
  nodes: readonly Record<string, unknown>[];
}

/** How much the nodes carry that are ready and take pods. */
export async function checkNodes(look: Look): Promise<NodesSeen> {
  const answer = await read(look, '/api/v1/nodes');
  if (answer?.status !== 200) return { check: unsure('NodesReady', noAnswer(answer)), size: null, nodes: [] };
  const nodes = itemsOf(answer);
  const usable = nodes.filter(takesPods);
  const size = {
    nodes: usable.length,
    cpuMilli: sum(usable, 'cpu', 1_000),
    memoryMib: sum(usable, 'memory', 1 / 2 ** 20),
    pods: sum(usable, 'pods', 1),
  };
  if (usable.length === 0) {
    const message = `None of the ${nodes.length} nodes is ready and takes pods`;
    const todo = 'Add a node, or look why they are not ready: kubectl get nodes.';
    return { check: bad('NodesReady', { reason: 'NoneUsable', message, todo }), size, nodes };
  }
  const message = `${usable.length} of ${nodes.length} nodes usable: ${size.cpuMilli / 1_000} CPU, ${Math.round(size.memoryMib / 1_024)} GiB, ${size.pods} pods`;
  return { check: good('NodesReady', { reason: 'Usable', message }), size, nodes };
}

function takesPods(node: Record<string, unknown>): boolean {
  if (at(node, 'spec', 'unschedulable') === true) return false;
  const conditions = at(node, 'status', 'conditions');
  return (
    Array.isArray(conditions) &&
    conditions.some((one) => at(one, 'type') === 'Ready' && at(one, 'status') === 'True')
  );
}

function sum(nodes: readonly Record<string, unknown>[], resource: string, factor: number): number {
  const total = nodes.reduce((before, node) => {
    const allocatable = at(node, 'status', 'allocatable');
    const amount = isRecord(allocatable) ? allocatable[resource] : undefined;
    return before + (typeof amount === 'string' ? (parseQuantity(amount) ?? 0) : 0);
  }, 0);
  return Math.floor(total * factor);
}

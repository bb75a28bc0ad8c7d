import { parseQuantity } from '@hexabase/kernel/quantity.ts';
import { poolLabel } from '../drivers/vcluster/policies/host-policy.ts';
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

/** How much the nodes carry that are ready and take pods of workspaces. */
export async function checkNodes(look: Look): Promise<NodesSeen> {
  const answer = await read(look, '/api/v1/nodes');
  if (answer?.status !== 200) return { check: unsure('NodesReady', noAnswer(answer)), size: null, nodes: [] };
  return nodesSeen(itemsOf(answer));
}

/** What a list of Node objects tells. Those that are dedicated to a workspace count: its pods tolerate their taint. */
export function nodesSeen(nodes: readonly Record<string, unknown>[]): NodesSeen {
  const open = nodes.filter(isReady);
  const usable = open.filter((node) => shutTo(node) !== 'all');
  const tainted = open.length - usable.length;
  const dedicated = usable.filter((node) => shutTo(node) === 'others').length;
  const size = {
    nodes: usable.length,
    cpuMilli: sum(usable, 'cpu', 1_000),
    memoryMib: sum(usable, 'memory', 1 / 2 ** 20),
    pods: sum(usable, 'pods', 1),
  };
  const counted = [
    `${usable.length} of ${nodes.length} nodes usable`,
    ...(dedicated > 0 ? [`${dedicated} of them for single workspaces alone`] : []),
    ...(tainted > 0 ? [`${tainted} ${tainted === 1 ? 'is' : 'are'} tainted`] : []),
  ].join(', ');
  if (usable.length > 0) {
    const message = `${counted}: ${size.cpuMilli / 1_000} CPU, ${Math.round(size.memoryMib / 1_024)} GiB, ${size.pods} pods`;
    return { check: good('NodesReady', { reason: 'Usable', message }), size, nodes };
  }
  const todo =
    tainted > 0
      ? 'Pods of workspaces tolerate no taint: take it off with `kubectl taint node NODE KEY-`, or add a node.'
      : 'Add a node, or look why they are not ready: kubectl get nodes.';
  return { check: bad('NodesReady', { reason: 'NoneUsable', message: counted, todo }), size, nodes };
}

function isReady(node: Record<string, unknown>): boolean {
  if (at(node, 'spec', 'unschedulable') === true) return false;
  const conditions = at(node, 'status', 'conditions');
  return (
    Array.isArray(conditions) &&
    conditions.some((one) => at(one, 'type') === 'Ready' && at(one, 'status') === 'True')
  );
}

/** Whose pods its taints keep off: the pods of a dedicated workspace tolerate the one of their own nodes. */
function shutTo(node: Record<string, unknown>): 'nobody' | 'others' | 'all' {
  const all = at(node, 'spec', 'taints');
  const taints = (Array.isArray(all) ? all : []).filter((one) => at(one, 'effect') !== 'PreferNoSchedule');
  if (taints.length === 0) return 'nobody';
  const isPool = (one: unknown) => at(one, 'key') === poolLabel && at(one, 'effect') === 'NoSchedule';
  return taints.every(isPool) ? 'others' : 'all';
}

function sum(nodes: readonly Record<string, unknown>[], resource: string, factor: number): number {
  const total = nodes.reduce((before, node) => {
    const allocatable = at(node, 'status', 'allocatable');
    const amount = isRecord(allocatable) ? allocatable[resource] : undefined;
    return before + (typeof amount === 'string' ? (parseQuantity(amount) ?? 0) : 0);
  }, 0);
  return Math.floor(total * factor);
}

import type { Node, Pod } from '../objects.ts';
import { matchesTerm, refuseNode, untolerated, type Refusal } from './filters.ts';
import { affinityScore, refuseByAffinity, type World } from './pod-affinity.ts';
import { allocatable, podRequests } from './requests.ts';
import { refuseBySpread, spreadPenalty } from './spread.ts';

export type Placement = { kind: 'node'; name: string } | { kind: 'none'; message: string };

/** Chooses the node for a pod: the one with most room left among those that pass every filter. */
export function placePod(pod: Pod, world: World): Placement {
  if (world.nodes.size === 0) return { kind: 'none', message: 'no nodes available to schedule pods' };
  const refusals: Refusal[] = [];
  let best: { name: string; score: number } | undefined;
  for (const node of world.nodes.values()) {
    const refusal =
      refuseNode(pod, node, world.ledger) ??
      refuseBySpread(pod, node, world) ??
      refuseByAffinity(pod, node, world);
    if (refusal) {
      refusals.push(refusal);
      continue;
    }
    const score = scoreNode(pod, node, world);
    if (!best || score > best.score) best = { name: node.metadata.name, score };
  }
  return best ? { kind: 'node', name: best.name } : { kind: 'none', message: explain(refusals) };
}

/** `0/2 nodes are available: 2 Insufficient cpu. …` (framework.FitError and the preemption plug-in's addition). */
export function explain(refusals: readonly Refusal[]): string {
  const counts = new Map<string, number>();
  for (const reason of refusals.flatMap(({ reasons }) => reasons))
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const preemption = new Map<string, number>();
  for (const { resolvable } of refusals) {
    const text = resolvable
      ? 'No preemption victims found for incoming pod'
      : 'Preemption is not helpful for scheduling';
    preemption.set(text, (preemption.get(text) ?? 0) + 1);
  }
  const head = `0/${refusals.length} nodes are available`;
  return `${head}: ${listed(counts)}. no new claims to deallocate, preemption: ${head}: ${listed(preemption)}.`;
}

function listed(counts: ReadonlyMap<string, number>): string {
  return [...counts]
    .map(([reason, count]) => `${count} ${reason}`)
    .sort()
    .join(', ');
}

/** Least allocated, then preferences. Higher is better. */
function scoreNode(pod: Pod, node: Node, world: World): number {
  const room = allocatable(node);
  const used = world.ledger.requested(node.metadata.name);
  const requests = podRequests(pod.spec);
  let free = 0;
  for (const name of ['cpu', 'memory']) {
    const capacity = room[name] ?? 0;
    // Pods without requests count a little (upstream: 100m and 200 MB), so that they spread too.
    const floor = name === 'cpu' ? 100 * count(used['pods']) : 200e6 * count(used['pods']);
    if (capacity > 0)
      free += Math.max(0, capacity - Math.max(used[name] ?? 0, floor) - (requests[name] ?? 0)) / capacity;
  }
  const prefersNoTaint = untolerated(pod.spec.tolerations ?? [], node, ['PreferNoSchedule']) ? -300 : 0;
  const preferred = pod.spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  const affinity = preferred.reduce(
    (sum, { weight, preference }) => sum + (matchesTerm(preference, node) ? weight : 0),
    0,
  );
  return (
    free * 50 +
    2 * affinity +
    2 * affinityScore(pod, node, world) -
    2 * spreadPenalty(pod, node, world) * 10 +
    prefersNoTaint
  );
}

function count(value: number | undefined): number {
  return value ?? 0;
}

import type { Node, Pod, TopologySpreadConstraint } from '../objects.ts';
import { selects } from '../controllers/shared/selectors.ts';
import { matchesNode, type Refusal } from './filters.ts';
import type { World } from './pod-affinity.ts';

/** Hard topology spread constraints; undefined when the node passes. */
export function refuseBySpread(pod: Pod, node: Node, world: World): Refusal | undefined {
  for (const constraint of pod.spec.topologySpreadConstraints ?? []) {
    if (constraint.whenUnsatisfiable !== 'DoNotSchedule') continue;
    const domain = node.metadata.labels?.[constraint.topologyKey];
    const text = "node(s) didn't match pod topology spread constraints";
    if (domain === undefined) return { reasons: [`${text} (missing required label)`], resolvable: false };
    const counts = domainCounts(pod, constraint, world);
    const fewest = counts.size < (constraint.minDomains ?? 1) ? 0 : Math.min(...counts.values());
    const self = selects(constraint.labelSelector, pod.metadata.labels) ? 1 : 0;
    if ((counts.get(domain) ?? 0) + self - fewest > constraint.maxSkew)
      return { reasons: [text], resolvable: true };
  }
  return undefined;
}

/** How many selected pods the node's domains hold for soft constraints; fewer is better. */
export function spreadPenalty(pod: Pod, node: Node, world: World): number {
  let penalty = 0;
  for (const constraint of pod.spec.topologySpreadConstraints ?? []) {
    if (constraint.whenUnsatisfiable !== 'ScheduleAnyway') continue;
    const domain = node.metadata.labels?.[constraint.topologyKey];
    if (domain !== undefined) penalty += domainCounts(pod, constraint, world).get(domain) ?? 0;
  }
  return penalty;
}

/** Matching pods of the same namespace in each domain of the nodes that the pod could use. */
function domainCounts(pod: Pod, constraint: TopologySpreadConstraint, world: World): Map<string, number> {
  const counts = new Map<string, number>();
  for (const node of world.nodes.values()) {
    const domain = node.metadata.labels?.[constraint.topologyKey];
    if (domain === undefined || !matchesNode(pod, node)) continue;
    let count = counts.get(domain) ?? 0;
    for (const { pod: other } of world.ledger.podsOn(node.metadata.name)) {
      if (other.metadata.namespace !== pod.metadata.namespace || other.metadata.deletionTimestamp) continue;
      if (selects(constraint.labelSelector, other.metadata.labels)) count++;
    }
    counts.set(domain, count);
  }
  return counts;
}

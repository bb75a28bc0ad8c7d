import type { Node, NodeSelectorTerm, Pod, Taint, Toleration } from '../objects.ts';
import { meets, selectsAll } from '../controllers/shared/selectors.ts';
import type { Ledger } from './ledger.ts';
import { allocatable, podRequests } from './requests.ts';

/** Why a node does not take a pod, in the words of kube-scheduler. */
export interface Refusal {
  reasons: string[];
  /** Deleting pods of the node would help. */
  resolvable: boolean;
}

/** The checks that concern one node alone; undefined when it passes. */
export function refuseNode(pod: Pod, node: Node, ledger: Ledger): Refusal | undefined {
  const tolerations = pod.spec.tolerations ?? [];
  const cordon: Taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };
  if (node.spec?.unschedulable && !tolerations.some((toleration) => tolerates(toleration, cordon))) {
    return { reasons: ['node(s) were unschedulable'], resolvable: false };
  }
  if (untolerated(tolerations, node))
    return { reasons: ['node(s) had untolerated taint(s)'], resolvable: false };
  if (!matchesNode(pod, node))
    return { reasons: ["node(s) didn't match Pod's node affinity/selector"], resolvable: false };
  const reasons = shortages(pod, node, ledger);
  return reasons.length > 0 ? { reasons, resolvable: fitsWhenEmpty(pod, node) } : undefined;
}

function fitsWhenEmpty(pod: Pod, node: Node): boolean {
  const room = allocatable(node);
  return Object.entries(podRequests(pod.spec)).every(([name, amount]) => amount <= (room[name] ?? 0));
}

/** Names what a node has too little of: `Insufficient cpu`, `Too many pods`. */
export function shortages(pod: Pod, node: Node, ledger: Ledger): string[] {
  const room = allocatable(node);
  const used = ledger.requested(node.metadata.name);
  const reasons = (used['pods'] ?? 0) + 1 > (room['pods'] ?? 0) ? ['Too many pods'] : [];
  for (const [name, amount] of Object.entries(podRequests(pod.spec))) {
    if (amount > 0 && amount > (room[name] ?? 0) - (used[name] ?? 0)) reasons.push(`Insufficient ${name}`);
  }
  return reasons;
}

/** `nodeSelector` and required node affinity. */
export function matchesNode(pod: Pod, node: Node): boolean {
  if (!selectsAll(pod.spec.nodeSelector, node.metadata.labels)) return false;
  const required = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return !required || required.nodeSelectorTerms.some((term) => matchesTerm(term, node));
}

/** One term of node affinity; an empty term matches nothing. */
export function matchesTerm(term: NodeSelectorTerm, node: Node): boolean {
  const { matchExpressions = [], matchFields = [] } = term;
  if (matchExpressions.length + matchFields.length === 0) return false;
  return (
    matchExpressions.every((requirement) => meets(requirement, node.metadata.labels?.[requirement.key])) &&
    matchFields.every(
      (requirement) => requirement.key === 'metadata.name' && meets(requirement, node.metadata.name),
    )
  );
}

/** The first taint that keeps a pod away. */
export function untolerated(
  tolerations: readonly Toleration[],
  node: Node,
  effects = ['NoSchedule', 'NoExecute'],
): Taint | undefined {
  return node.spec?.taints?.find(
    (taint) =>
      effects.includes(taint.effect) && !tolerations.some((toleration) => tolerates(toleration, taint)),
  );
}

export function tolerates(toleration: Toleration, taint: Taint): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false;
  if (toleration.key && toleration.key !== taint.key) return false;
  if (toleration.operator === 'Exists') return true;
  return Boolean(toleration.key) && (toleration.value ?? '') === (taint.value ?? '');
}

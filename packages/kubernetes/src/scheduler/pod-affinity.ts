import type { Node, Pod, PodAffinityTerm } from '../objects.ts';
import type { ApiClient } from '../api/client.ts';
import { selects } from '../controllers/shared/selectors.ts';
import type { Refusal } from './filters.ts';
import type { Ledger } from './ledger.ts';

/** The state that placement of one pod is decided on. */
export interface World {
  client: ApiClient;
  nodes: ReadonlyMap<string, Node>;
  ledger: Ledger;
}

/** Inter-pod affinity and anti-affinity, both ways; undefined when the node passes. */
export function refuseByAffinity(pod: Pod, node: Node, world: World): Refusal | undefined {
  const { affinity } = pod.spec;
  for (const term of affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []) {
    if (!attracts(pod, node, { term, world }))
      return { reasons: ["node(s) didn't match pod affinity rules"], resolvable: false };
  }
  for (const term of affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []) {
    if (countIn(node, { term, world, pod }) > 0)
      return { reasons: ["node(s) didn't match pod anti-affinity rules"], resolvable: true };
  }
  for (const { pod: other, nodeName } of world.ledger.repelling()) {
    const terms = other.spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
    const repels = terms.some(
      (term) =>
        sameDomain(node, world.nodes.get(nodeName), term.topologyKey) &&
        termSelects(term, other, { pod, client: world.client }),
    );
    if (repels)
      return { reasons: ["node(s) didn't satisfy existing pods anti-affinity rules"], resolvable: true };
  }
  return undefined;
}

/** Weighted preferences for and against a node. */
export function affinityScore(pod: Pod, node: Node, world: World): number {
  const { affinity } = pod.spec;
  let score = 0;
  for (const { weight, podAffinityTerm: term } of affinity?.podAffinity
    ?.preferredDuringSchedulingIgnoredDuringExecution ?? []) {
    score += weight * countIn(node, { term, world, pod });
  }
  for (const { weight, podAffinityTerm: term } of affinity?.podAntiAffinity
    ?.preferredDuringSchedulingIgnoredDuringExecution ?? []) {
    score -= weight * countIn(node, { term, world, pod });
  }
  return score;
}

/** A pod that its own term selects may be the first of its kind. */
function attracts(pod: Pod, node: Node, { term, world }: { term: PodAffinityTerm; world: World }): boolean {
  if (node.metadata.labels?.[term.topologyKey] === undefined) return false;
  if (countIn(node, { term, world, pod }) > 0) return true;
  if (!termSelects(term, pod, { pod, client: world.client })) return false;
  for (const { pod: other } of world.ledger.all()) {
    if (termSelects(term, pod, { pod: other, client: world.client })) return false;
  }
  return true;
}

function countIn(
  node: Node,
  { term, world, pod }: { term: PodAffinityTerm; world: World; pod: Pod },
): number {
  let count = 0;
  for (const { pod: other, nodeName } of world.ledger.all()) {
    if (!sameDomain(node, world.nodes.get(nodeName), term.topologyKey)) continue;
    if (termSelects(term, pod, { pod: other, client: world.client })) count++;
  }
  return count;
}

function sameDomain(left: Node, right: Node | undefined, topologyKey: string): boolean {
  const domain = left.metadata.labels?.[topologyKey];
  return domain !== undefined && right?.metadata.labels?.[topologyKey] === domain;
}

/** Whether a term of `owner` selects another pod: by its namespace and its labels. */
function termSelects(term: PodAffinityTerm, owner: Pod, other: { pod: Pod; client: ApiClient }): boolean {
  const namespace = other.pod.metadata.namespace ?? '';
  const named = term.namespaces ?? [];
  const own = named.length === 0 && !term.namespaceSelector && namespace === owner.metadata.namespace;
  const selected =
    own ||
    named.includes(namespace) ||
    (term.namespaceSelector !== undefined &&
      selects(term.namespaceSelector, other.client.get('/namespaces', '', namespace)?.metadata.labels));
  return selected && selects(term.labelSelector, other.pod.metadata.labels);
}

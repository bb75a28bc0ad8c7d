import type { Pod } from '../objects.ts';
import { isFinished } from '../controllers/shared/pod-state.ts';
import { add, podRequests, type Amounts } from './requests.ts';

/** A pod as far as it matters to the placement of others. */
export interface Placed {
  pod: Pod;
  nodeName: string;
  requests: Amounts;
}

/**
 * What every node already carries: pods that are bound, and pods that the scheduler has just decided to bind. Kept up to
 * date by events, so that placing a pod does not walk over all pods.
 */
export interface Ledger {
  /** Notes a decision, or a bound pod; a finished or removed pod gives its room back. */
  place(pod: Pod, nodeName: string): void;
  remove(uid: string): void;
  requested(nodeName: string): Readonly<Amounts>;
  podsOn(nodeName: string): Iterable<Placed>;
  all(): Iterable<Placed>;
  /** Pods with required anti-affinity, which can keep others away. */
  repelling(): Iterable<Placed>;
}

export function createLedger(): Ledger {
  const placed = new Map<string, Placed>();
  const repelling = new Map<string, Placed>();
  const nodes = new Map<string, { requested: Amounts; pods: Map<string, Placed> }>();

  function remove(uid: string): void {
    const entry = placed.get(uid);
    if (!entry) return;
    placed.delete(uid);
    repelling.delete(uid);
    const node = nodes.get(entry.nodeName);
    if (!node) return;
    node.pods.delete(uid);
    add(node.requested, entry.requests, -1);
    if (node.pods.size === 0) nodes.delete(entry.nodeName);
  }

  return {
    place(pod, nodeName) {
      const { uid } = pod.metadata;
      const known = placed.get(uid);
      if (known && known.nodeName === nodeName && known.pod.spec === pod.spec && !isFinished(pod)) {
        known.pod = pod;
        return;
      }
      remove(uid);
      if (isFinished(pod)) return;
      const entry: Placed = { pod, nodeName, requests: { ...podRequests(pod.spec), pods: 1 } };
      placed.set(uid, entry);
      if (pod.spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution)
        repelling.set(uid, entry);
      let node = nodes.get(nodeName);
      if (!node) {
        node = { requested: {}, pods: new Map() };
        nodes.set(nodeName, node);
      }
      node.pods.set(uid, entry);
      add(node.requested, entry.requests);
    },
    remove,
    requested: (nodeName) => nodes.get(nodeName)?.requested ?? {},
    podsOn: (nodeName) => nodes.get(nodeName)?.pods.values() ?? [],
    all: () => placed.values(),
    repelling: () => repelling.values(),
  };
}

import type { ClusterWrite, Notice } from '../../run/notice-writes.ts';
import { wakeProjects, type ProjectPlace } from './store.ts';

const policies =
  /^(?:apis\/networking\.k8s\.io\/v1\/namespaces\/([^/]+)\/networkpolicies|api\/v1\/namespaces\/([^/]+)\/(?:resourcequotas|limitranges))(?:\/|$)/;
/** Its status and its finalizing take labels too. */
const namespace = /^api\/v1\/namespaces\/([^/]+)(?:\/(?:status|finalize))?$/;

/**
 * Has projects looked at whose quota, limits, network policy or namespace somebody has changed with kubectl: Kubernetes
 * cannot allow a developer their own network policies and refuse them ours, so ours is put back.
 */
export const policyChanges: Notice = {
  concerns: (write) => placeOf(write).length > 0,
  wake: (tx, writes) => wakeProjects(tx, writes.flatMap(placeOf)),
};

function placeOf({ workspaceId, verb, path }: ClusterWrite): ProjectPlace[] {
  const [, ofNetwork, ofPlan] = policies.exec(path) ?? [];
  // That a namespace is made or deleted is noticed elsewhere.
  const relabelled = verb === 'update' || verb === 'patch' ? namespace.exec(path)?.[1] : undefined;
  const name = ofNetwork ?? ofPlan ?? relabelled;
  return name === undefined ? [] : [{ workspaceId, name }];
}

import type { Deployment, ReplicaSet } from '../../objects-workloads.ts';
import { scaledValue } from '../shared/int-or-percent.ts';

/** The bounds of a rolling update. `maxSurge` rounds up, `maxUnavailable` down; both zero would never move, so then one. */
export function rolloutBounds(deployment: Deployment): { maxSurge: number; maxUnavailable: number } {
  const { spec } = deployment;
  const replicas = spec.replicas ?? 1;
  if (spec.strategy?.type === 'Recreate' || replicas === 0) return { maxSurge: 0, maxUnavailable: 0 };
  const rolling = spec.strategy?.rollingUpdate;
  const maxSurge = scaledValue(rolling?.maxSurge ?? '25%', replicas, 'up');
  const maxUnavailable = scaledValue(rolling?.maxUnavailable ?? '25%', replicas, 'down');
  return {
    maxSurge,
    maxUnavailable: maxSurge === 0 && maxUnavailable === 0 ? 1 : Math.min(maxUnavailable, replicas),
  };
}

export const DESIRED_ANNOTATION = 'deployment.kubernetes.io/desired-replicas';
export const MAX_ANNOTATION = 'deployment.kubernetes.io/max-replicas';
export const REVISION_ANNOTATION = 'deployment.kubernetes.io/revision';
export const HISTORY_ANNOTATION = 'deployment.kubernetes.io/revision-history';

export function wantedReplicas(object: Deployment | ReplicaSet): number {
  return object.spec.replicas ?? 1;
}

/** Pods that a set has available and will keep: its status may lag behind a lowered `spec.replicas`. */
export function availableReplicas(set: ReplicaSet): number {
  return Math.min(set.status?.availableReplicas ?? 0, wantedReplicas(set));
}

export function sumWanted(sets: readonly ReplicaSet[]): number {
  return sets.reduce((sum, set) => sum + wantedReplicas(set), 0);
}

export function revisionOf(object: Deployment | ReplicaSet): number {
  const revision = Number.parseInt(object.metadata.annotations?.[REVISION_ANNOTATION] ?? '0', 10);
  return Number.isNaN(revision) ? 0 : revision;
}

/** How large the new set may be now without exceeding `replicas + maxSurge` in total. */
export function newSetSize(
  deployment: Deployment,
  sets: readonly ReplicaSet[],
  newSetReplicas: number,
): number {
  const wanted = wantedReplicas(deployment);
  if (deployment.spec.strategy?.type === 'Recreate') return wanted;
  const room = wanted + rolloutBounds(deployment).maxSurge - sumWanted(sets);
  if (room <= 0) return newSetReplicas;
  return newSetReplicas + Math.min(room, Math.max(0, wanted - newSetReplicas));
}

/** New sizes of the old sets: unhealthy pods go first, then as many healthy ones as availability allows. */
export function oldSetSizes(
  deployment: Deployment,
  newSet: ReplicaSet,
  oldSets: readonly ReplicaSet[],
): Map<ReplicaSet, number> {
  const sizes = new Map<ReplicaSet, number>();
  const minAvailable = wantedReplicas(deployment) - rolloutBounds(deployment).maxUnavailable;
  const newUnavailable = wantedReplicas(newSet) - availableReplicas(newSet);
  let removable = sumWanted([newSet, ...oldSets]) - minAvailable - newUnavailable;
  if (removable <= 0) return sizes;
  const oldest = [...oldSets].sort(byAge);
  for (const set of oldest) {
    const unhealthy = Math.min(removable, wantedReplicas(set) - availableReplicas(set));
    if (unhealthy <= 0) continue;
    sizes.set(set, wantedReplicas(set) - unhealthy);
    removable -= unhealthy;
  }
  const available = [newSet, ...oldSets].reduce((sum, set) => sum + availableReplicas(set), 0);
  removable = Math.min(removable, available - minAvailable);
  for (const set of oldest) {
    const size = sizes.get(set) ?? wantedReplicas(set);
    const healthy = Math.min(removable, size);
    if (healthy <= 0) continue;
    sizes.set(set, size - healthy);
    removable -= healthy;
  }
  return sizes;
}

/** Sizes when the Deployment is scaled in the middle of a rollout: every set grows or shrinks in proportion. */
export function proportionalSizes(
  deployment: Deployment,
  sets: readonly ReplicaSet[],
): Map<ReplicaSet, number> {
  const active = sets.filter((set) => wantedReplicas(set) > 0);
  const wanted = wantedReplicas(deployment);
  const total = wanted > 0 ? wanted + rolloutBounds(deployment).maxSurge : 0;
  const toAdd = total - sumWanted(active);
  active.sort((a, b) => wantedReplicas(b) - wantedReplicas(a) || (toAdd > 0 ? byAge(b, a) : byAge(a, b)));
  const sizes = new Map<ReplicaSet, number>();
  let added = 0;
  for (const set of active) {
    const share = toAdd === 0 ? 0 : proportion(deployment, set, toAdd - added);
    sizes.set(set, wantedReplicas(set) + share);
    added += share;
  }
  const [first] = active;
  if (first) sizes.set(first, Math.max(0, (sizes.get(first) ?? 0) + toAdd - added));
  return sizes;
}

function proportion(deployment: Deployment, set: ReplicaSet, allowed: number): number {
  const replicas = wantedReplicas(set);
  if (wantedReplicas(deployment) === 0) return -replicas;
  const annotated = Number.parseInt(set.metadata.annotations?.[MAX_ANNOTATION] ?? '', 10);
  const before = annotated > 0 ? annotated : (deployment.status?.replicas ?? 0);
  if (before === 0) return 0;
  const total = wantedReplicas(deployment) + rolloutBounds(deployment).maxSurge;
  const fraction = Math.round((replicas * total) / before) - replicas;
  return allowed > 0 ? Math.max(0, Math.min(fraction, allowed)) : Math.min(0, Math.max(fraction, allowed));
}

export function byAge(a: KubeAged, b: KubeAged): number {
  const difference = Date.parse(a.metadata.creationTimestamp) - Date.parse(b.metadata.creationTimestamp);
  return difference || (a.metadata.name < b.metadata.name ? -1 : 1);
}

interface KubeAged {
  metadata: { creationTimestamp: string; name: string };
}

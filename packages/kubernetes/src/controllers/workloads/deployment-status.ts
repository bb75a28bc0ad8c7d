import type { Condition } from '../../objects.ts';
import type { Deployment, DeploymentStatus, ReplicaSet } from '../../objects-workloads.ts';
import { refOf, type Context } from '../controller.ts';
import type { Requeue } from '../queue.ts';
import { findCondition, withCondition, withoutCondition } from '../shared/conditions.ts';
import { sameValue } from '../shared/hash.ts';
import { parseTime } from '../shared/times.ts';
import { rolloutBounds, wantedReplicas } from './deployment-math.ts';

export interface RolloutSets {
  newSet: ReplicaSet | undefined;
  oldSets: readonly ReplicaSet[];
}

/** All wanted pods are updated and available, and nothing else is left. */
export function isComplete(deployment: Deployment, status: DeploymentStatus): boolean {
  const wanted = wantedReplicas(deployment);
  return (
    (status.updatedReplicas ?? 0) === wanted &&
    (status.replicas ?? 0) === wanted &&
    (status.availableReplicas ?? 0) === wanted &&
    (status.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0)
  );
}

/** Counters and the Available condition from the replica sets' status. */
export function countStatus(deployment: Deployment, sets: RolloutSets, nowMs: number): DeploymentStatus {
  const all = sets.newSet ? [sets.newSet, ...sets.oldSets] : sets.oldSets;
  const sum = (count: (status: NonNullable<ReplicaSet['status']>) => number | undefined): number =>
    all.reduce((total, set) => total + ((set.status && count(set.status)) ?? 0), 0);
  const replicas = sum((status) => status.replicas);
  const available = sum((status) => status.availableReplicas);
  const enough = available >= wantedReplicas(deployment) - rolloutBounds(deployment).maxUnavailable;
  const condition: Condition = {
    type: 'Available',
    status: enough ? 'True' : 'False',
    reason: enough ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable',
    message: enough
      ? 'Deployment has minimum availability.'
      : 'Deployment does not have minimum availability.',
  };
  const { collisionCount } = deployment.status ?? {};
  return {
    observedGeneration: deployment.metadata.generation ?? 0,
    replicas,
    updatedReplicas: sets.newSet?.status?.replicas ?? 0,
    readyReplicas: sum((status) => status.readyReplicas),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, replicas - available),
    terminatingReplicas: sum((status) => status.terminatingReplicas),
    conditions: withCondition(deployment.status?.conditions, condition, { nowMs, withUpdateTime: true }),
    ...(collisionCount !== undefined && { collisionCount }),
  };
}

/**
 * Writes the status after a rollout step, with the Progressing condition as upstream: complete, progressing, or timed
 * out after `progressDeadlineSeconds` without progress. Answers when the deadline is to be looked at again.
 */
export async function writeRolloutStatus(
  context: Context,
  deployment: Deployment,
  sets: RolloutSets,
): Promise<Requeue | undefined> {
  const nowMs = context.clock.now();
  const status = countStatus(deployment, sets, nowMs);
  const deadlineSeconds = deployment.spec.progressDeadlineSeconds;
  const current = findCondition(status.conditions, 'Progressing');
  const settled = status.replicas === status.updatedReplicas && current?.reason === 'NewReplicaSetAvailable';
  if (deadlineSeconds === undefined) status.conditions = withoutCondition(status.conditions, 'Progressing');
  else if (!settled)
    status.conditions = progress(deployment, { status, newSet: sets.newSet, nowMs, deadlineSeconds });
  status.conditions = withFailure(status.conditions ?? [], sets, nowMs);
  await putStatus(context, deployment, status);
  return deadlineSeconds === undefined ? undefined : deadlineRequeue(deployment, status, nowMs);
}

/** Writes counters and Available only: while paused, scaled or being deleted. */
export async function writePlainStatus(
  context: Context,
  deployment: Deployment,
  sets: RolloutSets,
): Promise<void> {
  await putStatus(context, deployment, countStatus(deployment, sets, context.clock.now()));
}

async function putStatus(context: Context, deployment: Deployment, status: DeploymentStatus): Promise<void> {
  const wanted = withoutZeros(status);
  await context.client.updateStatus<Deployment>('apps/deployments', refOf(deployment), (current) => {
    if (current.metadata.uid !== deployment.metadata.uid || sameValue(current.status, wanted)) return false;
    current.status = wanted;
    return true;
  });
}

interface Progress {
  status: DeploymentStatus;
  newSet: ReplicaSet | undefined;
  nowMs: number;
  deadlineSeconds: number;
}

function progress(deployment: Deployment, { status, newSet, nowMs, deadlineSeconds }: Progress): Condition[] {
  const subject = newSet
    ? `ReplicaSet "${newSet.metadata.name}"`
    : `Deployment "${deployment.metadata.name}"`;
  const conditions = status.conditions ?? [];
  const current = findCondition(conditions, 'Progressing');
  const options = { nowMs, withUpdateTime: true };
  if (isComplete(deployment, status)) {
    const message = `${subject} has successfully progressed.`;
    return withCondition(
      conditions,
      { type: 'Progressing', status: 'True', reason: 'NewReplicaSetAvailable', message },
      options,
    );
  }
  if (hasProgressed(deployment.status ?? {}, status) || !current) {
    const wanted: Condition = {
      type: 'Progressing',
      status: 'True',
      reason: 'ReplicaSetUpdated',
      message: `${subject} is progressing.`,
    };
    const next = withCondition(withoutCondition(conditions, 'Progressing'), wanted, options);
    // The time of the last progress moves while the time of the last transition stays.
    const kept = current?.status === 'True' ? current.lastTransitionTime : undefined;
    return next.map((item) =>
      item.type === 'Progressing' && kept ? { ...item, lastTransitionTime: kept } : item,
    );
  }
  if (isTimedOut(current, nowMs, deadlineSeconds)) {
    const message = `${subject} has timed out progressing.`;
    return withCondition(
      conditions,
      { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', message },
      options,
    );
  }
  return conditions;
}

function hasProgressed(before: DeploymentStatus, after: DeploymentStatus): boolean {
  const old = (status: DeploymentStatus): number => (status.replicas ?? 0) - (status.updatedReplicas ?? 0);
  return (
    (after.updatedReplicas ?? 0) > (before.updatedReplicas ?? 0) ||
    old(after) < old(before) ||
    (after.readyReplicas ?? 0) > (before.readyReplicas ?? 0) ||
    (after.availableReplicas ?? 0) > (before.availableReplicas ?? 0)
  );
}

function isTimedOut(current: Condition, nowMs: number, deadlineSeconds: number): boolean {
  if (current.reason === 'NewReplicaSetAvailable') return false;
  if (current.reason === 'ProgressDeadlineExceeded') return true;
  return parseTime(current.lastUpdateTime) + deadlineSeconds * 1000 < nowMs;
}

function deadlineRequeue(
  deployment: Deployment,
  status: DeploymentStatus,
  nowMs: number,
): Requeue | undefined {
  const current = findCondition(status.conditions, 'Progressing');
  const over =
    !current || current.reason === 'NewReplicaSetAvailable' || current.reason === 'ProgressDeadlineExceeded';
  if (over || deployment.spec.paused) return undefined;
  const deadlineMs =
    parseTime(current.lastUpdateTime) + (deployment.spec.progressDeadlineSeconds ?? 0) * 1000;
  return { afterMs: Math.max(1000, deadlineMs - nowMs + 1000) };
}

function withFailure(conditions: Condition[], { newSet, oldSets }: RolloutSets, nowMs: number): Condition[] {
  const failing = [newSet, ...oldSets]
    .map((set) => findCondition(set?.status?.conditions, 'ReplicaFailure'))
    .find(Boolean);
  if (!failing) return withoutCondition(conditions, 'ReplicaFailure');
  const { reason = '', message = '' } = failing;
  return withCondition(
    conditions,
    { type: 'ReplicaFailure', status: 'True', reason, message },
    { nowMs, withUpdateTime: true },
  );
}

function withoutZeros(status: DeploymentStatus): DeploymentStatus {
  const next = { ...status };
  for (const field of [
    'observedGeneration',
    'replicas',
    'updatedReplicas',
    'readyReplicas',
    'availableReplicas',
    'unavailableReplicas',
  ] as const) {
    if (next[field] === 0) delete next[field];
  }
  return next;
}

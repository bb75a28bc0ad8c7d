import type { LabelSelector, Pod, PodTemplate } from '../../objects.ts';
import type { GroupResource, KubeObject } from '../../types.ts';
import type { ReplicaSet } from '../../objects-workloads.ts';
import { refOf, type Context } from '../controller.ts';
import type { Requeue } from '../queue.ts';
import { claimOwned } from '../shared/claim.ts';
import { findCondition, withCondition, withoutCondition } from '../shared/conditions.ts';
import { createPod, deletePod, isNamespaceTerminating } from '../shared/pods.ts';
import { controllerOf } from '../shared/owners.ts';
import { availableInMs, isActive, isFinished, isPod, isReady } from '../shared/pod-state.ts';
import { sameValue } from '../shared/hash.ts';
import { isEmptySelector, selects } from '../shared/selectors.ts';
import { rankForDeletion } from './pod-ranking.ts';

/** What ReplicaSets and ReplicationControllers have in common. */
export interface Replicated {
  resource: GroupResource;
  component: string;
  object: ReplicaSet;
  selector: LabelSelector | undefined;
  template: PodTemplate | undefined;
}

/** At most this many pods are created or deleted in one go, as upstream. */
const BURST_REPLICAS = 500;

/** Creates or deletes pods until as many are active as wanted, then writes the status. */
export async function reconcileReplicas(context: Context, replicated: Replicated): Promise<Requeue | void> {
  const { object, selector } = replicated;
  if (isEmptySelector(selector)) return;
  const pods = await claimOwned<Pod>(context, {
    resource: '/pods',
    owner: object,
    matches: (labels) => selects(selector, labels),
  });
  let failure: unknown;
  if (!object.metadata.deletionTimestamp) {
    try {
      // The pods just changed wake this key again; the status is written then.
      if (await manage(context, replicated, pods)) return;
    } catch (error) {
      failure = error;
    }
  }
  const requeue = await writeStatus(context, replicated, { pods, failure });
  if (failure !== undefined && !isNamespaceTerminating(failure)) throw failure;
  return requeue;
}

async function manage(context: Context, replicated: Replicated, pods: readonly Pod[]): Promise<boolean> {
  const { object, component, template } = replicated;
  const active = pods.filter(isActive);
  const missing = (object.spec.replicas ?? 1) - active.length;
  if (missing > 0 && template) {
    await slowStart(Math.min(missing, BURST_REPLICAS), () =>
      createPod(context, { owner: object, template, component }),
    );
  } else if (missing < 0) {
    const victims = rankForDeletion(active, relatedPods(context, object, active)).slice(
      0,
      Math.min(-missing, BURST_REPLICAS),
    );
    await Promise.all(victims.map((pod) => deletePod(context, object, { pod, component })));
  }
  return missing < 0 || (missing > 0 && template !== undefined);
}

/** Runs `task` `count` times in batches of 1, 2, 4 …, so that a refusal is met once and not `count` times. */
export async function slowStart(count: number, task: (index: number) => Promise<unknown>): Promise<void> {
  for (let done = 0, batch = 1; done < count; done += batch, batch *= 2) {
    const size = Math.min(batch, count - done);
    const results = await Promise.allSettled(Array.from({ length: size }, (_, index) => task(done + index)));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  }
}

/** Active pods of all replica sets with the same controller. */
function relatedPods(context: Context, object: KubeObject, own: readonly Pod[]): readonly Pod[] {
  const owner = controllerOf(object);
  if (!owner) return own;
  const { store } = context.client;
  return store
    .dependents(owner.uid)
    .flatMap((sibling) => store.dependents(sibling.metadata.uid))
    .filter(isPod)
    .filter(isActive);
}

async function writeStatus(
  context: Context,
  { object, resource, template }: Replicated,
  { pods, failure }: { pods: readonly Pod[]; failure: unknown },
): Promise<Requeue | undefined> {
  const nowMs = context.clock.now();
  const fresh = pods.map(
    (pod) => context.client.get<Pod>('/pods', pod.metadata.namespace ?? '', pod.metadata.name) ?? pod,
  );
  const active = fresh.filter(isActive);
  const minReadySeconds = object.spec.minReadySeconds ?? 0;
  const waits = active
    .map((pod) => availableInMs(pod, minReadySeconds, nowMs))
    .filter((ms) => ms !== undefined);
  const later = waits.filter((ms) => ms > 0);
  const status: NonNullable<ReplicaSet['status']> = {
    replicas: active.length,
    fullyLabeledReplicas: active.filter((pod) => hasLabels(pod, template)).length,
    readyReplicas: active.filter(isReady).length,
    availableReplicas: waits.length - later.length,
    observedGeneration: object.metadata.generation ?? 0,
  };
  if (object.kind === 'ReplicaSet') {
    status.terminatingReplicas = fresh.filter(
      (pod) => pod.metadata.deletionTimestamp && !isFinished(pod),
    ).length;
  }
  await context.client.updateStatus<ReplicaSet>(resource, refOf(object), (current) => {
    const conditions = failureCondition(current, failure, nowMs);
    const next = { ...status, ...(conditions.length > 0 && { conditions }) };
    const before = current.status ?? { replicas: 0 };
    if (
      sameValue(withoutZeros(before), withoutZeros(next)) &&
      before.observedGeneration === next.observedGeneration
    )
      return false;
    current.status = withoutZeros(next);
    return true;
  });
  return later.length > 0 ? { afterMs: Math.min(...later) } : undefined;
}

function failureCondition(current: ReplicaSet, failure: unknown, nowMs: number) {
  const conditions = current.status?.conditions;
  if (failure === undefined) return withoutCondition(conditions, 'ReplicaFailure');
  if (findCondition(conditions, 'ReplicaFailure')) return [...(conditions ?? [])];
  const message = failure instanceof Error ? failure.message : String(failure);
  return withCondition(
    conditions,
    { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message },
    { nowMs },
  );
}

function hasLabels(pod: Pod, template: PodTemplate | undefined): boolean {
  return selects({ matchLabels: template?.metadata?.labels ?? {} }, pod.metadata.labels);
}

/** Counters that are zero are left out, as Go's `omitempty` does; `replicas` and `terminatingReplicas` stay. */
function withoutZeros(status: NonNullable<ReplicaSet['status']>): NonNullable<ReplicaSet['status']> {
  const next = { ...status };
  for (const field of [
    'fullyLabeledReplicas',
    'readyReplicas',
    'availableReplicas',
    'observedGeneration',
  ] as const) {
    if (next[field] === 0) delete next[field];
  }
  return next;
}

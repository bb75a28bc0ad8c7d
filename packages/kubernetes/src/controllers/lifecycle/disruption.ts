import type { Condition, Pod } from '../../objects.ts';
import type { Deployment, ReplicaSet } from '../../objects-workloads.ts';
import type { PodDisruptionBudget } from '../../objects-network.ts';
import {
  keyOf,
  parseKey,
  refOf,
  watchSelf,
  type Change,
  type Context,
  type Controller,
} from '../controller.ts';
import { withCondition } from '../shared/conditions.ts';
import { sameValue } from '../shared/hash.ts';
import { scaledValue } from '../shared/int-or-percent.ts';
import { controllerOf } from '../shared/owners.ts';
import { isActive, isPod, isReady } from '../shared/pod-state.ts';
import { selects } from '../shared/selectors.ts';

const BUDGETS = 'policy/poddisruptionbudgets';

/** Says in each PodDisruptionBudget how many pods may be evicted; the eviction subresource reads it. */
export const disruptionController: Controller = {
  name: 'disruption',
  watches: [watchSelf(BUDGETS), { resource: '/pods', keys: budgetsOf }],
  async reconcile(key, context) {
    const { namespace, name } = parseKey(key);
    const budget = context.client.get<PodDisruptionBudget>(BUDGETS, namespace, name);
    if (!budget || budget.metadata.deletionTimestamp) return;
    const pods = context.client
      .list<Pod>('/pods', { namespace })
      .filter((pod) => selects(budget.spec?.selector, pod.metadata.labels) && isActive(pod));
    const { expected, desired } = wantedHealthy(context, budget, pods);
    const healthy = pods.filter(isReady).length;
    const allowed = expected > 0 && healthy > desired ? healthy - desired : 0;
    const condition: Condition = {
      type: 'DisruptionAllowed',
      status: allowed > 0 ? 'True' : 'False',
      reason: allowed > 0 ? 'SufficientPods' : 'InsufficientPods',
      message: '',
      observedGeneration: budget.metadata.generation ?? 0,
    };
    await context.client.updateStatus<PodDisruptionBudget>(BUDGETS, refOf(budget), (current) => {
      const next = {
        ...current.status,
        currentHealthy: healthy,
        desiredHealthy: desired,
        disruptionsAllowed: allowed,
        expectedPods: expected,
        observedGeneration: budget.metadata.generation ?? 0,
        conditions: withCondition(current.status?.conditions, condition, { nowMs: context.clock.now() }),
      };
      if (sameValue(next, current.status)) return false;
      current.status = next;
      return true;
    });
  },
};

function wantedHealthy(
  context: Context,
  budget: PodDisruptionBudget,
  pods: readonly Pod[],
): { expected: number; desired: number } {
  const { minAvailable, maxUnavailable } = budget.spec ?? {};
  if (maxUnavailable !== undefined) {
    const expected = expectedPods(context, pods);
    return { expected, desired: Math.max(0, expected - scaledValue(maxUnavailable, expected, 'up')) };
  }
  if (typeof minAvailable === 'number') return { expected: pods.length, desired: minAvailable };
  const expected = expectedPods(context, pods);
  return { expected, desired: minAvailable === undefined ? 1 : scaledValue(minAvailable, expected, 'up') };
}

/** The replicas that the pods' controllers want; pods without one count for themselves. */
function expectedPods({ client }: Context, pods: readonly Pod[]): number {
  const scales = new Map<string, number>();
  for (const pod of pods) {
    const owner = controllerOf(pod);
    const set = owner && client.store.byUid(owner.uid)?.object;
    const above = set && controllerOf(set);
    const top = (above && client.store.byUid(above.uid)?.object) ?? set;
    if (top && hasReplicas(top)) scales.set(top.metadata.uid, top.spec.replicas ?? 1);
    else scales.set(pod.metadata.uid, 1);
  }
  return [...scales.values()].reduce((sum, replicas) => sum + replicas, 0);
}

function hasReplicas(object: { kind: string }): object is Deployment | ReplicaSet {
  return ['Deployment', 'ReplicaSet', 'StatefulSet', 'ReplicationController'].includes(object.kind);
}

function budgetsOf({ object, previous, deleted }: Change, { client }: Context): string[] {
  if (!isPod(object)) return [];
  const before = previous && isPod(previous) ? previous : undefined;
  const changed =
    deleted ||
    !before ||
    isReady(before) !== isReady(object) ||
    isActive(before) !== isActive(object) ||
    !sameValue(before.metadata.labels, object.metadata.labels);
  if (!changed) return [];
  return client
    .list<PodDisruptionBudget>(BUDGETS, { namespace: object.metadata.namespace ?? '' })
    .filter(
      ({ spec }) =>
        selects(spec?.selector, object.metadata.labels) || selects(spec?.selector, before?.metadata.labels),
    )
    .map(keyOf);
}

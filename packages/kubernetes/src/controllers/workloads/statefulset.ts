import type { Pod } from '../../objects.ts';
import type { ControllerRevision, StatefulSet } from '../../objects-workloads.ts';
import { parseKey, refOf, watchOwned, watchSelf, type Context, type Controller } from '../controller.ts';
import type { Requeue } from '../queue.ts';
import { claimOwned } from '../shared/claim.ts';
import { sameValue } from '../shared/hash.ts';
import { scaledValue } from '../shared/int-or-percent.ts';
import { availableInMs, isFinished, isReady } from '../shared/pod-state.ts';
import { deletePod } from '../shared/pods.ts';
import { ensureRevision, hashOf, templateOf, trimRevisions, type Revisions } from '../shared/revisions.ts';
import { isEmptySelector, selects } from '../shared/selectors.ts';
import {
  createOrdinal,
  ordinalOf,
  removeClaims,
  REVISION_LABEL,
  STATEFULSET_COMPONENT,
} from './statefulset-pods.ts';

/** Keeps numbered pods with stable names: one after the other, or all at once with `podManagementPolicy: Parallel`. */
export const statefulSetController: Controller = {
  name: 'statefulset',
  watches: [
    watchSelf('apps/statefulsets'),
    watchOwned('/pods', 'StatefulSet'),
    watchOwned('apps/controllerrevisions', 'StatefulSet'),
  ],
  async reconcile(key, context) {
    const { namespace, name } = parseKey(key);
    const set = context.client.get<StatefulSet>('apps/statefulsets', namespace, name);
    if (!set || isEmptySelector(set.spec.selector)) return;
    const pods = await claimOwned<Pod>(context, {
      resource: '/pods',
      owner: set,
      matches: (labels) => selects(set.spec.selector, labels),
    });
    if (set.metadata.deletionTimestamp) return;
    return reconcileSet(
      context,
      set,
      pods.filter((pod) => ordinalOf(set, pod) !== undefined),
    );
  },
};

/** The two templates in play: pods below the partition keep the current one during a rolling update. */
interface Plan {
  set: StatefulSet;
  pods: Map<number, Pod>;
  update: ControllerRevision;
  current: ControllerRevision;
  first: number;
  end: number;
}

async function reconcileSet(
  context: Context,
  set: StatefulSet,
  pods: readonly Pod[],
): Promise<Requeue | void> {
  const collisionCount = set.status?.collisionCount ?? 0;
  const revisions = await ensureRevision(context, {
    owner: set,
    template: set.spec.template,
    collisionCount,
  });
  const update = revisions.current;
  const current =
    revisions.all.find(({ metadata }) => metadata.name === set.status?.currentRevision) ?? update;
  const first = set.spec.ordinals?.start ?? 0;
  const plan: Plan = {
    set,
    pods: new Map(pods.map((pod) => [ordinalOf(set, pod) ?? -1, pod])),
    update,
    current,
    first,
    end: first + (set.spec.replicas ?? 1),
  };
  await advance(context, plan);
  await removeClaims(context, set, (ordinal) => ordinal >= plan.first && ordinal < plan.end);
  return writeStatus(context, plan, revisions);
}

/** One step towards the wanted pods; every change of a pod leads here again. */
async function advance(context: Context, plan: Plan): Promise<void> {
  const { set, pods, first, end } = plan;
  const parallel = set.spec.podManagementPolicy === 'Parallel';
  const minReady = set.spec.minReadySeconds ?? 0;
  for (let ordinal = first; ordinal < end; ordinal++) {
    const pod = pods.get(ordinal);
    if (pod && isFinished(pod) && !pod.metadata.deletionTimestamp) {
      await remove(context, set, pod);
      return;
    }
    if (!pod) await create(context, plan, ordinal);
    const isSettled =
      pod && !pod.metadata.deletionTimestamp && availableInMs(pod, minReady, context.clock.now()) === 0;
    if (!parallel && !isSettled) return;
  }
  const condemned = [...pods]
    .filter(([ordinal]) => ordinal < first || ordinal >= end)
    .sort(([a], [b]) => b - a);
  for (const [, pod] of condemned) {
    if (!pod.metadata.deletionTimestamp) await remove(context, set, pod);
    if (!parallel) return;
  }
  if (set.spec.updateStrategy?.type !== 'OnDelete') await rollUpdate(context, plan);
}

/** Replaces pods of old revisions from the highest ordinal down, `maxUnavailable` (1) at a time. */
async function rollUpdate(context: Context, plan: Plan): Promise<void> {
  const { set, pods, first, end, update } = plan;
  const rolling = set.spec.updateStrategy?.rollingUpdate;
  const partition = Math.max(first, rolling?.partition ?? 0);
  const replicas = end - first;
  const maxUnavailable = Math.max(1, scaledValue(rolling?.maxUnavailable ?? 1, replicas, 'up'));
  const minReady = set.spec.minReadySeconds ?? 0;
  let unavailable = 0;
  for (let ordinal = end - 1; ordinal >= first; ordinal--) {
    const pod = pods.get(ordinal);
    const isOk =
      pod && !pod.metadata.deletionTimestamp && availableInMs(pod, minReady, context.clock.now()) === 0;
    if (!isOk) unavailable++;
  }
  for (let ordinal = end - 1; ordinal >= partition; ordinal--) {
    const pod = pods.get(ordinal);
    if (!pod || pod.metadata.deletionTimestamp) continue;
    if (pod.metadata.labels?.[REVISION_LABEL] === hashOf(update)) continue;
    const wasBroken = !isReady(pod);
    if (!wasBroken && unavailable >= maxUnavailable) return;
    await remove(context, set, pod);
    if (!wasBroken) unavailable++;
    if (unavailable >= maxUnavailable) return;
  }
}

async function create(context: Context, plan: Plan, ordinal: number): Promise<void> {
  const { set, current, update, first } = plan;
  const partition = set.spec.updateStrategy?.rollingUpdate?.partition ?? 0;
  const isOnDelete = set.spec.updateStrategy?.type === 'OnDelete';
  const keepsCurrent = !isOnDelete && ordinal < Math.max(partition, first);
  const revision = keepsCurrent ? current : update;
  const template = templateOf(revision) ?? set.spec.template;
  await createOrdinal(context, set, { ordinal, template, hash: hashOf(revision) });
}

async function remove(context: Context, set: StatefulSet, pod: Pod): Promise<void> {
  await deletePod(context, set, { pod, component: STATEFULSET_COMPONENT });
}

async function writeStatus(context: Context, plan: Plan, revisions: Revisions): Promise<Requeue | undefined> {
  const { set, update, current } = plan;
  const nowMs = context.clock.now();
  const minReady = set.spec.minReadySeconds ?? 0;
  const live = [...plan.pods.values()].filter((pod) => !isFinished(pod));
  const ofHash = (hash: string): number =>
    live.filter(({ metadata }) => !metadata.deletionTimestamp && metadata.labels?.[REVISION_LABEL] === hash)
      .length;
  const waits = live.map((pod) => availableInMs(pod, minReady, nowMs)).filter((ms) => ms !== undefined);
  const later = waits.filter((ms) => ms > 0);
  const updated = ofHash(hashOf(update));
  const replicas = plan.end - plan.first;
  const isRolled = updated === replicas && live.length === replicas && live.every(isReady);
  const currentRevision = isRolled ? update : current;
  const status: NonNullable<StatefulSet['status']> = {
    ...set.status,
    observedGeneration: set.metadata.generation ?? 0,
    replicas: live.length,
    availableReplicas: waits.length - later.length,
    collisionCount: set.status?.collisionCount ?? 0,
    currentRevision: currentRevision.metadata.name,
    updateRevision: update.metadata.name,
  };
  assign(status, 'readyReplicas', live.filter(isReady).length);
  assign(status, 'currentReplicas', ofHash(hashOf(currentRevision)));
  assign(status, 'updatedReplicas', updated);
  await context.client.updateStatus<StatefulSet>('apps/statefulsets', refOf(set), (stored) => {
    if (stored.metadata.uid !== set.metadata.uid || sameValue(stored.status, status)) return false;
    stored.status = status;
    return true;
  });
  const inUse = new Set([currentRevision, update].map(({ metadata }) => metadata.name));
  const hashes = new Set(live.map(({ metadata }) => metadata.labels?.[REVISION_LABEL]));
  for (const revision of revisions.all) if (hashes.has(hashOf(revision))) inUse.add(revision.metadata.name);
  await trimRevisions(context, revisions.all, { used: inUse, limit: set.spec.revisionHistoryLimit ?? 10 });
  return later.length > 0 ? { afterMs: Math.min(...later) } : undefined;
}

/** Counters that are zero are left out, as Go's `omitempty` does. */
function assign(
  status: NonNullable<StatefulSet['status']>,
  field: 'readyReplicas' | 'currentReplicas' | 'updatedReplicas',
  value: number,
): void {
  if (value > 0) status[field] = value;
  else delete status[field];
}

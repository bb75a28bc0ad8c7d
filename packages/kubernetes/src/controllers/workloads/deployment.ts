import type { Condition } from '../../objects.ts';
import type { Deployment, ReplicaSet } from '../../objects-workloads.ts';
import {
  keyOf,
  parseKey,
  refOf,
  watchOwned,
  watchSelf,
  type Context,
  type Controller,
} from '../controller.ts';
import type { Requeue } from '../queue.ts';
import { claimOwned } from '../shared/claim.ts';
import { findCondition, withCondition } from '../shared/conditions.ts';
import { controllerOf } from '../shared/owners.ts';
import { isFinished, isPod } from '../shared/pod-state.ts';
import { isEmptySelector, selects } from '../shared/selectors.ts';
import {
  availableReplicas,
  DESIRED_ANNOTATION,
  newSetSize,
  oldSetSizes,
  proportionalSizes,
  revisionOf,
  byAge,
  wantedReplicas,
} from './deployment-math.ts';
import { createNewSet, findNewSet, sizeAnnotations, syncNewSet } from './deployment-revisions.ts';
import {
  countStatus,
  isComplete,
  writePlainStatus,
  writeRolloutStatus,
  type RolloutSets,
} from './deployment-status.ts';

const COMPONENT = 'deployment-controller';

/** Rolls ReplicaSets of a Deployment towards its template (rolling update or recreate). */
export const deploymentController: Controller = {
  name: 'deployment',
  watches: [
    watchSelf('apps/deployments'),
    watchOwned('apps/replicasets', 'Deployment'),
    {
      resource: 'apps/replicasets',
      keys: ({ object, deleted }, { client }) =>
        deleted || controllerOf(object)
          ? []
          : client
              .list<Deployment>('apps/deployments', { namespace: object.metadata.namespace ?? '' })
              .filter((deployment) => selects(deployment.spec.selector, object.metadata.labels))
              .map(keyOf),
    },
    {
      // Recreate waits for the last old pod to be gone.
      resource: '/pods',
      keys: ({ object, deleted }, { client }) => {
        const set = deleted ? client.store.byUid(controllerOf(object)?.uid ?? '')?.object : undefined;
        const owner = set && controllerOf(set);
        return owner?.kind === 'Deployment' ? [`${object.metadata.namespace ?? ''}/${owner.name}`] : [];
      },
    },
  ],
  async reconcile(key, context) {
    const { namespace, name } = parseKey(key);
    const deployment = context.client.get<Deployment>('apps/deployments', namespace, name);
    if (!deployment || isEmptySelector(deployment.spec.selector)) return;
    const sets = await claimOwned<ReplicaSet>(context, {
      resource: 'apps/replicasets',
      owner: deployment,
      matches: (labels) => selects(deployment.spec.selector, labels),
    });
    return reconcileDeployment(context, deployment, sets);
  },
};

async function reconcileDeployment(
  context: Context,
  deployment: Deployment,
  sets: readonly ReplicaSet[],
): Promise<Requeue | void> {
  if (deployment.metadata.deletionTimestamp)
    return writePlainStatus(context, deployment, split(deployment, sets));
  await notePause(context, deployment);
  if (deployment.spec.paused || isScaling(deployment, sets)) {
    await syncNewSet(context, deployment, sets);
    await scaleAll(context, deployment, split(deployment, reread(context, sets)));
    const now = split(deployment, reread(context, sets));
    if (deployment.spec.paused) await removeHistory(context, deployment, now.oldSets);
    return writePlainStatus(context, reload(context, deployment), now);
  }
  if (deployment.spec.strategy?.type === 'Recreate') return recreate(context, deployment, sets);
  return rollingUpdate(context, deployment, sets);
}

async function rollingUpdate(
  context: Context,
  deployment: Deployment,
  sets: readonly ReplicaSet[],
): Promise<Requeue | undefined> {
  const newSet =
    (await syncNewSet(context, deployment, sets)) ?? (await createNewSet(context, deployment, sets));
  if (!newSet) return undefined;
  const oldSets = sets.filter((set) => set.metadata.uid !== newSet.metadata.uid);
  const wanted = wantedReplicas(deployment);
  const size =
    wantedReplicas(newSet) > wanted
      ? wanted
      : newSetSize(deployment, [newSet, ...oldSets], wantedReplicas(newSet));
  const grown = await scaleSet(context, deployment, { set: newSet, size });
  for (const [set, smaller] of oldSetSizes(deployment, grown, oldSets))
    await scaleSet(context, deployment, { set, size: smaller });
  return finish(context, deployment, { newSet: grown, oldSets: reread(context, oldSets) });
}

async function recreate(
  context: Context,
  deployment: Deployment,
  sets: readonly ReplicaSet[],
): Promise<Requeue | undefined> {
  const existing = await syncNewSet(context, deployment, sets);
  const oldSets = sets.filter((set) => set.metadata.uid !== existing?.metadata.uid);
  for (const set of oldSets) await scaleSet(context, deployment, { set, size: 0 });
  if (oldSets.some((set) => hasRunningPods(context, set))) {
    return writeRolloutStatus(context, reload(context, deployment), {
      newSet: existing,
      oldSets: reread(context, oldSets),
    });
  }
  const newSet = existing ?? (await createNewSet(context, deployment, sets));
  if (!newSet) return undefined;
  const scaled = await scaleSet(context, deployment, { set: newSet, size: wantedReplicas(deployment) });
  return finish(context, deployment, { newSet: scaled, oldSets: reread(context, oldSets) });
}

async function finish(context: Context, before: Deployment, sets: RolloutSets): Promise<Requeue | undefined> {
  const deployment = reload(context, before);
  if (isComplete(deployment, countStatus(deployment, sets, context.clock.now()))) {
    await removeHistory(context, deployment, sets.oldSets);
  }
  return writeRolloutStatus(context, deployment, sets);
}

/** Whether only the number of replicas changed: the sets still carry the old one. */
function isScaling(deployment: Deployment, sets: readonly ReplicaSet[]): boolean {
  return sets.some((set) => {
    const desired = set.metadata.annotations?.[DESIRED_ANNOTATION];
    return wantedReplicas(set) > 0 && desired !== undefined && desired !== String(wantedReplicas(deployment));
  });
}

async function scaleAll(
  context: Context,
  deployment: Deployment,
  { newSet, oldSets }: RolloutSets,
): Promise<void> {
  const all = newSet ? [newSet, ...oldSets] : oldSets;
  const active = all.filter((set) => wantedReplicas(set) > 0);
  const wanted = wantedReplicas(deployment);
  const latest = [...all].sort((a, b) => byAge(b, a))[0];
  const only = active.length === 0 ? (newSet ?? latest) : active.length === 1 ? active[0] : undefined;
  if (only) {
    await scaleSet(context, deployment, { set: only, size: wanted });
  } else if (newSet && isSaturated(deployment, newSet)) {
    for (const set of oldSets) await scaleSet(context, deployment, { set, size: 0 });
  } else if (deployment.spec.strategy?.type !== 'Recreate') {
    for (const [set, size] of proportionalSizes(deployment, all))
      await scaleSet(context, deployment, { set, size });
  }
}

function isSaturated(deployment: Deployment, set: ReplicaSet): boolean {
  const wanted = wantedReplicas(deployment);
  return (
    wantedReplicas(set) === wanted &&
    set.metadata.annotations?.[DESIRED_ANNOTATION] === String(wanted) &&
    availableReplicas(set) === wanted
  );
}

async function scaleSet(
  context: Context,
  deployment: Deployment,
  { set, size }: { set: ReplicaSet; size: number },
): Promise<ReplicaSet> {
  const annotations = sizeAnnotations(deployment);
  const before = wantedReplicas(set);
  const annotated = Object.entries(annotations).every(
    ([key, value]) => set.metadata.annotations?.[key] === value,
  );
  if (before === size && (annotated || size === 0)) return set;
  const updated = await context.client.update<ReplicaSet>('apps/replicasets', refOf(set), (current) => {
    current.spec.replicas = size;
    current.metadata.annotations = { ...current.metadata.annotations, ...annotations };
  });
  if (before !== size) {
    const message = `Scaled ${size > before ? 'up' : 'down'} replica set ${set.metadata.name} from ${before} to ${size}`;
    await context.client.event(deployment, {
      type: 'Normal',
      reason: 'ScalingReplicaSet',
      message,
      component: COMPONENT,
    });
  }
  return updated ?? set;
}

/** Deletes old empty sets beyond `revisionHistoryLimit`, lowest revision first. */
async function removeHistory(
  context: Context,
  deployment: Deployment,
  oldSets: readonly ReplicaSet[],
): Promise<void> {
  const limit = deployment.spec.revisionHistoryLimit;
  if (limit === undefined) return;
  const alive = oldSets
    .filter((set) => !set.metadata.deletionTimestamp)
    .sort((a, b) => revisionOf(a) - revisionOf(b));
  for (const set of alive.slice(0, Math.max(0, alive.length - limit))) {
    const settled = (set.metadata.generation ?? 0) <= (set.status?.observedGeneration ?? 0);
    if ((set.status?.replicas ?? 0) > 0 || wantedReplicas(set) > 0 || !settled) continue;
    await context.client.delete('apps/replicasets', refOf(set), { uid: set.metadata.uid });
  }
}

async function notePause(context: Context, deployment: Deployment): Promise<void> {
  if (deployment.spec.progressDeadlineSeconds === undefined) return;
  const current = findCondition(deployment.status?.conditions, 'Progressing');
  if (current?.reason === 'ProgressDeadlineExceeded') return;
  const isNoted = current?.reason === 'DeploymentPaused';
  if ((deployment.spec.paused ?? false) === isNoted) return;
  const condition: Condition = {
    type: 'Progressing',
    status: 'Unknown',
    reason: isNoted ? 'DeploymentResumed' : 'DeploymentPaused',
    message: isNoted ? 'Deployment is resumed' : 'Deployment is paused',
  };
  await context.client.updateStatus<Deployment>('apps/deployments', refOf(deployment), (live) => {
    const conditions = withCondition(live.status?.conditions, condition, {
      nowMs: context.clock.now(),
      withUpdateTime: true,
    });
    live.status = { ...live.status, conditions };
  });
}

function hasRunningPods(context: Context, set: ReplicaSet): boolean {
  return context.client.store.dependents(set.metadata.uid).some((pod) => isPod(pod) && !isFinished(pod));
}

function split(deployment: Deployment, sets: readonly ReplicaSet[]): RolloutSets {
  const newSet = findNewSet(deployment, sets);
  return { newSet, oldSets: sets.filter((set) => set !== newSet) };
}

function reread(context: Context, sets: readonly ReplicaSet[]): ReplicaSet[] {
  return sets.flatMap(
    (set) =>
      context.client.get<ReplicaSet>('apps/replicasets', set.metadata.namespace ?? '', set.metadata.name) ??
      [],
  );
}

/** The status may have been written since: conditions are carried over from the newest. The spec stays the one worked on. */
function reload(context: Context, deployment: Deployment): Deployment {
  const { namespace, name } = refOf(deployment);
  const live = context.client.get<Deployment>('apps/deployments', namespace, name);
  return live && live.metadata.uid === deployment.metadata.uid && live.status
    ? { ...deployment, status: live.status }
    : deployment;
}

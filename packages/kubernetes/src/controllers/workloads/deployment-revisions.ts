import type { Condition, PodTemplate } from '../../objects.ts';
import type { Deployment, ReplicaSet } from '../../objects-workloads.ts';
import { refOf, type Context } from '../controller.ts';
import { findCondition, withCondition } from '../shared/conditions.ts';
import { sameValue, shortHash } from '../shared/hash.ts';
import { controllerReference } from '../shared/owners.ts';
import { isStatus } from '../shared/pods.ts';
import {
  byAge,
  DESIRED_ANNOTATION,
  HISTORY_ANNOTATION,
  MAX_ANNOTATION,
  newSetSize,
  REVISION_ANNOTATION,
  revisionOf,
  rolloutBounds,
  wantedReplicas,
} from './deployment-math.ts';

const HASH_LABEL = 'pod-template-hash';
const COMPONENT = 'deployment-controller';

const NOT_COPIED = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  REVISION_ANNOTATION,
  HISTORY_ANNOTATION,
  DESIRED_ANNOTATION,
  MAX_ANNOTATION,
  'deprecated.deployment.rollback.to',
]);

/** The set whose template is the Deployment's; the oldest when several are. */
export function findNewSet(deployment: Deployment, sets: readonly ReplicaSet[]): ReplicaSet | undefined {
  return [...sets].sort(byAge).find((set) => sameTemplate(set.spec.template, deployment.spec.template));
}

/** Marks the new set with the next revision and the Deployment's annotations; `kubectl rollout history` reads them. */
export async function syncNewSet(
  context: Context,
  deployment: Deployment,
  sets: readonly ReplicaSet[],
): Promise<ReplicaSet | undefined> {
  const existing = findNewSet(deployment, sets);
  if (!existing) return undefined;
  const revision = nextRevision(sets.filter((set) => set !== existing));
  const updated = await context.client.update<ReplicaSet>('apps/replicasets', refOf(existing), (set) => {
    const before = { ...set.metadata.annotations };
    const wanted = annotationsFor(deployment, set, revision);
    if (
      sameValue(before, wanted) &&
      (set.spec.minReadySeconds ?? 0) === (deployment.spec.minReadySeconds ?? 0)
    )
      return false;
    set.metadata.annotations = wanted;
    set.spec.minReadySeconds = deployment.spec.minReadySeconds ?? 0;
    return true;
  });
  await recordRevision(context, deployment, updated ?? existing);
  await noteProgress(context, deployment, {
    type: 'Progressing',
    status: 'True',
    reason: 'FoundNewReplicaSet',
    message: `Found new replica set "${existing.metadata.name}"`,
  });
  return updated ?? existing;
}

/** Creates the set for the current template. On a name collision the hash changes with `status.collisionCount`. */
export async function createNewSet(
  context: Context,
  deployment: Deployment,
  sets: readonly ReplicaSet[],
): Promise<ReplicaSet | undefined> {
  const { client } = context;
  const planned = newSetObject(deployment, sets);
  try {
    const set = await client.create<ReplicaSet>('apps/replicasets', planned);
    if (wantedReplicas(set) > 0) {
      const message = `Scaled up replica set ${set.metadata.name} from 0 to ${wantedReplicas(set)}`;
      await client.event(deployment, {
        type: 'Normal',
        reason: 'ScalingReplicaSet',
        message,
        component: COMPONENT,
      });
    }
    await recordRevision(context, deployment, set);
    return set;
  } catch (error) {
    if (isStatus(error, 'AlreadyExists')) {
      await client.updateStatus<Deployment>('apps/deployments', refOf(deployment), (current) => {
        current.status = { ...current.status, collisionCount: (current.status?.collisionCount ?? 0) + 1 };
      });
    } else if (deployment.spec.progressDeadlineSeconds !== undefined) {
      const message = error instanceof Error ? error.message : String(error);
      await setProgress(context, deployment, {
        type: 'Progressing',
        status: 'False',
        reason: 'ReplicaSetCreateError',
        message,
      });
    }
    throw error;
  }
}

function newSetObject(deployment: Deployment, sets: readonly ReplicaSet[]) {
  const { template, selector, minReadySeconds } = deployment.spec;
  const hash = shortHash(template, deployment.status?.collisionCount ?? 0);
  const labels = { ...template.metadata?.labels, [HASH_LABEL]: hash };
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `${deployment.metadata.name}-${hash}`,
      namespace: deployment.metadata.namespace ?? '',
      labels,
      annotations: annotationsFor(deployment, undefined, nextRevision(sets)),
      ownerReferences: [controllerReference(deployment)],
    },
    spec: {
      replicas: newSetSize(deployment, sets, 0),
      ...(minReadySeconds && { minReadySeconds }),
      selector: { ...selector, matchLabels: { ...selector.matchLabels, [HASH_LABEL]: hash } },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  };
}

/** What `desired-replicas` and `max-replicas` say on every set of a Deployment. */
export function sizeAnnotations(deployment: Deployment): Record<string, string> {
  const wanted = wantedReplicas(deployment);
  return {
    [DESIRED_ANNOTATION]: String(wanted),
    [MAX_ANNOTATION]: String(wanted + rolloutBounds(deployment).maxSurge),
  };
}

function annotationsFor(
  deployment: Deployment,
  set: ReplicaSet | undefined,
  revision: number,
): Record<string, string> {
  const annotations: Record<string, string> = { ...set?.metadata.annotations };
  for (const [key, value] of Object.entries(deployment.metadata.annotations ?? {})) {
    if (!NOT_COPIED.has(key)) annotations[key] = value;
  }
  const previous = set ? revisionOf(set) : 0;
  if (previous < revision) {
    if (previous > 0) {
      const history = annotations[HISTORY_ANNOTATION];
      annotations[HISTORY_ANNOTATION] = history ? `${history},${previous}` : String(previous);
    }
    annotations[REVISION_ANNOTATION] = String(revision);
  }
  return set ? annotations : { ...annotations, ...sizeAnnotations(deployment) };
}

function nextRevision(others: readonly ReplicaSet[]): number {
  return Math.max(0, ...others.map(revisionOf)) + 1;
}

async function recordRevision(context: Context, deployment: Deployment, set: ReplicaSet): Promise<void> {
  const revision = set.metadata.annotations?.[REVISION_ANNOTATION];
  if (revision === undefined || deployment.metadata.annotations?.[REVISION_ANNOTATION] === revision) return;
  await context.client.update<Deployment>('apps/deployments', refOf(deployment), (current) => {
    if (current.metadata.annotations?.[REVISION_ANNOTATION] === revision) return false;
    current.metadata.annotations = { ...current.metadata.annotations, [REVISION_ANNOTATION]: revision };
    return true;
  });
}

/** A condition for a rollout that has none yet, so that its deadline has a start. */
async function noteProgress(context: Context, deployment: Deployment, condition: Condition): Promise<void> {
  if (
    deployment.spec.progressDeadlineSeconds === undefined ||
    findCondition(deployment.status?.conditions, 'Progressing')
  )
    return;
  await setProgress(context, deployment, condition);
}

async function setProgress(context: Context, deployment: Deployment, condition: Condition): Promise<void> {
  await context.client.updateStatus<Deployment>('apps/deployments', refOf(deployment), (current) => {
    const conditions = withCondition(current.status?.conditions, condition, {
      nowMs: context.clock.now(),
      withUpdateTime: true,
    });
    current.status = { ...current.status, conditions };
  });
}

function sameTemplate(left: PodTemplate | undefined, right: PodTemplate): boolean {
  return sameValue(withoutHash(left), withoutHash(right));
}

function withoutHash(template: PodTemplate | undefined): unknown {
  if (!template) return undefined;
  const { [HASH_LABEL]: _hash, ...labels } = template.metadata?.labels ?? {};
  const { creationTimestamp: _created, ...metadata }: Record<string, unknown> = { ...template.metadata };
  return { ...template, metadata: { ...metadata, labels } };
}

import type { Condition, Node, Pod, PodStatus } from '../objects.ts';
import {
  keyOf,
  parseKey,
  refOf,
  type Change,
  type Context,
  type Controller,
} from '../controllers/controller.ts';
import type { Requeue } from '../controllers/queue.ts';
import { sameValue } from '../controllers/shared/hash.ts';
import { isFinished, isPod } from '../controllers/shared/pod-state.ts';
import { addressesOf } from './addresses.ts';
import { isSimulated } from './node-object.ts';
import type { PodRun } from './pod-run.ts';
import { admit, advance, stop } from './pod-stages.ts';
import { deriveStatus } from './pod-status.ts';

const COMPONENT = 'kubelet';

/** What a kubelet keeps in memory about the pods of a cluster. */
interface Memory {
  steps: Map<string, Map<string, number>>;
  /** Pods by the missing ConfigMap or Secret that they wait for. */
  waiting: Map<string, Set<string>>;
}

const memories = new WeakMap<Context, Memory>();

/**
 * The kubelets of all simulated nodes: leads every bound pod through the stages of `pod-stages.ts` and
 * `container-stages.ts`. No container ever runs. Pods on nodes that are not simulated are left alone.
 */
export const kubelet: Controller = {
  name: 'kubelet',
  watches: [
    { resource: '/pods', keys: podKeys },
    { resource: '/configmaps', keys: (change, context) => waitingKeys('configmaps', change, context) },
    { resource: '/secrets', keys: (change, context) => waitingKeys('secrets', change, context) },
    {
      resource: '/nodes',
      keys: ({ object, previous, deleted }, { client }) =>
        previous || deleted ? [] : client.store.podsOnNode(object.metadata.name).map(keyOf),
    },
  ],
  reconcile,
};

async function reconcile(key: string, context: Context): Promise<Requeue | void> {
  const { namespace, name } = parseKey(key);
  const pod = context.client.get<Pod>('/pods', namespace, name);
  if (!pod) return;
  if (!pod.spec.nodeName) return pod.metadata.deletionTimestamp ? removePod(context, pod) : undefined;
  const node = context.client.get<Node>('/nodes', '', pod.spec.nodeName);
  if (!node || !isSimulated(node)) return;
  if (isFinished(pod)) return pod.metadata.deletionTimestamp ? removePod(context, pod) : undefined;
  const run = startRun(context, pod);
  if (pod.metadata.deletionTimestamp) {
    if (stop(run)) return finishDeletion(context, run);
  } else {
    const hostIp = node.status?.addresses?.find(({ type }) => type === 'InternalIP')?.address ?? '';
    const addressing = { hostIp, podIp: () => addressesOf(context).take(pod) };
    admit(run, addressing);
    advance(run, addressing);
    deriveStatus(pod, run.status, run.nowMs);
    noteWaiting(context, key, run);
    await writeStatus(context, run);
  }
  for (const event of run.events) await context.client.event(pod, { ...event, component: COMPONENT });
  return run.wakeMs === undefined ? undefined : { afterMs: Math.max(1, run.wakeMs - context.clock.now()) };
}

async function finishDeletion(context: Context, run: PodRun): Promise<void> {
  const { pod } = run;
  // Whoever holds the pod back with a finalizer wants to see how it ended.
  if ((pod.metadata.finalizers ?? []).length > 0 && !isFinished(pod)) {
    run.status.phase = (run.status.containerStatuses ?? []).every(
      ({ state }) => state.terminated?.exitCode === 0,
    )
      ? 'Succeeded'
      : 'Failed';
    await writeStatus(context, run);
  }
  await removePod(context, pod);
  for (const event of run.events) await context.client.event(pod, { ...event, component: COMPONENT });
}

async function removePod(context: Context, pod: Pod): Promise<void> {
  if (pod.metadata.deletionGracePeriodSeconds === 0 && (pod.metadata.finalizers ?? []).length > 0) return;
  await context.client.delete('/pods', refOf(pod), { uid: pod.metadata.uid, gracePeriodSeconds: 0 });
}

/** Conditions that others set (readiness gates, DisruptionTarget) are kept from the newest state. */
async function writeStatus(context: Context, { pod, status }: PodRun): Promise<void> {
  await context.client.updateStatus<Pod>('/pods', refOf(pod), (current) => {
    if (current.metadata.uid !== pod.metadata.uid) return false;
    const next: PodStatus = {
      ...status,
      conditions: mergeConditions(current.status?.conditions ?? [], status.conditions ?? []),
    };
    if (sameValue(current.status, next)) return false;
    current.status = next;
    return true;
  });
}

const OWN_CONDITIONS = new Set(['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady']);

function mergeConditions(current: readonly Condition[], mine: readonly Condition[]): Condition[] {
  return [
    ...mine.filter(({ type }) => OWN_CONDITIONS.has(type)),
    ...current.filter(({ type }) => !OWN_CONDITIONS.has(type)),
  ];
}

function startRun(context: Context, pod: Pod): PodRun {
  const { steps } = memoryOf(context);
  let memory = steps.get(pod.metadata.uid);
  if (!memory) {
    memory = new Map();
    steps.set(pod.metadata.uid, memory);
  }
  return {
    pod,
    client: context.client,
    status: structuredClone(pod.status ?? {}),
    nowMs: context.clock.now(),
    timeScale: context.timeScale,
    memory,
    events: [],
    waitsFor: new Set(),
    wakeMs: undefined,
  };
}

function podKeys(change: Change, context: Context): string[] {
  const { object, deleted } = change;
  addressesOf(context).note(change);
  if (deleted) {
    memoryOf(context).steps.delete(object.metadata.uid);
    return [];
  }
  if (!isPod(object)) return [];
  const concerns =
    object.metadata.deletionTimestamp !== undefined || (object.spec.nodeName && !isFinished(object));
  return concerns ? [keyOf(object)] : [];
}

function waitingKeys(resource: string, { object, deleted }: Change, context: Context): Iterable<string> {
  return (!deleted && memoryOf(context).waiting.get(`${resource}/${keyOf(object)}`)) || [];
}

function noteWaiting(context: Context, key: string, { waitsFor }: PodRun): void {
  const { waiting } = memoryOf(context);
  for (const [reference, pods] of waiting) {
    if (waitsFor.has(reference) || !pods.delete(key)) continue;
    if (pods.size === 0) waiting.delete(reference);
  }
  for (const reference of waitsFor) {
    const pods = waiting.get(reference);
    if (pods) pods.add(key);
    else waiting.set(reference, new Set([key]));
  }
}

function memoryOf(context: Context): Memory {
  let memory = memories.get(context);
  if (!memory) {
    memory = { steps: new Map(), waiting: new Map() };
    memories.set(context, memory);
  }
  return memory;
}

import type { Condition, Node, Pod } from '../objects.ts';
import type { PersistentVolumeClaim } from '../objects-storage.ts';
import {
  keyOf,
  parseKey,
  refOf,
  type Change,
  type Context,
  type Controller,
} from '../controllers/controller.ts';
import { findCondition, withCondition } from '../controllers/shared/conditions.ts';
import { isFinished, isPod } from '../controllers/shared/pod-state.ts';
import { createLedger, type Ledger } from './ledger.ts';
import { placePod } from './place.ts';
import type { World } from './pod-affinity.ts';
import { SELECTED_NODE_ANNOTATION, volumeState } from './volumes.ts';

const COMPONENT = 'default-scheduler';
const EVERYTHING = '/';

interface Memory {
  ledger: Ledger;
  /** To be placed at the next opportunity. */
  pending: Set<string>;
  /** Tried in vain; tried again when something changes that may help. */
  unschedulable: Set<string>;
}

const memories = new WeakMap<Context, Memory>();

/**
 * Binds pending pods to nodes, highest priority first. A decision is noted in the ledger before it is written, so that
 * the next decision counts it: a node is never over-committed. Preemption is not done.
 */
export const scheduler: Controller = {
  name: 'scheduler',
  watches: [
    { resource: '/pods', keys: podChanged },
    { resource: '/nodes', keys: (_change, context) => retryAll(context) },
    { resource: '/persistentvolumeclaims', keys: (_change, context) => retryAll(context) },
  ],
  async reconcile(_key, context) {
    const memory = memoryOf(context);
    const pods = [...memory.pending].flatMap((key) => {
      const { namespace, name } = parseKey(key);
      return context.client.get<Pod>('/pods', namespace, name) ?? [];
    });
    memory.pending.clear();
    const waiting = pods.filter(isSchedulable).sort(byPriority);
    const world = worldOf(context, memory);
    if (world.nodes.size === 0 && context.config().nodes.length > 0) {
      // The cluster is just being set up: its nodes are about to come.
      for (const pod of waiting) memory.unschedulable.add(keyOf(pod));
      return;
    }
    // Decisions are made one after the other without a gap; their writes then share commits.
    const results = await Promise.allSettled(waiting.map((pod) => schedule(context, pod, world)));
    results.forEach((result, index) => {
      const pod = waiting[index];
      if (result.status === 'fulfilled' || !pod) return;
      memory.ledger.remove(pod.metadata.uid);
      memory.pending.add(keyOf(pod));
    });
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  },
};

async function schedule(context: Context, pod: Pod, world: World): Promise<void> {
  if ((pod.spec.schedulingGates ?? []).length > 0) {
    const message = 'Scheduling is blocked due to non-empty scheduling gates';
    return notePodScheduled(context, pod, {
      type: 'PodScheduled',
      status: 'False',
      reason: 'SchedulingGated',
      message,
    });
  }
  const volumes = volumeState(context.client, pod);
  const placement =
    volumes.kind === 'impossible'
      ? { kind: 'none' as const, message: withCount(volumes.message, world) }
      : placePod(pod, world);
  if (placement.kind === 'none') return noteFailure(context, pod, placement.message);
  if (volumes.kind === 'waits-for-node') {
    memoryOf(context).unschedulable.add(keyOf(pod));
    await Promise.all(volumes.claims.map((claim) => selectNode(context, claim, placement.name)));
    return;
  }
  world.ledger.place(pod, placement.name);
  await bind(context, pod, placement.name);
}

/** Writes past the registry, as the `binding` subresource: `nodeName` cannot be changed by an update. */
async function bind(context: Context, pod: Pod, nodeName: string): Promise<void> {
  const { namespace, name } = refOf(pod);
  const { object } = await context.client.store.write({ resource: '/pods', namespace, name }, (current) => {
    if (!current || !isPod(current) || current.metadata.uid !== pod.metadata.uid) return { kind: 'none' };
    if (current.spec.nodeName || current.metadata.deletionTimestamp) return { kind: 'none' };
    const scheduled: Condition = { type: 'PodScheduled', status: 'True', lastProbeTime: null };
    const conditions = withCondition(current.status?.conditions, scheduled, { nowMs: context.clock.now() });
    return {
      kind: 'put',
      object: { ...current, spec: { ...current.spec, nodeName }, status: { ...current.status, conditions } },
    };
  });
  if (!object || !isPod(object) || object.spec.nodeName !== nodeName) {
    memoryOf(context).ledger.remove(pod.metadata.uid);
    return;
  }
  const message = `Successfully assigned ${namespace}/${name} to ${nodeName}`;
  await context.client.event(pod, { type: 'Normal', reason: 'Scheduled', message, component: COMPONENT });
}

async function noteFailure(context: Context, pod: Pod, message: string): Promise<void> {
  memoryOf(context).unschedulable.add(keyOf(pod));
  const known = findCondition(pod.status?.conditions, 'PodScheduled');
  if (known?.status === 'False' && known.message === message) return;
  await notePodScheduled(context, pod, {
    type: 'PodScheduled',
    status: 'False',
    reason: 'Unschedulable',
    message,
  });
  await context.client.event(pod, {
    type: 'Warning',
    reason: 'FailedScheduling',
    message,
    component: COMPONENT,
  });
}

async function notePodScheduled(context: Context, pod: Pod, condition: Condition): Promise<void> {
  await context.client.updateStatus<Pod>('/pods', refOf(pod), (current) => {
    if (current.metadata.uid !== pod.metadata.uid || current.spec.nodeName) return false;
    const known = findCondition(current.status?.conditions, 'PodScheduled');
    if (
      known?.status === condition.status &&
      known.reason === condition.reason &&
      known.message === condition.message
    )
      return false;
    const full = { ...condition, lastProbeTime: null };
    const conditions = withCondition(current.status?.conditions, full, { nowMs: context.clock.now() });
    current.status = { ...current.status, phase: 'Pending', conditions };
    return true;
  });
}

async function selectNode(context: Context, claim: PersistentVolumeClaim, nodeName: string): Promise<void> {
  await context.client.update<PersistentVolumeClaim>('/persistentvolumeclaims', refOf(claim), (current) => {
    if (current.metadata.annotations?.[SELECTED_NODE_ANNOTATION] !== undefined) return false;
    current.metadata.annotations = { ...current.metadata.annotations, [SELECTED_NODE_ANNOTATION]: nodeName };
    return true;
  });
}

function podChanged({ object, deleted, previous }: Change, context: Context): readonly string[] {
  if (!isPod(object)) return [];
  const memory = memoryOf(context);
  const key = keyOf(object);
  const { nodeName } = object.spec;
  if (deleted || isFinished(object)) {
    memory.ledger.remove(object.metadata.uid);
    memory.pending.delete(key);
    memory.unschedulable.delete(key);
    return nodeName && (deleted || (previous && isPod(previous) && !isFinished(previous)))
      ? retryAll(context)
      : [];
  }
  if (nodeName) {
    memory.ledger.place(object, nodeName);
    memory.unschedulable.delete(key);
    // A new pod can be what others want to be near to.
    return previous && isPod(previous) && previous.spec.nodeName ? [] : retryAll(context);
  }
  // The scheduler's own notes about a pod are no reason to try again.
  if (memory.unschedulable.has(key) && previous && isPod(previous) && samePlan(previous, object)) return [];
  if (!isSchedulable(object)) return [];
  memory.pending.add(key);
  return [EVERYTHING];
}

function samePlan(before: Pod, after: Pod): boolean {
  return (
    before.metadata.generation === after.metadata.generation &&
    before.metadata.deletionTimestamp === after.metadata.deletionTimestamp
  );
}

function retryAll(context: Context): readonly string[] {
  const { unschedulable, pending } = memoryOf(context);
  if (unschedulable.size === 0) return [];
  for (const key of unschedulable) pending.add(key);
  unschedulable.clear();
  return [EVERYTHING];
}

function isSchedulable(pod: Pod): boolean {
  const mine = (pod.spec.schedulerName ?? COMPONENT) === COMPONENT;
  return mine && !pod.spec.nodeName && !pod.metadata.deletionTimestamp && !isFinished(pod);
}

function byPriority(left: Pod, right: Pod): number {
  const difference = (right.spec.priority ?? 0) - (left.spec.priority ?? 0);
  return (
    difference || Date.parse(left.metadata.creationTimestamp) - Date.parse(right.metadata.creationTimestamp)
  );
}

function withCount(message: string, world: World): string {
  return `0/${world.nodes.size} nodes are available: ${message}. no new claims to deallocate, preemption: 0/${world.nodes.size} nodes are available: ${world.nodes.size} Preemption is not helpful for scheduling.`;
}

function worldOf(context: Context, memory: Memory): World {
  const nodes = new Map(context.client.list<Node>('/nodes').map((node) => [node.metadata.name, node]));
  for (const [name, node] of nodes) {
    // A node that has not yet said what it has is not there yet.
    const isThere =
      node.metadata.deletionTimestamp === undefined &&
      (node.status?.allocatable ?? node.status?.capacity) !== undefined;
    if (!isThere) nodes.delete(name);
  }
  return { client: context.client, nodes, ledger: memory.ledger };
}

function memoryOf(context: Context): Memory {
  let memory = memories.get(context);
  if (!memory) {
    memory = { ledger: createLedger(), pending: new Set(), unschedulable: new Set() };
    memories.set(context, memory);
  }
  return memory;
}

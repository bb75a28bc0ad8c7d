import { fieldOf, listOf, textOf, type Json } from '../host/objects.ts';

/** What keeps a container from running, as its kubelet has it. */
export type ContainerTrouble = 'image' | 'memory' | 'crash' | 'creation';

/** Null for one that runs, ended well or is only about to start. */
export function containerTrouble(container: Json): ContainerTrouble | null {
  const reason = textOf(fieldOf(container, 'state', 'waiting', 'reason'));
  if (/ImagePull|ErrImage|InvalidImageName|ImageInspect/.test(reason)) return 'image';
  if (textOf(fieldOf(lastEndOf(container), 'reason')) === 'OOMKilled' && container['ready'] !== true)
    return 'memory';
  if (reason === 'CrashLoopBackOff') return 'crash';
  return /^Create|^RunContainer/.test(reason) ? 'creation' : null;
}

/** How it ended when it last did; undefined when it never has. */
export function lastEndOf(container: Json): unknown {
  return fieldOf(container, 'lastState', 'terminated') ?? fieldOf(container, 'state', 'terminated');
}

/** What is told of the containers of a pod, those first that come first. */
export function containersOf(pod: Json): Json[] {
  return [
    ...listOf(fieldOf(pod, 'status', 'initContainerStatuses')),
    ...listOf(fieldOf(pod, 'status', 'containerStatuses')),
  ];
}

/** The scheduler's words; null for a pod that has a node or was not looked at yet. */
export function whyUnscheduled(pod: Json): string | null {
  const scheduled = listOf(fieldOf(pod, 'status', 'conditions')).find(({ type }) => type === 'PodScheduled');
  // `SchedulerError` is over at the next try.
  return scheduled?.['status'] === 'False' && scheduled['reason'] === 'Unschedulable'
    ? textOf(scheduled['message'])
    : null;
}

/** Words of the scheduler's plugin VolumeBinding: of a class that binds at once, and of one that waits for its pod. */
const volumeIsMissing =
  /unbound immediate PersistentVolumeClaims|didn't find available persistent volumes to bind/;

/** Words of the same plugin of a claim that a pod names and that is not there, or goes. */
const claimIsMissing = /persistentvolumeclaim "[^"]*" (?:not found|is being deleted)/;

/** Neither more nodes nor a volume would help it. */
export function namesNoClaim(pod: Json): boolean {
  return claimIsMissing.test(whyUnscheduled(pod) ?? '');
}

/** More nodes would not help it. */
export function waitsForVolume(pod: Json): boolean {
  return volumeIsMissing.test(whyUnscheduled(pod) ?? '');
}

import type { Pod } from '../../objects.ts';
import type { KubeObject } from '../../types.ts';
import { findCondition } from './conditions.ts';
import { parseTime } from './times.ts';

export function isPod(object: KubeObject): object is Pod {
  return object.kind === 'Pod';
}

/** Succeeded or Failed: its containers never run again. */
export function isFinished(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

/** Counts towards the wanted replicas: neither finished nor being deleted. */
export function isActive(pod: Pod): boolean {
  return !isFinished(pod) && pod.metadata.deletionTimestamp === undefined;
}

export function isReady(pod: Pod): boolean {
  return findCondition(pod.status?.conditions, 'Ready')?.status === 'True';
}

/** Milliseconds until a pod has been ready for `minReadySeconds`; 0 when it is available, undefined while not ready. */
export function availableInMs(pod: Pod, minReadySeconds: number, nowMs: number): number | undefined {
  if (!isReady(pod)) return undefined;
  if (minReadySeconds === 0) return 0;
  const since = parseTime(findCondition(pod.status?.conditions, 'Ready')?.lastTransitionTime);
  return Math.max(0, since + minReadySeconds * 1000 - nowMs);
}

/** Restarts of the container that restarted most. */
export function maxRestarts(pod: Pod): number {
  return Math.max(0, ...(pod.status?.containerStatuses ?? []).map((status) => status.restartCount));
}

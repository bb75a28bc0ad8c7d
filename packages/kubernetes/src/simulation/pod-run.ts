import type { ApiClient } from '../api/client.ts';
import type { Container, ContainerState, ContainerStatus, Pod, PodStatus } from '../objects.ts';

/** One pass of the kubelet over one pod: the status is changed here and written once at the end. */
export interface PodRun {
  readonly pod: Pod;
  readonly client: ApiClient;
  readonly status: PodStatus;
  readonly nowMs: number;
  readonly timeScale: number;
  /** When steps of this pod that take time are done; lost at a restart, then they begin anew. */
  readonly memory: Map<string, number>;
  readonly events: RunEvent[];
  /** ConfigMaps and Secrets that it waits for, `configmaps/ns/name`. */
  readonly waitsFor: Set<string>;
  wakeMs: number | undefined;
}

export interface RunEvent {
  type: 'Normal' | 'Warning';
  reason: string;
  message: string;
}

/** One container within a pass. */
export interface ContainerRun {
  readonly run: PodRun;
  readonly container: Container;
  readonly status: ContainerStatus;
  readonly isInit: boolean;
}

/**
 * Whether a step that takes `delayMs` is done. The first question starts it, at `sinceMs` or now; while it is not done
 * the pass plans to come back.
 */
export function isDue(run: PodRun, step: string, delay: { ms: number; sinceMs?: number }): boolean {
  let doneMs = run.memory.get(step);
  if (doneMs === undefined) {
    const since = delay.sinceMs ?? Number.NaN;
    // Stored times have whole seconds, so something that began within the last second began now.
    doneMs = (run.nowMs - since >= 1000 ? since : run.nowMs) + delay.ms;
    run.memory.set(step, doneMs);
  }
  if (doneMs > run.nowMs) {
    run.wakeMs = Math.min(run.wakeMs ?? Infinity, doneMs);
    return false;
  }
  return true;
}

/** Waiting for its first or next start. */
export function waitingReason(state: ContainerState): string | undefined {
  return state.waiting?.reason;
}

/** A status of a container that has not started. */
export function freshStatus(container: Container, reason: string): ContainerStatus {
  return {
    name: container.name,
    image: container.image ?? '',
    imageID: '',
    ready: false,
    started: false,
    restartCount: 0,
    state: { waiting: { reason } },
    lastState: {},
  };
}

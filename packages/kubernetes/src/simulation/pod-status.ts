import type { Condition, ContainerStatus, Pod, PodStatus } from '../objects.ts';
import { withCondition } from '../controllers/shared/conditions.ts';

/** Sets phase and conditions of a started pod from its containers, as the kubelet does (getPhase, GeneratePodReadyCondition …). */
export function deriveStatus(pod: Pod, status: PodStatus, nowMs: number): void {
  if (status.reason !== 'DeadlineExceeded') status.phase = phaseOf(pod, status);
  const done = status.phase === 'Succeeded' || status.phase === 'Failed';
  const reason = done ? (status.phase === 'Succeeded' ? 'PodCompleted' : 'PodFailed') : undefined;
  const initPending = (status.initContainerStatuses ?? [])
    .filter((item) => !isInitDone(pod, item))
    .map(({ name }) => name);
  const unready = (status.containerStatuses ?? []).filter(({ ready }) => !ready).map(({ name }) => name);
  const initialized: Condition =
    initPending.length === 0 || status.phase === 'Succeeded'
      ? {
          type: 'Initialized',
          status: 'True',
          ...(status.phase === 'Succeeded' && { reason: 'PodCompleted' }),
        }
      : no(
          'Initialized',
          'ContainersNotInitialized',
          `containers with incomplete status: [${initPending.join(' ')}]`,
        );
  const containersReady: Condition = reason
    ? { type: 'ContainersReady', status: 'False', reason }
    : unready.length === 0
      ? { type: 'ContainersReady', status: 'True' }
      : no('ContainersReady', 'ContainersNotReady', `containers with unready status: [${unready.join(' ')}]`);
  const sandbox: Condition = {
    type: 'PodReadyToStartContainers',
    status: done || !status.podIP ? 'False' : 'True',
  };
  let conditions = status.conditions ?? [];
  for (const condition of [
    sandbox,
    initialized,
    readyCondition(pod, conditions, containersReady),
    containersReady,
  ]) {
    const observedGeneration = pod.metadata.generation;
    const full = {
      ...condition,
      lastProbeTime: null,
      ...(observedGeneration !== undefined && { observedGeneration }),
    };
    conditions = withCondition(conditions, full, { nowMs });
  }
  status.conditions = conditions;
  if (pod.metadata.generation !== undefined) status.observedGeneration = pod.metadata.generation;
}

function readyCondition(pod: Pod, conditions: readonly Condition[], containersReady: Condition): Condition {
  if (containersReady.status !== 'True') return { ...containersReady, type: 'Ready' };
  const missing = (pod.spec.readinessGates ?? []).filter(
    ({ conditionType }) => conditions.find(({ type }) => type === conditionType)?.status !== 'True',
  );
  const [first] = missing;
  if (!first) return { type: 'Ready', status: 'True' };
  const messages = missing.map(
    ({ conditionType }) => `corresponding condition of pod readiness gate "${conditionType}" does not exist.`,
  );
  return no('Ready', 'ReadinessGatesNotReady', messages.join(', '));
}

function phaseOf(pod: Pod, status: PodStatus): NonNullable<PodStatus['phase']> {
  const policy = pod.spec.restartPolicy ?? 'Always';
  const init = status.initContainerStatuses ?? [];
  if (init.some((item) => failed(item) && !restarts(pod, item, policy))) return 'Failed';
  if (init.some((item) => !isInitDone(pod, item))) return 'Pending';
  const main = status.containerStatuses ?? [];
  if (main.some(({ state, lastState }) => state.waiting !== undefined && lastState.terminated === undefined))
    return 'Pending';
  if (main.some(({ state }) => state.running !== undefined || state.waiting !== undefined)) return 'Running';
  if (main.length === 0) return 'Pending';
  if (policy === 'Always') return 'Running';
  if (!main.some(failed)) return 'Succeeded';
  return policy === 'Never' ? 'Failed' : 'Running';
}

/** A sidecar has done its part once it started, any other init container once it ended with 0. */
export function isInitDone(pod: Pod, status: ContainerStatus): boolean {
  const container = pod.spec.initContainers?.find(({ name }) => name === status.name);
  if (container?.restartPolicy === 'Always')
    return status.started === true || status.state.terminated !== undefined;
  return status.state.terminated?.exitCode === 0;
}

function restarts(pod: Pod, status: ContainerStatus, policy: string): boolean {
  const own = pod.spec.initContainers?.find(({ name }) => name === status.name)?.restartPolicy;
  return (own ?? policy) !== 'Never';
}

function failed({ state }: ContainerStatus): boolean {
  return state.terminated !== undefined && state.terminated.exitCode !== 0;
}

function no(type: string, reason: string, message: string): Condition {
  return { type, status: 'False', reason, message };
}

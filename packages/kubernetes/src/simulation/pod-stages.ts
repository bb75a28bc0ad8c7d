import type { Container, ContainerStatus, PodStatus } from '../objects.ts';
import { parseTime, timestamp } from '../controllers/shared/times.ts';
import { advanceContainer, terminatedState } from './container-stages.ts';
import { freshStatus, isDue, type ContainerRun, type PodRun } from './pod-run.ts';
import { isInitDone } from './pod-status.ts';
import { missingVolume } from './references.ts';

export interface Addressing {
  hostIp: string;
  podIp(): string;
}

/** How long a container takes to stop after SIGTERM, in milliseconds. */
const STOP_MS = 200;

/** The pod arrives at its node: containers wait to be created. */
export function admit(run: PodRun, addressing: Addressing): void {
  const { status, pod } = run;
  if (status.startTime !== undefined) return;
  const init = pod.spec.initContainers ?? [];
  status.phase = 'Pending';
  status.startTime = timestamp(run.nowMs);
  status.hostIP = addressing.hostIp;
  status.hostIPs = [{ ip: addressing.hostIp }];
  status.qosClass ??= 'BestEffort';
  const reason = init.length > 0 ? 'PodInitializing' : 'ContainerCreating';
  if (init.length > 0)
    status.initContainerStatuses = init.map((container) => freshStatus(container, 'PodInitializing'));
  status.containerStatuses = pod.spec.containers.map((container) => freshStatus(container, reason));
}

/** Volumes, then init containers one after the other, then all containers. */
export function advance(run: PodRun, addressing: Addressing): void {
  if (isBeyondDeadline(run)) return failDeadline(run);
  if (!mountVolumes(run)) return;
  setAddress(
    run.status,
    run.pod.spec.hostNetwork ? addressing.hostIp : (run.status.podIP ?? addressing.podIp()),
  );
  if (!runInit(run)) return;
  for (const life of lives(run, 'main')) {
    if (life.status.state.waiting?.reason === 'PodInitializing')
      life.status.state = { waiting: { reason: 'ContainerCreating' } };
    advanceContainer(life);
  }
  stopSidecars(run);
}

/** Stops a pod that is being deleted; answers whether everything has stopped. */
export function stop(run: PodRun): boolean {
  const running = [...lives(run, 'init'), ...lives(run, 'main')].filter(({ status }) => status.state.running);
  if (running.length === 0 || run.pod.metadata.deletionGracePeriodSeconds === 0) return true;
  if (!run.memory.has('stop')) {
    for (const { container } of running) {
      run.events.push({ type: 'Normal', reason: 'Killing', message: `Stopping container ${container.name}` });
    }
  }
  if (!isDue(run, 'stop', { ms: STOP_MS * run.timeScale })) return false;
  for (const life of running) {
    life.status.state = { terminated: terminatedState(life, { exitCode: 0, reason: 'Completed' }) };
    life.status.ready = false;
    life.status.started = false;
  }
  return true;
}

function runInit(run: PodRun): boolean {
  for (const life of lives(run, 'init')) {
    const wasDone = isInitDone(run.pod, life.status);
    if (!wasDone || life.container.restartPolicy === 'Always') advanceContainer(life);
    if (!isInitDone(run.pod, life.status)) return false;
    if (life.container.restartPolicy !== 'Always') life.status.ready = true;
  }
  return true;
}

/** Sidecars end with the last of the other containers. */
function stopSidecars(run: PodRun): void {
  const policy = run.pod.spec.restartPolicy ?? 'Always';
  const main = run.status.containerStatuses ?? [];
  const over = main.every(
    ({ state }) =>
      state.terminated && (policy === 'Never' || (policy === 'OnFailure' && state.terminated.exitCode === 0)),
  );
  if (!over) return;
  for (const life of lives(run, 'init')) {
    if (!life.status.state.running) continue;
    life.status.state = { terminated: terminatedState(life, { exitCode: 0, reason: 'Completed' }) };
    life.status.ready = false;
    life.status.started = false;
  }
}

function mountVolumes(run: PodRun): boolean {
  if (run.status.podIP !== undefined) return true;
  const missing = missingVolume(run.client, run.pod);
  if (!missing) return true;
  run.waitsFor.add(missing.key);
  if (run.memory.has('mount-failed')) return false;
  run.memory.set('mount-failed', run.nowMs);
  const message = `MountVolume.SetUp failed for volume "${missing.volume}" : ${missing.message}`;
  run.events.push({ type: 'Warning', reason: 'FailedMount', message });
  return false;
}

function isBeyondDeadline(run: PodRun): boolean {
  const seconds = run.pod.spec.activeDeadlineSeconds;
  if (seconds === undefined) return false;
  return isDue(run, 'deadline', { ms: seconds * 1000, sinceMs: parseTime(run.status.startTime) });
}

function failDeadline(run: PodRun): void {
  const { status } = run;
  status.phase = 'Failed';
  status.reason = 'DeadlineExceeded';
  status.message = 'Pod was active on the node longer than the specified deadline';
  for (const life of [...lives(run, 'init'), ...lives(run, 'main')]) {
    if (life.status.state.terminated) continue;
    life.status.state = { terminated: terminatedState(life, { exitCode: 137, reason: 'Error' }) };
    life.status.ready = false;
    life.status.started = false;
  }
}

function setAddress(status: PodStatus, address: string): void {
  status.podIP = address;
  status.podIPs = [{ ip: address }];
}

function lives(run: PodRun, which: 'init' | 'main'): ContainerRun[] {
  const isInit = which === 'init';
  const containers: readonly Container[] =
    (isInit ? run.pod.spec.initContainers : run.pod.spec.containers) ?? [];
  const statuses: readonly ContainerStatus[] =
    (isInit ? run.status.initContainerStatuses : run.status.containerStatuses) ?? [];
  return containers.flatMap((container) => {
    const status = statuses.find(({ name }) => name === container.name);
    return status ? [{ run, container, status, isInit }] : [];
  });
}

import type { Terminated } from '../objects.ts';
import { parseTime, timestamp } from '../controllers/shared/times.ts';
import { readyAfterMs } from './behaviour.ts';
import {
  behaviour,
  creating,
  endOf,
  failedPull,
  isConfigurable,
  isCreating,
  isImageCorrected,
  isPulled,
  isStopped,
  missing,
  resolution,
  restarts,
} from './container-facts.ts';
import { isDue, waitingReason, type ContainerRun } from './pod-run.ts';

/** A step in the life of a container: applies to a state, takes some time, leads to another state. */
interface ContainerStage {
  name: string;
  applies(life: ContainerRun): boolean;
  /** Simulated delays are multiplied by the time scale, those of `real` stages are not. */
  delayMs(life: ContainerRun): number;
  real?: true;
  /** Nothing follows in the same pass. */
  stops?: true;
  /** When the delay began, if it is older than this pass. */
  sinceMs?(life: ContainerRun): number;
  next(life: ContainerRun): void;
}

/** Real time of an image pull and of a container start, in milliseconds. */
const PULL_MS = 200;
const START_MS = 100;
const PULL_BACKOFF_MS = 500;

/** Restart back-off of the kubelet: doubles from 10 s to 5 min; the first restart is immediate. */
const FIRST_BACKOFF_S = 10;
const LONGEST_BACKOFF_S = 300;

/** The life of a container as data; the first stage that applies is the next one. */
const STAGES: readonly ContainerStage[] = [
  {
    name: 'image-corrected',
    applies: isImageCorrected,
    delayMs: () => 0,
    next: ({ status }) => void (status.state = creating()),
  },
  {
    name: 'image-name',
    applies: (life) => isCreating(life) && resolution(life).kind === 'invalid',
    delayMs: () => 0,
    next: rejectName,
  },
  {
    name: 'pulling',
    applies: (life) => isCreating(life) && !isPulled(life) && !life.run.memory.has(stepId(life, 'pull')),
    delayMs: () => 0,
    next: announcePull,
  },
  {
    name: 'pull-fails',
    applies: (life) => isCreating(life) && failedPull(life) !== undefined,
    delayMs: () => PULL_MS,
    next: failPull,
  },
  {
    name: 'pull-back-off',
    applies: ({ status }) => waitingReason(status.state) === 'ErrImagePull',
    delayMs: () => PULL_BACKOFF_MS,
    next: backOffPull,
  },
  {
    name: 'pull',
    applies: (life) => isCreating(life) && !isPulled(life),
    delayMs: () => PULL_MS,
    next: finishPull,
  },
  {
    name: 'configure',
    applies: (life) => isConfigurable(life) && missing(life) !== undefined,
    delayMs: () => 0,
    next: failConfiguration,
    stops: true,
  },
  { name: 'start', applies: isConfigurable, delayMs: () => START_MS, next: start },
  {
    name: 'end',
    applies: (life) => life.status.state.running !== undefined && behaviour(life).kind === 'ends',
    delayMs: (life) => endOf(life).afterMs,
    sinceMs: ({ status }) => parseTime(status.state.running?.startedAt),
    next: end,
  },
  {
    name: 'restart',
    applies: (life) => isStopped(life) && restarts(life) && life.status.restartCount === 0,
    delayMs: () => 0,
    next: restart,
  },
  {
    name: 'crash-loop',
    applies: (life) => isStopped(life) && restarts(life),
    delayMs: () => 0,
    next: enterCrashLoop,
  },
  {
    name: 'restart-after-back-off',
    applies: ({ status }) => waitingReason(status.state) === 'CrashLoopBackOff',
    delayMs: ({ status }) => backOffSeconds(status.restartCount) * 1000,
    real: true,
    sinceMs: ({ status }) => parseTime(status.lastState.terminated?.finishedAt),
    next: restart,
  },
];

/** The stage that becomes ready is apart, as a container becomes ready and ends independently. */
const READY: ContainerStage = {
  name: 'ready',
  applies: (life) =>
    life.status.state.running !== undefined &&
    !life.status.ready &&
    readyAfterMs(life.run.pod, life.container) !== null,
  delayMs: (life) => readyAfterMs(life.run.pod, life.container) ?? 0,
  sinceMs: ({ status }) => parseTime(status.state.running?.startedAt),
  next: ({ status }) => {
    status.ready = true;
    status.started = true;
  },
};

/** Moves one container as far as its stages allow now. */
export function advanceContainer(life: ContainerRun): void {
  // Bounded, so that a stage that leads to itself shows as a stuck container and not as a stuck process.
  for (let step = 0; step < 32; step++) {
    const stage = STAGES.find((candidate) => candidate.applies(life));
    if (!stage || !isDone(life, stage)) break;
    stage.next(life);
    if (stage.stops) break;
  }
  if (!life.isInit || life.container.restartPolicy === 'Always') {
    if (READY.applies(life) && isDone(life, READY)) READY.next(life);
  }
}

/** What a container leaves when it is stopped from outside. */
export function terminatedState(life: ContainerRun, end: { exitCode: number; reason: string }): Terminated {
  const { status, run } = life;
  const now = timestamp(run.nowMs);
  return {
    ...end,
    startedAt: status.state.running?.startedAt ?? now,
    finishedAt: now,
    ...(status.containerID !== undefined && { containerID: status.containerID }),
  };
}

function isDone(life: ContainerRun, stage: ContainerStage): boolean {
  const { run } = life;
  const ms = stage.delayMs(life) * (stage.real ? 1 : run.timeScale);
  const sinceMs = stage.sinceMs?.(life);
  return isDue(run, stepId(life, stage.name), { ms, ...(sinceMs !== undefined && { sinceMs }) });
}

/** Steps are remembered per start of a container. */
function stepId({ container, status }: ContainerRun, stage: string): string {
  return `${container.name}#${status.restartCount}/${stage}`;
}

function rejectName(life: ContainerRun): void {
  const image = resolution(life);
  const message = image.kind === 'invalid' ? image.message : '';
  life.status.state = { waiting: { reason: 'InvalidImageName', message } };
  life.run.events.push(
    { type: 'Warning', reason: 'InspectFailed', message },
    { type: 'Warning', reason: 'Failed', message: 'Error: InvalidImageName' },
  );
}

function announcePull(life: ContainerRun): void {
  const { run, container } = life;
  // Marks the pull as begun; the stage that ends it waits for its own delay.
  run.memory.set(stepId(life, 'pull'), run.nowMs + PULL_MS * run.timeScale);
  if (failedPull(life) === undefined && container.imagePullPolicy === 'Never') return;
  run.events.push({ type: 'Normal', reason: 'Pulling', message: `Pulling image "${container.image ?? ''}"` });
}

function failPull(life: ContainerRun): void {
  const { run, container, status } = life;
  const message = failedPull(life) ?? '';
  status.state = { waiting: { reason: 'ErrImagePull', message } };
  run.events.push(
    {
      type: 'Warning',
      reason: 'Failed',
      message: `Failed to pull image "${container.image ?? ''}": ${message}`,
    },
    { type: 'Warning', reason: 'Failed', message: 'Error: ErrImagePull' },
  );
}

function backOffPull(life: ContainerRun): void {
  const { run, container, status } = life;
  const image = container.image ?? '';
  const message = `Back-off pulling image "${image}": ErrImagePull: ${failedPull(life) ?? ''}`;
  // Ends here: the answer could only change with the pod, and that wakes the kubelet.
  status.state = { waiting: { reason: 'ImagePullBackOff', message } };
  run.events.push(
    { type: 'Normal', reason: 'BackOff', message: `Back-off pulling image "${image}"` },
    { type: 'Warning', reason: 'Failed', message: 'Error: ImagePullBackOff' },
  );
}

function finishPull(life: ContainerRun): void {
  const { run, container, status } = life;
  const image = resolution(life);
  if (image.kind !== 'pulls') return;
  status.image = image.canonical;
  status.imageID = image.imageId;
  const name = container.image ?? '';
  const message =
    container.imagePullPolicy === 'Never'
      ? `Container image "${name}" already present on machine`
      : `Successfully pulled image "${name}" in ${PULL_MS}ms (${PULL_MS}ms including waiting, simulated).`;
  run.events.push({ type: 'Normal', reason: 'Pulled', message });
}

function failConfiguration(life: ContainerRun): void {
  const { run, status } = life;
  const reference = missing(life);
  if (!reference) return;
  run.waitsFor.add(reference.key);
  // Leaves the stage as it is when it already says so; the event is not repeated either.
  if (status.state.waiting?.message === reference.message) return;
  status.state = { waiting: { reason: 'CreateContainerConfigError', message: reference.message } };
  run.events.push({ type: 'Warning', reason: 'Failed', message: `Error: ${reference.message}` });
}

function start(life: ContainerRun): void {
  const { run, container, status } = life;
  status.state = { running: { startedAt: timestamp(run.nowMs) } };
  status.started = true;
  status.containerID = `simulated://${run.pod.metadata.uid}/${container.name}/${status.restartCount}`;
  run.events.push(
    { type: 'Normal', reason: 'Created', message: `Container created` },
    { type: 'Normal', reason: 'Started', message: `Container started` },
  );
}

function end(life: ContainerRun): void {
  const { exitCode, reason } = endOf(life);
  const { status } = life;
  status.state = { terminated: terminatedState(life, { exitCode, reason }) };
  status.ready = false;
  status.started = false;
}

function enterCrashLoop(life: ContainerRun): void {
  const { run, container, status } = life;
  const { pod } = run;
  const wait = backOffSeconds(status.restartCount);
  const text = wait >= 300 ? '5m0s' : wait >= 60 ? `${Math.floor(wait / 60)}m${wait % 60}s` : `${wait}s`;
  const subject = `container=${container.name} pod=${pod.metadata.name}_${pod.metadata.namespace ?? ''}(${pod.metadata.uid})`;
  status.lastState = status.state;
  status.state = {
    waiting: { reason: 'CrashLoopBackOff', message: `back-off ${text} restarting failed ${subject}` },
  };
  run.events.push({
    type: 'Warning',
    reason: 'BackOff',
    message: `Back-off restarting failed container ${container.name} in pod ${pod.metadata.name}_${pod.metadata.namespace ?? ''}(${pod.metadata.uid})`,
  });
}

function restart(life: ContainerRun): void {
  const { status } = life;
  if (status.state.terminated) status.lastState = status.state;
  status.state = creating();
  status.restartCount += 1;
}

function backOffSeconds(restartCount: number): number {
  return Math.min(LONGEST_BACKOFF_S, FIRST_BACKOFF_S * 2 ** Math.max(0, restartCount - 1));
}

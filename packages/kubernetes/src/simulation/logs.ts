import type { Clock } from '@hexabase/kernel/clock.ts';
import { StatusError } from '../api/status-error.ts';
import { sharedTimers, type Timers } from '../controllers/timers.ts';
import { isPod } from '../controllers/shared/pod-state.ts';
import { parseTime } from '../controllers/shared/times.ts';
import type { ContainerStatus, Pod, Terminated } from '../objects.ts';
import type { ClusterStore } from '../store/store.ts';
import type { KubeObject } from '../types.ts';
import { linesBetween, nextLineMs, type ContainerLife, type LogLine } from './log-lines.ts';

/** A request for the log of one container; the query is that of `pods/log` (PodLogOptions). */
export interface PodLogRequest {
  cluster: { readonly store: ClusterStore; readonly deps: { readonly clock: Clock } };
  pod: KubeObject;
  container: string;
  query: URLSearchParams;
  write(chunk: string): void;
  signal: AbortSignal;
  /** By default those shared by the process. */
  timers?: Timers;
}

const LINES_MAX = 10_000;

/**
 * Writes the simulated log of a container. With `follow` it ends when the container does, the pod goes, or the signal
 * aborts. Throws a `StatusError` (400) before anything is written when there is no log.
 */
export async function streamPodLog(request: PodLogRequest): Promise<void> {
  const { cluster, query } = request;
  const clock = cluster.deps.clock;
  if (!isPod(request.pod)) throw new StatusError(400, 'BadRequest', 'the object is not a pod');
  const life = lifeOf(request.pod, request.container, query.get('previous') === 'true');
  const print = printer(request);
  const nowMs = clock.now();
  const lines = linesBetween(life, { fromMs: sinceMs(query, nowMs), toMs: nowMs, max: tailLines(query) });
  for (const line of lines) if (!print(line)) return;
  if (query.get('follow') !== 'true' || life.end || request.signal.aborted) return;
  await follow(request, { life, sinceMs: nowMs, print });
}

interface Following {
  life: ContainerLife;
  sinceMs: number;
  print(line: LogLine): boolean;
}

function follow(request: PodLogRequest, { life, sinceMs: start, print }: Following): Promise<void> {
  const { cluster, signal } = request;
  const clock = cluster.deps.clock;
  const timers = request.timers ?? sharedTimers(clock);
  return new Promise((resolve) => {
    let printedMs = start;
    let cancel: () => void = () => undefined;
    const stop = (): void => {
      cancel();
      unsubscribe();
      signal.removeEventListener('abort', stop);
      resolve();
    };
    const catchUp = (current: ContainerLife, toMs: number): boolean => {
      const lines = linesBetween(current, { fromMs: printedMs + 1, toMs, max: LINES_MAX });
      printedMs = Math.max(printedMs, toMs);
      return lines.every(print);
    };
    const plan = (): void => {
      const nextMs = nextLineMs(life, printedMs);
      if (nextMs === undefined) return;
      cancel = timers.at(nextMs, () => {
        if (catchUp(life, clock.now())) plan();
        else stop();
      });
    };
    const unsubscribe = cluster.store.subscribe('/pods', ({ type, object }) => {
      if (object.metadata.uid !== life.pod.metadata.uid) return;
      const ended = isPod(object) ? endedLife(object, life) : undefined;
      if (ended) catchUp(ended, Infinity);
      if (ended || type === 'DELETED') stop();
    });
    signal.addEventListener('abort', stop);
    plan();
  });
}

/** The same run, once its pod says that it is over. */
function endedLife(pod: Pod, life: ContainerLife): ContainerLife | undefined {
  const status = statusOf(pod, life.container.name);
  if (status?.state.running) return undefined;
  const terminated = status?.state.terminated ?? status?.lastState.terminated;
  return terminated ? { ...life, end: endOf(terminated) } : undefined;
}

function lifeOf(pod: Pod, name: string, previous: boolean): ContainerLife {
  const init = pod.spec.initContainers?.find((container) => container.name === name);
  const container = init ?? pod.spec.containers.find((candidate) => candidate.name === name);
  if (!container) throw bad(`container ${name} is not valid for pod ${pod.metadata.name}`);
  const status = statusOf(pod, name);
  const base = { pod, container, isInit: init !== undefined };
  if (previous) {
    const last = status?.lastState.terminated;
    if (!last) throw bad(`previous terminated container "${name}" in pod "${pod.metadata.name}" not found`);
    return { ...base, startMs: parseTime(last.startedAt), end: endOf(last) };
  }
  if (status?.state.running) return { ...base, startMs: parseTime(status.state.running.startedAt) };
  const terminated = status?.state.terminated ?? status?.lastState.terminated;
  if (terminated) return { ...base, startMs: parseTime(terminated.startedAt), end: endOf(terminated) };
  throw bad(`container "${name}" in pod "${pod.metadata.name}" is waiting to start: ${waitingText(status)}`);
}

function waitingText(status: ContainerStatus | undefined): string {
  const reason = status?.state.waiting?.reason ?? 'ContainerCreating';
  if (reason === 'ErrImagePull' || reason === 'ImagePullBackOff') return 'trying and failing to pull image';
  return reason;
}

function statusOf(pod: Pod, name: string): ContainerStatus | undefined {
  return [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])].find(
    (status) => status.name === name,
  );
}

function endOf({ finishedAt, exitCode, reason }: Terminated): {
  atMs: number;
  exitCode: number;
  reason: string;
} {
  return { atMs: parseTime(finishedAt), exitCode, reason };
}

function sinceMs(query: URLSearchParams, nowMs: number): number {
  const seconds = Number(query.get('sinceSeconds') ?? Number.NaN);
  if (Number.isFinite(seconds)) return nowMs - seconds * 1000;
  const time = Date.parse(query.get('sinceTime') ?? '');
  return Number.isNaN(time) ? 0 : time;
}

function tailLines(query: URLSearchParams): number {
  const lines = Number.parseInt(query.get('tailLines') ?? '', 10);
  return Number.isNaN(lines) || lines < 0 ? LINES_MAX : Math.min(lines, LINES_MAX);
}

/** Writes lines as the options say; answers false once `limitBytes` is reached. */
function printer({ query, write }: PodLogRequest): (line: LogLine) => boolean {
  const withTimes = query.get('timestamps') === 'true';
  const limit = Number.parseInt(query.get('limitBytes') ?? '', 10);
  let left = Number.isNaN(limit) ? Infinity : limit;
  return ({ atMs, text }) => {
    const line = `${withTimes ? `${new Date(atMs).toISOString().replace('Z', '000000Z')} ` : ''}${text}\n`;
    const bytes = Buffer.from(line, 'utf8');
    write(bytes.length <= left ? line : bytes.subarray(0, left).toString('utf8'));
    left -= bytes.length;
    return left > 0;
  };
}

function bad(message: string): StatusError {
  return new StatusError(400, 'BadRequest', message);
}

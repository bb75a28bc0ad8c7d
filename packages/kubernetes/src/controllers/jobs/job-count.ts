import type { Pod } from '../../objects.ts';
import type { Job, PodFailureRule } from '../../objects-workloads.ts';
import type { Context } from '../controller.ts';
import { isActive, isFinished, isReady } from '../shared/pod-state.ts';
import { parseTime } from '../shared/times.ts';
import { indexOf, parseIndexes } from './indexes.ts';

/** Where a Job stands, from its status and its pods. */
export interface JobCount {
  active: Pod[];
  terminating: number;
  ready: number;
  succeeded: number;
  failed: number;
  completedIndexes: Set<number>;
  failedIndexes: Set<number>;
  /** When the last pod failed, milliseconds since the epoch; 0 for never. */
  lastFailureMs: number;
  /** A pod failed in a way that `podFailurePolicy` answers with failing the Job. */
  fatal: string | undefined;
}

/** Finished pods that the status already counts, by Job: a pod may be deleted after it was counted. */
const counted = new WeakMap<Context, Map<string, Set<string>>>();

export function forgetJob(context: Context, jobUid: string): void {
  counted.get(context)?.delete(jobUid);
}

export function countJob(context: Context, job: Job, pods: readonly Pod[]): JobCount {
  const known = countedPods(context, job, pods);
  const indexed = job.spec.completionMode === 'Indexed';
  const completedIndexes = parseIndexes(job.status?.completedIndexes);
  const failedIndexes = parseIndexes(job.status?.failedIndexes);
  let { succeeded = 0, failed = 0 } = job.status ?? {};
  let fatal: string | undefined;
  let lastFailureMs = 0;
  for (const pod of pods) {
    if (!isFinished(pod)) continue;
    const isNew = !known.has(pod.metadata.uid);
    known.add(pod.metadata.uid);
    if (pod.status?.phase === 'Succeeded') {
      const index = indexOf(pod);
      if (indexed && index !== undefined && index < (job.spec.completions ?? 0)) completedIndexes.add(index);
      if (isNew) succeeded++;
      continue;
    }
    lastFailureMs = Math.max(lastFailureMs, finishedMs(pod));
    const rule = failureRule(job, pod);
    if (rule?.action === 'FailJob') fatal ??= rule.message;
    if (rule?.action === 'FailIndex') noteFailedIndex(failedIndexes, pod);
    if (isNew && rule?.action !== 'Ignore') failed++;
  }
  notePerIndexLimit(job, pods, failedIndexes);
  const active = pods.filter(isActive);
  return {
    active,
    terminating: pods.filter((pod) => pod.metadata.deletionTimestamp && !isFinished(pod)).length,
    ready: active.filter(isReady).length,
    succeeded: indexed ? completedIndexes.size : succeeded,
    failed,
    completedIndexes,
    failedIndexes: new Set([...failedIndexes].filter((index) => !completedIndexes.has(index))),
    lastFailureMs,
    fatal,
  };
}

/** After a restart, finished pods are taken as counted as far as the status has counted any. */
function countedPods(context: Context, job: Job, pods: readonly Pod[]): Set<string> {
  let jobs = counted.get(context);
  if (!jobs) {
    jobs = new Map();
    counted.set(context, jobs);
  }
  const known = jobs.get(job.metadata.uid);
  if (known) return known;
  const seeded = new Set<string>();
  for (const [phase, count] of [
    ['Succeeded', job.status?.succeeded ?? 0] as const,
    ['Failed', job.status?.failed ?? 0] as const,
  ]) {
    const finished = pods
      .filter((pod) => pod.status?.phase === phase)
      .sort((a, b) => finishedMs(a) - finishedMs(b));
    for (const pod of finished.slice(0, count)) seeded.add(pod.metadata.uid);
  }
  jobs.set(job.metadata.uid, seeded);
  return seeded;
}

/** When the last container of a finished pod ended; milliseconds since the epoch. */
export function finishedMs(pod: Pod): number {
  const times = (pod.status?.containerStatuses ?? []).map(({ state }) =>
    parseTime(state.terminated?.finishedAt),
  );
  const known = times.filter((time) => !Number.isNaN(time));
  return known.length > 0 ? Math.max(...known) : Date.parse(pod.metadata.creationTimestamp);
}

function noteFailedIndex(failedIndexes: Set<number>, pod: Pod): void {
  const index = indexOf(pod);
  if (index !== undefined) failedIndexes.add(index);
}

function notePerIndexLimit(job: Job, pods: readonly Pod[], failedIndexes: Set<number>): void {
  const limit = job.spec.backoffLimitPerIndex;
  if (limit === undefined) return;
  const failures = new Map<number, number>();
  for (const pod of pods) {
    const index = indexOf(pod);
    if (pod.status?.phase !== 'Failed' || index === undefined) continue;
    failures.set(index, (failures.get(index) ?? 0) + 1);
  }
  for (const [index, count] of failures) if (count > limit) failedIndexes.add(index);
}

/** The first rule of `podFailurePolicy` that a failed pod meets. */
function failureRule(job: Job, pod: Pod): { action: string; message: string } | undefined {
  for (const [at, rule] of (job.spec.podFailurePolicy?.rules ?? []).entries()) {
    const message = ruleMessage(rule, pod);
    if (message !== undefined)
      return { action: rule.action, message: `${message} matching ${rule.action} rule at index ${at}` };
  }
  return undefined;
}

function ruleMessage(rule: PodFailureRule, pod: Pod): string | undefined {
  const subject = `pod ${pod.metadata.namespace ?? ''}/${pod.metadata.name}`;
  const { onExitCodes, onPodConditions } = rule;
  if (onExitCodes) {
    const statuses = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])];
    const hit = statuses.find(({ name, state }) => {
      const code = state.terminated?.exitCode ?? 0;
      if (code === 0 || (onExitCodes.containerName && onExitCodes.containerName !== name)) return false;
      return onExitCodes.values.includes(code) === (onExitCodes.operator === 'In');
    });
    if (hit)
      return `Container ${hit.name} for ${subject} failed with exit code ${hit.state.terminated?.exitCode ?? 0}`;
  }
  const condition = onPodConditions?.find(({ type, status }) =>
    pod.status?.conditions?.some((current) => current.type === type && current.status === (status ?? 'True')),
  );
  return condition ? `Pod ${subject.slice(4)} has condition ${condition.type}` : undefined;
}

import type { Pod } from '../../objects.ts';
import type { Job } from '../../objects-workloads.ts';
import { findCondition } from '../shared/conditions.ts';
import { parseTime } from '../shared/times.ts';
import { parseIndexes } from './indexes.ts';
import type { JobCount } from './job-count.ts';

export interface Outcome {
  kind: 'complete' | 'failed';
  reason: string;
  message: string;
}

/** Complete or Failed. */
export function isJobFinished(job: Job): boolean {
  return ['Complete', 'Failed'].some(
    (type) => findCondition(job.status?.conditions, type)?.status === 'True',
  );
}

/** Whether a Job has reached its end, and why; an end once announced (FailureTarget, SuccessCriteriaMet) stays. */
export function outcomeOf(job: Job, count: JobCount, nowMs: number): Outcome | undefined {
  return announced(job) ?? failure(job, count, nowMs) ?? success(job, count);
}

function announced(job: Job): Outcome | undefined {
  const conditions = job.status?.conditions;
  const met = findCondition(conditions, 'SuccessCriteriaMet');
  if (met?.status === 'True')
    return { kind: 'complete', reason: met.reason ?? '', message: met.message ?? '' };
  const target = findCondition(conditions, 'FailureTarget');
  return target?.status === 'True'
    ? { kind: 'failed', reason: target.reason ?? '', message: target.message ?? '' }
    : undefined;
}

function failure(job: Job, count: JobCount, nowMs: number): Outcome | undefined {
  const { spec } = job;
  if (count.fatal !== undefined) return failed('PodFailurePolicy', count.fatal);
  if (count.failed > (spec.backoffLimit ?? 6) && spec.backoffLimitPerIndex === undefined)
    return backoffLimit();
  if (
    spec.template.spec.restartPolicy === 'OnFailure' &&
    restarts(count.active) > 0 &&
    restarts(count.active) >= (spec.backoffLimit ?? 6)
  ) {
    return backoffLimit();
  }
  const leftMs = deadlineLeftMs(job, nowMs);
  if (leftMs !== undefined && leftMs <= 0)
    return failed('DeadlineExceeded', 'Job was active longer than specified deadline');
  if (spec.maxFailedIndexes !== undefined && count.failedIndexes.size > spec.maxFailedIndexes) {
    return failed(
      'MaxFailedIndexesExceeded',
      'Job has exceeded the specified maximal number of failed indexes',
    );
  }
  const tried = count.completedIndexes.size + count.failedIndexes.size;
  if (count.failedIndexes.size > 0 && tried >= (spec.completions ?? 0) && count.active.length === 0) {
    return failed('FailedIndexes', 'Job has failed indexes');
  }
  return undefined;
}

/** Milliseconds until `activeDeadlineSeconds` is over. */
export function deadlineLeftMs(job: Job, nowMs: number): number | undefined {
  const seconds = job.spec.activeDeadlineSeconds;
  if (seconds === undefined || job.spec.suspend || job.status?.startTime === undefined) return undefined;
  return parseTime(job.status.startTime) + seconds * 1000 - nowMs;
}

function success(job: Job, count: JobCount): Outcome | undefined {
  const { completions, successPolicy } = job.spec;
  const rule = (successPolicy?.rules ?? []).findIndex(({ succeededIndexes, succeededCount }) => {
    const wanted = succeededIndexes === undefined ? undefined : parseIndexes(succeededIndexes);
    const hits = wanted
      ? [...wanted].filter((index) => count.completedIndexes.has(index)).length
      : count.completedIndexes.size;
    return hits >= (succeededCount ?? wanted?.size ?? Infinity);
  });
  if (rule >= 0)
    return { kind: 'complete', reason: 'SuccessPolicy', message: `Matched rules at index ${rule}` };
  const done =
    completions === undefined
      ? count.succeeded > 0 && count.active.length === 0
      : count.succeeded >= completions;
  return done
    ? { kind: 'complete', reason: 'CompletionsReached', message: 'Reached expected number of succeeded pods' }
    : undefined;
}

function backoffLimit(): Outcome {
  return failed('BackoffLimitExceeded', 'Job has reached the specified backoff limit');
}

function failed(reason: string, message: string): Outcome {
  return { kind: 'failed', reason, message };
}

function restarts(pods: readonly Pod[]): number {
  const statuses = pods.flatMap(({ status }) => [
    ...(status?.containerStatuses ?? []),
    ...(status?.initContainerStatuses ?? []),
  ]);
  return statuses.reduce((sum, { restartCount }) => sum + restartCount, 0);
}

import type { Condition, Pod } from '../../objects.ts';
import type { Job, JobStatus } from '../../objects-workloads.ts';
import {
  keyOf,
  parseKey,
  refOf,
  watchOwned,
  watchSelf,
  type Context,
  type Controller,
} from '../controller.ts';
import type { Requeue } from '../queue.ts';
import { claimOwned } from '../shared/claim.ts';
import { findCondition, withCondition } from '../shared/conditions.ts';
import { sameValue } from '../shared/hash.ts';
import { controllerOf } from '../shared/owners.ts';
import { isActive } from '../shared/pod-state.ts';
import { isNamespaceTerminating } from '../shared/pods.ts';
import { isEmptySelector, selects } from '../shared/selectors.ts';
import { parseTime, timestamp } from '../shared/times.ts';
import { formatIndexes } from './indexes.ts';
import { countJob, forgetJob, type JobCount } from './job-count.ts';
import { deadlineLeftMs, isJobFinished, outcomeOf, type Outcome } from './job-outcome.ts';
import { deleteJobPods, JOB_COMPONENT, manageJobPods } from './job-pods.ts';

/** Runs pods to completion. Pods are counted when they end; a count does not shrink when a counted pod is deleted. */
export const jobController: Controller = {
  name: 'job',
  watches: [
    watchSelf('batch/jobs'),
    watchOwned('/pods', 'Job'),
    {
      resource: '/pods',
      keys: ({ object, deleted }, { client }) =>
        deleted || controllerOf(object)
          ? []
          : client
              .list<Job>('batch/jobs', { namespace: object.metadata.namespace ?? '' })
              .filter((job) => selects(job.spec.selector, object.metadata.labels))
              .map(keyOf),
    },
    {
      resource: 'batch/jobs',
      keys: ({ object, deleted }, context) => {
        if (deleted) forgetJob(context, object.metadata.uid);
        return [];
      },
    },
  ],
  async reconcile(key, context) {
    const { namespace, name } = parseKey(key);
    const job = context.client.get<Job>('batch/jobs', namespace, name);
    const { managedBy = 'kubernetes.io/job-controller', selector } = job?.spec ?? {};
    if (!job || managedBy !== 'kubernetes.io/job-controller' || isEmptySelector(selector)) return;
    const pods = await claimOwned<Pod>(context, {
      resource: '/pods',
      owner: job,
      matches: (labels) => selects(selector, labels),
    });
    if (isJobFinished(job)) return deleteJobPods(context, job, pods.filter(isActive));
    return reconcileJob(context, job, pods);
  },
};

async function reconcileJob(context: Context, job: Job, pods: readonly Pod[]): Promise<Requeue | void> {
  const nowMs = context.clock.now();
  const count = countJob(context, job, pods);
  const outcome = outcomeOf(job, count, nowMs);
  if (job.metadata.deletionTimestamp) return writeStatus(context, job, { count, outcome: undefined });
  let requeue: Requeue | undefined;
  let failure: unknown;
  if (outcome || job.spec.suspend) {
    await deleteJobPods(context, job, count.active);
    count.terminating += count.active.length;
    count.active = [];
    count.ready = 0;
  } else {
    try {
      requeue = (await manageJobPods(context, job, count)).requeue;
    } catch (error) {
      failure = error;
    }
  }
  await writeStatus(context, job, { count, outcome });
  if (failure !== undefined && !isNamespaceTerminating(failure)) throw failure;
  const deadlineMs = outcome
    ? undefined
    : deadlineLeftMs(job.status?.startTime ? job : started(job, nowMs), nowMs);
  const waits = [requeue?.afterMs, deadlineMs].filter((ms) => ms !== undefined);
  return waits.length > 0 ? { afterMs: Math.max(1, Math.min(...waits)) } : undefined;
}

function started(job: Job, nowMs: number): Job {
  return { ...job, status: { ...job.status, startTime: timestamp(nowMs) } };
}

async function writeStatus(
  context: Context,
  job: Job,
  result: { count: JobCount; outcome: Outcome | undefined },
): Promise<void> {
  const nowMs = context.clock.now();
  const news: Condition[] = [];
  await context.client.updateStatus<Job>('batch/jobs', refOf(job), (current) => {
    news.length = 0;
    const next = nextStatus(current, { ...result, nowMs });
    if (current.metadata.uid !== job.metadata.uid || sameValue(next, current.status ?? {})) return false;
    for (const condition of next.conditions ?? []) {
      const before = findCondition(current.status?.conditions, condition.type);
      if (before?.status !== condition.status) news.push(condition);
    }
    current.status = next;
    return true;
  });
  for (const condition of news) await announce(context, job, condition);
}

function nextStatus(
  job: Job,
  { count, outcome, nowMs }: { count: JobCount; outcome: Outcome | undefined; nowMs: number },
): JobStatus {
  const { spec, status = {} } = job;
  const isIndexed = spec.completionMode === 'Indexed';
  const next: JobStatus = {
    ...status,
    ready: count.ready,
    terminating: count.terminating,
    uncountedTerminatedPods: {},
  };
  assign(next, 'active', count.active.length);
  assign(next, 'succeeded', count.succeeded);
  assign(next, 'failed', count.failed);
  if (isIndexed && count.completedIndexes.size > 0)
    next.completedIndexes = formatIndexes(count.completedIndexes);
  if (isIndexed && spec.backoffLimitPerIndex !== undefined)
    next.failedIndexes = formatIndexes(count.failedIndexes);
  if (outcome) applyOutcome(next, { outcome, nowMs, isQuiet: count.active.length + count.terminating === 0 });
  else applySuspension(next, job, nowMs);
  return next;
}

/** The end is announced at once and becomes final when the last pod has stopped. */
function applyOutcome(
  next: JobStatus,
  { outcome, nowMs, isQuiet }: { outcome: Outcome; nowMs: number; isQuiet: boolean },
): void {
  const { kind, reason, message } = outcome;
  const set = (type: string): void => {
    const condition: Condition = { type, status: 'True', reason, message, lastProbeTime: timestamp(nowMs) };
    if (!findCondition(next.conditions, type))
      next.conditions = withCondition(next.conditions, condition, { nowMs });
  };
  set(kind === 'complete' ? 'SuccessCriteriaMet' : 'FailureTarget');
  if (!isQuiet) return;
  set(kind === 'complete' ? 'Complete' : 'Failed');
  if (kind === 'complete') next.completionTime ??= timestamp(nowMs);
}

function applySuspension(next: JobStatus, job: Job, nowMs: number): void {
  const current = findCondition(next.conditions, 'Suspended');
  const lastProbeTime = timestamp(nowMs);
  if (job.spec.suspend) {
    const condition: Condition = {
      type: 'Suspended',
      status: 'True',
      reason: 'JobSuspended',
      message: 'Job suspended',
      lastProbeTime,
    };
    if (current?.status !== 'True') next.conditions = withCondition(next.conditions, condition, { nowMs });
    delete next.startTime;
    return;
  }
  if (current?.status === 'True') {
    const condition: Condition = {
      type: 'Suspended',
      status: 'False',
      reason: 'JobResumed',
      message: 'Job resumed',
      lastProbeTime,
    };
    next.conditions = withCondition(next.conditions, condition, { nowMs });
    next.startTime = lastProbeTime;
  }
  next.startTime ??= lastProbeTime;
}

async function announce(context: Context, job: Job, condition: Condition): Promise<void> {
  const { type, status, reason = '', message = '' } = condition;
  const tell = (event: { type: 'Normal' | 'Warning'; reason: string; message: string }) =>
    context.client.event(job, { ...event, component: JOB_COMPONENT });
  if (type === 'Complete') await tell({ type: 'Normal', reason: 'Completed', message: 'Job completed' });
  if (type === 'Failed') await tell({ type: 'Warning', reason, message });
  if (type === 'Suspended')
    await tell({ type: 'Normal', reason: status === 'True' ? 'Suspended' : 'Resumed', message });
}

/** Counters that are zero are left out, as Go's `omitempty` does. */
function assign(status: JobStatus, field: 'active' | 'succeeded' | 'failed', value: number): void {
  if (value > 0) status[field] = value;
  else delete status[field];
}

/** Deletes finished Jobs with `ttlSecondsAfterFinished` when their time is over. */
export const ttlController: Controller = {
  name: 'ttl-after-finished',
  watches: [watchSelf('batch/jobs')],
  async reconcile(key, context): Promise<Requeue | void> {
    const { namespace, name } = parseKey(key);
    const job = context.client.get<Job>('batch/jobs', namespace, name);
    const seconds = job?.spec.ttlSecondsAfterFinished;
    if (!job || seconds === undefined || job.metadata.deletionTimestamp || !isJobFinished(job)) return;
    const end = (job.status?.conditions ?? []).find(
      ({ type, status }) => status === 'True' && (type === 'Complete' || type === 'Failed'),
    );
    const leftMs = parseTime(end?.lastTransitionTime) + seconds * 1000 - context.clock.now();
    if (leftMs > 0) return { afterMs: leftMs };
    await context.client.delete('batch/jobs', refOf(job), {
      uid: job.metadata.uid,
      propagationPolicy: 'Foreground',
    });
  },
};

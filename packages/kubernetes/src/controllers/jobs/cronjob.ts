import type { CronJob, Job } from '../../objects-workloads.ts';
import { parseKey, refOf, watchOwned, watchSelf, type Context, type Controller } from '../controller.ts';
import type { Requeue } from '../queue.ts';
import { findCondition } from '../shared/conditions.ts';
import { sameValue } from '../shared/hash.ts';
import { controllerReference, isControlledBy } from '../shared/owners.ts';
import { isNamespaceTerminating, isStatus } from '../shared/pods.ts';
import { parseTime, timestamp } from '../shared/times.ts';
import { isJobFinished } from './job-outcome.ts';
import { latestMissed, parseSchedule, type Schedule } from './schedule.ts';

const COMPONENT = 'cronjob-controller';
const MANY_MISSED = 100;

/** Creates Jobs on a schedule. Several missed runs are made up for by one, the newest. */
export const cronJobController: Controller = {
  name: 'cronjob',
  watches: [watchSelf('batch/cronjobs'), watchOwned('batch/jobs', 'CronJob')],
  async reconcile(key, context): Promise<Requeue | void> {
    const { namespace, name } = parseKey(key);
    const cronJob = context.client.get<CronJob>('batch/cronjobs', namespace, name);
    if (!cronJob) return;
    const jobs = context.client.store
      .dependents(cronJob.metadata.uid)
      .filter((job) => isControlledBy(job, cronJob))
      .flatMap(({ metadata }) => context.client.get<Job>('batch/jobs', namespace, metadata.name) ?? []);
    await writeStatus(context, cronJob, { jobs });
    await removeHistory(context, cronJob, jobs);
    if (cronJob.metadata.deletionTimestamp || cronJob.spec.suspend) return;
    const schedule = parseSchedule(cronJob.spec.schedule, cronJob.spec.timeZone);
    if (!schedule)
      return warn(context, cronJob, {
        reason: 'UnparseableSchedule',
        message: `unparseable schedule: "${cronJob.spec.schedule}"`,
      });
    await runIfDue(context, cronJob, { schedule, jobs });
    const nowMs = context.clock.now();
    const nextMs = schedule.next(nowMs);
    return nextMs === undefined ? undefined : { afterMs: Math.max(1, nextMs - nowMs) };
  },
};

async function runIfDue(
  context: Context,
  cronJob: CronJob,
  { schedule, jobs }: { schedule: Schedule; jobs: readonly Job[] },
): Promise<void> {
  const nowMs = context.clock.now();
  const { spec, status } = cronJob;
  const deadlineMs =
    spec.startingDeadlineSeconds === undefined ? undefined : spec.startingDeadlineSeconds * 1000;
  const lastMs = status?.lastScheduleTime
    ? parseTime(status.lastScheduleTime)
    : Date.parse(cronJob.metadata.creationTimestamp);
  const { atMs, missed } = latestMissed(
    schedule,
    deadlineMs === undefined ? lastMs : Math.max(lastMs, nowMs - deadlineMs),
    nowMs,
  );
  if (atMs === undefined) return;
  if (missed >= MANY_MISSED) {
    const advice = 'Set or decrease .spec.startingDeadlineSeconds or check clock skew';
    await warn(context, cronJob, {
      reason: 'TooManyMissedTimes',
      message: `too many missed start times. ${advice}`,
    });
  }
  const active = jobs.filter((job) => !isJobFinished(job));
  if (spec.concurrencyPolicy === 'Forbid' && active.length > 0) {
    const message = 'Not starting job because prior execution is running and concurrency policy is Forbid';
    return context.client.event(cronJob, {
      type: 'Normal',
      reason: 'JobAlreadyActive',
      message,
      component: COMPONENT,
    });
  }
  if (spec.concurrencyPolicy === 'Replace') for (const job of active) await removeJob(context, cronJob, job);
  await startJob(context, cronJob, atMs);
}

async function startJob(context: Context, cronJob: CronJob, atMs: number): Promise<void> {
  const { jobTemplate } = cronJob.spec;
  const name = `${cronJob.metadata.name}-${Math.floor(atMs / 60_000)}`;
  const namespace = cronJob.metadata.namespace ?? '';
  let job: Job | undefined;
  try {
    job = await context.client.create<Job>('batch/jobs', {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: {
        name,
        namespace,
        labels: { ...jobTemplate.metadata?.labels },
        annotations: {
          ...jobTemplate.metadata?.annotations,
          'batch.kubernetes.io/cronjob-scheduled-timestamp': timestamp(atMs),
        },
        ownerReferences: [controllerReference(cronJob)],
      },
      spec: structuredClone(jobTemplate.spec),
    });
    await context.client.event(cronJob, {
      type: 'Normal',
      reason: 'SuccessfulCreate',
      message: `Created job ${name}`,
      component: COMPONENT,
    });
  } catch (error) {
    if (isNamespaceTerminating(error)) return;
    if (!isStatus(error, 'AlreadyExists')) {
      await warn(context, cronJob, {
        reason: 'FailedCreate',
        message: `Error creating job: ${error instanceof Error ? error.message : String(error)}`,
      });
      throw error;
    }
    job = context.client.get<Job>('batch/jobs', namespace, name);
  }
  await writeStatus(context, cronJob, {
    scheduledMs: atMs,
    ...(job && isControlledBy(job, cronJob) && { started: job }),
  });
}

interface StatusNews {
  jobs?: readonly Job[];
  started?: Job;
  scheduledMs?: number;
}

async function writeStatus(
  context: Context,
  cronJob: CronJob,
  { jobs, started, scheduledMs }: StatusNews,
): Promise<void> {
  await context.client.updateStatus<CronJob>('batch/cronjobs', refOf(cronJob), (current) => {
    const next = { ...current.status };
    if (jobs) {
      next.active = jobs.filter((job) => !isJobFinished(job)).map(reference);
      const ends = jobs
        .filter((job) => findCondition(job.status?.conditions, 'Complete')?.status === 'True')
        .map((job) => parseTime(job.status?.completionTime));
      const last = Math.max(
        parseTime(next.lastSuccessfulTime) || 0,
        ...ends.filter((ms) => !Number.isNaN(ms)),
      );
      if (last > 0) next.lastSuccessfulTime = timestamp(last);
    }
    if (started)
      next.active = [
        ...(next.active ?? []).filter(({ uid }) => uid !== started.metadata.uid),
        reference(started),
      ];
    if (scheduledMs !== undefined) next.lastScheduleTime = timestamp(scheduledMs);
    if (next.active?.length === 0) delete next.active;
    if (sameValue(next, current.status ?? {})) return false;
    current.status = next;
    return true;
  });
}

function reference({ apiVersion, kind, metadata }: Job) {
  return { apiVersion, kind, name: metadata.name, namespace: metadata.namespace ?? '', uid: metadata.uid };
}

async function removeHistory(context: Context, cronJob: CronJob, jobs: readonly Job[]): Promise<void> {
  const { successfulJobsHistoryLimit = 3, failedJobsHistoryLimit = 1 } = cronJob.spec;
  for (const [type, limit] of [
    ['Complete', successfulJobsHistoryLimit] as const,
    ['Failed', failedJobsHistoryLimit] as const,
  ]) {
    const finished = jobs
      .filter(
        (job) =>
          !job.metadata.deletionTimestamp && findCondition(job.status?.conditions, type)?.status === 'True',
      )
      .sort(
        (a, b) =>
          parseTime(a.status?.startTime) - parseTime(b.status?.startTime) ||
          (a.metadata.name < b.metadata.name ? -1 : 1),
      );
    for (const job of finished.slice(0, Math.max(0, finished.length - limit)))
      await removeJob(context, cronJob, job);
  }
}

async function removeJob(context: Context, cronJob: CronJob, job: Job): Promise<void> {
  await context.client.delete('batch/jobs', refOf(job), {
    uid: job.metadata.uid,
    propagationPolicy: 'Background',
  });
  await context.client.event(cronJob, {
    type: 'Normal',
    reason: 'SuccessfulDelete',
    message: `Deleted job ${job.metadata.name}`,
    component: COMPONENT,
  });
}

async function warn(
  context: Context,
  cronJob: CronJob,
  { reason, message }: { reason: string; message: string },
): Promise<void> {
  await context.client.event(cronJob, { type: 'Warning', reason, message, component: COMPONENT });
}

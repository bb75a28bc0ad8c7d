import type { Pod } from '../../objects.ts';
import type { Job } from '../../objects-workloads.ts';
import type { Context } from '../controller.ts';
import type { Requeue } from '../queue.ts';
import { createPod, deletePod } from '../shared/pods.ts';
import { isReady } from '../shared/pod-state.ts';
import { slowStart } from '../workloads/replicas.ts';
import { INDEX_KEY, indexOf } from './indexes.ts';
import type { JobCount } from './job-count.ts';

export const JOB_COMPONENT = 'job-controller';

const FIRST_BACKOFF_MS = 10_000;
const LONGEST_BACKOFF_MS = 600_000;

/** Creates or deletes pods towards `parallelism`. After failures new pods wait, twice as long each time. */
export async function manageJobPods(
  context: Context,
  job: Job,
  count: JobCount,
): Promise<{ changed: boolean; requeue?: Requeue }> {
  const wanted = wantedActive(job, count);
  const { active } = count;
  if (active.length > wanted) {
    const excess = [...active]
      .sort((a, b) => Number(isReady(a)) - Number(isReady(b)))
      .slice(0, active.length - wanted);
    await deleteJobPods(context, job, excess);
    return { changed: true };
  }
  const missing = wanted - active.length;
  if (missing === 0) return { changed: false };
  const waitMs = backoffLeftMs(count, context.clock.now());
  if (waitMs > 0) return { changed: false, requeue: { afterMs: waitMs } };
  const indexes = job.spec.completionMode === 'Indexed' ? freeIndexes(job, count, missing) : undefined;
  await slowStart(indexes ? indexes.length : missing, (at) => createJobPod(context, job, indexes?.[at]));
  return { changed: true };
}

export async function deleteJobPods(context: Context, job: Job, pods: readonly Pod[]): Promise<void> {
  await Promise.all(pods.map((pod) => deletePod(context, job, { pod, component: JOB_COMPONENT })));
}

function wantedActive(job: Job, count: JobCount): number {
  const { completions } = job.spec;
  const parallelism = job.spec.parallelism ?? 1;
  if (completions === undefined) return count.succeeded > 0 ? count.active.length : parallelism;
  return Math.max(0, Math.min(parallelism, completions - count.succeeded - count.failedIndexes.size));
}

function backoffLeftMs({ failed, lastFailureMs }: JobCount, nowMs: number): number {
  if (failed === 0 || lastFailureMs === 0) return 0;
  return lastFailureMs + Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (failed - 1)) - nowMs;
}

/** The lowest indexes that neither are done nor have a pod. */
function freeIndexes(job: Job, count: JobCount, max: number): number[] {
  const taken = new Set(count.active.map(indexOf));
  const free: number[] = [];
  for (let index = 0; index < (job.spec.completions ?? 0) && free.length < max; index++) {
    if (!taken.has(index) && !count.completedIndexes.has(index) && !count.failedIndexes.has(index))
      free.push(index);
  }
  return free;
}

async function createJobPod(context: Context, job: Job, index: number | undefined): Promise<Pod> {
  if (index === undefined)
    return createPod(context, { owner: job, template: job.spec.template, component: JOB_COMPONENT });
  const text = String(index);
  return createPod(context, {
    owner: job,
    template: job.spec.template,
    component: JOB_COMPONENT,
    generateName: `${job.metadata.name}-${text}-`,
    labels: { [INDEX_KEY]: text },
    annotations: { [INDEX_KEY]: text },
    adjust: (spec) => {
      spec.hostname = `${job.metadata.name}-${text}`;
      for (const container of [...spec.containers, ...(spec.initContainers ?? [])]) {
        if (container.env?.some(({ name }) => name === 'JOB_COMPLETION_INDEX')) continue;
        const valueFrom = { fieldRef: { apiVersion: 'v1', fieldPath: `metadata.labels['${INDEX_KEY}']` } };
        container.env = [...(container.env ?? []), { name: 'JOB_COMPLETION_INDEX', valueFrom }];
      }
    },
  });
}

import { expect, it } from 'vitest';
import type { Pod } from '../../objects.ts';
import type { CronJob, Job, JobSpec } from '../../objects-workloads.ts';
import { findCondition } from '../shared/conditions.ts';
import { testCluster, type TestCluster } from '../testing/test-cluster.ts';
import { streamPodLog } from '../../simulation/logs.ts';

const ref = { namespace: 'default', name: 'work' };

function jobSpec(command: string[], spec: Partial<JobSpec> = {}): JobSpec {
  return {
    template: { spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'busybox', command }] } },
    ...spec,
  };
}

async function runJob(cluster: TestCluster, command: string[], spec: Partial<JobSpec> = {}): Promise<void> {
  await cluster.client.create('batch/jobs', {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: ref,
    spec: jobSpec(command, spec),
  });
  await cluster.settle();
}

const job = (cluster: TestCluster) => cluster.client.get<Job>('batch/jobs', 'default', 'work');
const condition = (cluster: TestCluster, type: string) =>
  findCondition(job(cluster)?.status?.conditions, type);

it('a Job runs its pod to completion, and its log tells what it printed', async () => {
  await using cluster = await testCluster();
  await runJob(cluster, ['sh', '-c', 'echo hello there; sleep 1'], { completions: 1, parallelism: 1 });
  expect(job(cluster)?.status).toMatchObject({
    succeeded: 1,
    ready: 0,
    terminating: 0,
    uncountedTerminatedPods: {},
  });
  expect(condition(cluster, 'Complete')).toMatchObject({ status: 'True', reason: 'CompletionsReached' });
  expect(condition(cluster, 'SuccessCriteriaMet')?.status).toBe('True');
  const [pod] = cluster.client.list<Pod>('/pods');
  let text = '';
  const { store } = cluster.client;
  if (!pod) throw new Error('no pod');
  await streamPodLog({
    cluster: { store, deps: { clock: { now: cluster.now } } },
    pod,
    container: 'main',
    query: new URLSearchParams({ follow: 'true' }),
    write: (chunk) => void (text += chunk),
    signal: new AbortController().signal,
  });
  expect(text).toContain('[simulated]');
  expect(text).toContain('hello there\n');
});

it('a Job that keeps failing stops at its backoff limit, waiting longer each time', async () => {
  await using cluster = await testCluster();
  await runJob(cluster, ['sh', '-c', 'exit 3'], { backoffLimit: 2, completions: 1, parallelism: 1 });
  expect(job(cluster)?.status?.failed).toBe(1);
  await cluster.advance(11_000);
  expect(job(cluster)?.status?.failed).toBe(2);
  await cluster.advance(21_000);
  expect(job(cluster)?.status).toMatchObject({ failed: 3 });
  expect(condition(cluster, 'Failed')).toMatchObject({
    reason: 'BackoffLimitExceeded',
    message: 'Job has reached the specified backoff limit',
  });
});

it('an Indexed Job runs every index once', async () => {
  await using cluster = await testCluster();
  await runJob(cluster, ['true'], { completions: 5, parallelism: 2, completionMode: 'Indexed' });
  expect(job(cluster)?.status).toMatchObject({ succeeded: 5, completedIndexes: '0-4' });
  expect(cluster.client.list('/pods')).toHaveLength(5);
});

it('a deadline ends a Job and stops its pods', async () => {
  await using cluster = await testCluster({ timeScale: 1 });
  await runJob(cluster, ['sleep', '3600'], { activeDeadlineSeconds: 60, completions: 1, parallelism: 1 });
  await cluster.advance(30_000);
  expect(job(cluster)?.status).toMatchObject({ active: 1, ready: 1 });
  await cluster.advance(60_000);
  expect(condition(cluster, 'Failed')?.reason).toBe('DeadlineExceeded');
  expect(cluster.client.list('/pods')).toEqual([]);
});

it('a suspended Job has no pods until it is resumed', async () => {
  await using cluster = await testCluster();
  await runJob(cluster, ['true'], { suspend: true, completions: 1, parallelism: 1 });
  expect(cluster.client.list('/pods')).toEqual([]);
  expect(condition(cluster, 'Suspended')?.status).toBe('True');
  await cluster.client.update<Job>('batch/jobs', ref, (current) => void (current.spec.suspend = false));
  await cluster.settle();
  expect(condition(cluster, 'Complete')?.status).toBe('True');
});

it('a finished Job with a time to live goes when it is over', async () => {
  await using cluster = await testCluster();
  await runJob(cluster, ['true'], { ttlSecondsAfterFinished: 100, completions: 1, parallelism: 1 });
  await cluster.advance(99_000);
  expect(job(cluster)).toBeDefined();
  await cluster.advance(2_000);
  expect(job(cluster)).toBeUndefined();
  expect(cluster.client.list('/pods')).toEqual([]);
});

async function cron(
  cluster: TestCluster,
  spec: Partial<CronJob['spec']> = {},
  command = ['true'],
): Promise<void> {
  await cluster.client.create('batch/cronjobs', {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: ref,
    spec: {
      schedule: '*/5 * * * *',
      jobTemplate: { spec: jobSpec(command, { completions: 1, parallelism: 1 }) },
      ...spec,
    },
  });
  await cluster.settle();
}

it('a CronJob runs on time, keeps its history limit, and lets an idle cluster know when it is needed', async () => {
  await using cluster = await testCluster();
  await cron(cluster);
  expect(cluster.controllers.idle()).toBe(true);
  expect(cluster.controllers.nextWakeMs()).toBe(Date.parse('2026-03-01T12:05:00Z'));
  await cluster.advance(5 * 60_000);
  expect(cluster.client.list<Job>('batch/jobs').map(({ metadata }) => metadata.name)).toEqual([
    `work-${Date.parse('2026-03-01T12:05:00Z') / 60_000}`,
  ]);
  await cluster.advance(30 * 60_000);
  expect(cluster.client.list('batch/jobs')).toHaveLength(3);
  expect(cluster.client.get<CronJob>('batch/cronjobs', 'default', 'work')?.status?.lastScheduleTime).toBe(
    '2026-03-01T12:35:00Z',
  );
});

it('a CronJob that forbids concurrency waits for the run before', async () => {
  await using cluster = await testCluster({ timeScale: 1 });
  await cron(cluster, { concurrencyPolicy: 'Forbid' }, ['sleep', '900']);
  await cluster.advance(12 * 60_000);
  expect(cluster.client.list('batch/jobs')).toHaveLength(1);
});

it('a CronJob counts its hours in its time zone', async () => {
  await using cluster = await testCluster();
  await cron(cluster, { schedule: '0 9 * * *', timeZone: 'Asia/Tokyo' });
  expect(cluster.controllers.nextWakeMs()).toBe(Date.parse('2026-03-02T00:00:00Z'));
});

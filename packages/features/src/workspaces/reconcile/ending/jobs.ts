import {
  fieldOf,
  listOf,
  metaOf,
  numberOf,
  textOf,
  type Json,
} from '@hexabase/cluster/drivers/vcluster/host/objects.ts';
import type { TenantClient } from '@hexabase/cluster/port.ts';
import { tenantPages } from './tenant-pages.ts';

export const jobsPath = '/apis/batch/v1/jobs';

/**
 * So long a Job may wait for a node, an image or its turn. One in which nothing has happened for longer and of which no
 * pod runs, as when no node will ever take it, is not at work.
 */
export const standstillMsMax = 6 * 60 * 60_000;

/** Neither complete nor failed, nor on its way out, nor held back by somebody: a suspended Job has no pods. */
export function isUnfinished(job: Json): boolean {
  if (fieldOf(job, 'spec', 'suspend') === true || metaOf(job).deleting) return false;
  return !listOf(fieldOf(job, 'status', 'conditions')).some(
    ({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True',
  );
}

/** Whether a Job is at work, or waits for it and did not for too long. Throws as the client does. */
export async function hasJobAtWork(
  client: TenantClient,
  { nowMs, signal }: { nowMs: number; signal: AbortSignal },
): Promise<boolean> {
  const still = new Set<string>();
  for await (const page of tenantPages(client, jobsPath, signal)) {
    for (const job of page.filter(isUnfinished)) {
      if (numberOf(fieldOf(job, 'status', 'ready')) > 0) return true;
      if (nowMs - lastChangeMs(job) < standstillMsMax) return true;
      still.add(metaOf(job).uid);
    }
  }
  return still.size > 0 && hasRunningPod(client, still, signal);
}

/** When it was made or started, or its controller has last written what became of its pods. */
function lastChangeMs(job: Json): number {
  const times = [
    fieldOf(job, 'metadata', 'creationTimestamp'),
    fieldOf(job, 'status', 'startTime'),
    ...listOf(fieldOf(job, 'metadata', 'managedFields')).map(({ time }) => time),
  ];
  return Math.max(0, ...times.map((time) => Date.parse(textOf(time)) || 0));
}

/** A pod may run for days without being ready: nothing says so in its Job. */
async function hasRunningPod(
  client: TenantClient,
  jobs: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<boolean> {
  const path =
    '/api/v1/pods?labelSelector=batch.kubernetes.io%2Fjob-name&fieldSelector=status.phase%3DRunning';
  for await (const page of tenantPages(client, path, signal)) {
    const ofThem = ({ uid }: Json) => jobs.has(textOf(uid));
    if (page.some((pod) => listOf(fieldOf(pod, 'metadata', 'ownerReferences')).some(ofThem))) return true;
  }
  return false;
}

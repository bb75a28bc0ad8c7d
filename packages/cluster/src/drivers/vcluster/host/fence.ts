import type { WorkspaceId } from '@hexabase/kernel/id.ts';
import { KubeRefusal } from '../../../kube-api/call-errors.ts';
import { resourcePath } from '../../../kube-api/resource-path.ts';
import { FencedError, type TenantClient, type TenantResponse } from '../../../port.ts';
import { fenceNameOf, fenceNamespace, fenceRecordPolicy, fieldManager, ownerLabels } from '../names.ts';
import { systemNamespace } from '../policies/host-rbac.ts';
import { fieldOf, isRecord, metaOf } from './objects.ts';

const attemptsMax = 20;

/**
 * Says that this fence is at work, before anything is changed. The record is a ConfigMap apart from the tenant and stays
 * for good, changed by compare-and-swap on its `resourceVersion`. Answers the one that was there before, null when there
 * was none. Throws `FencedError` when a higher one was there.
 */
export async function raiseFence(
  host: TenantClient,
  { workspaceId, fence }: { workspaceId: WorkspaceId; fence: number },
  signal: AbortSignal,
): Promise<number | null> {
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const record = await readRecord(host, workspaceId, signal);
    if (record && record.fence > fence) throw new FencedError(workspaceId);
    if (record?.fence === fence) return fence;
    if (await write(host, { workspaceId, fence, resourceVersion: record?.resourceVersion ?? null }, signal))
      return record?.fence ?? null;
  }
  throw new Error(`the fence of workspace ${workspaceId} changes all the time`);
}

/** Throws `FencedError` when a newer worker has come since. */
export async function holdFence(
  host: TenantClient,
  { workspaceId, fence }: { workspaceId: WorkspaceId; fence: number },
  signal: AbortSignal,
): Promise<void> {
  const record = await readRecord(host, workspaceId, signal);
  if (record?.fence !== fence) throw new FencedError(workspaceId);
}

async function readRecord(
  host: TenantClient,
  workspaceId: WorkspaceId,
  signal: AbortSignal,
): Promise<{ fence: number; resourceVersion: string } | null> {
  const path = resourcePath('v1', 'ConfigMap', {
    namespace: fenceNamespace,
    name: fenceNameOf(workspaceId),
  });
  const answer = await host.request({ method: 'GET', path, signal });
  if (answer.status === 404) return null;
  if (answer.status !== 200) throw new KubeRefusal('the record of fences', answer);
  const fence = Number(fieldOf(answer.body, 'data', 'fence'));
  if (!Number.isSafeInteger(fence)) throw new Error(`the fence record of ${workspaceId} holds no number`);
  return { fence, resourceVersion: metaOf(answer.body).resourceVersion };
}

/** False when somebody else was quicker. */
async function write(
  host: TenantClient,
  record: { workspaceId: WorkspaceId; fence: number; resourceVersion: string | null },
  signal: AbortSignal,
): Promise<boolean> {
  const { workspaceId, fence, resourceVersion } = record;
  const name = fenceNameOf(workspaceId);
  const collection = resourcePath('v1', 'ConfigMap', { namespace: fenceNamespace });
  const answer = await host.request({
    method: resourceVersion === null ? 'POST' : 'PUT',
    path: `${resourceVersion === null ? collection : `${collection}/${name}`}?fieldManager=${fieldManager}`,
    body: {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {
        name,
        labels: ownerLabels(workspaceId),
        ...(resourceVersion !== null && { resourceVersion }),
      },
      data: { fence: String(fence) },
    },
    signal,
  });
  if (answer.status < 300) return true;
  if (answer.status === 409) return false;
  if (answer.status === 404) {
    if (resourceVersion === null) await makeNamespace(host, signal);
    return false;
  }
  // The host's own policy refuses to lower a fence: a newer one came in between.
  if (resourceVersion !== null && refusedToLower(answer)) return false;
  throw new KubeRefusal('the record of fences', answer);
}

/**
 * Whether the host's policy refused to lower a fence: both its forms name it, and the status depends on which of them is
 * installed: 422 of the native one, 400 of Kyverno's.
 */
export function refusedToLower(answer: TenantResponse): boolean {
  if (answer.status !== 422 && answer.status !== 400) return false;
  return new KubeRefusal('', answer).message.includes(fenceRecordPolicy);
}

/** Where records are kept. */
export async function makeNamespace(host: TenantClient, signal: AbortSignal): Promise<void> {
  const answer = await host.request({
    method: 'POST',
    path: resourcePath('v1', 'Namespace'),
    body: systemNamespace(),
    signal,
  });
  if (answer.status >= 300 && answer.status !== 409) throw new KubeRefusal(fenceNamespace, answer);
  if (!isRecord(answer.body)) throw new Error('the host answered no object');
}

import { AppError } from '@hexabase/kernel/errors.ts';
import type { ApplicableObject } from '../../../kube-api/apply.ts';
import { KubeRefusal } from '../../../kube-api/call-errors.ts';
import { resourcePath } from '../../../kube-api/resource-path.ts';
import { TenantConflictError } from '../../../port.ts';
import { fieldManager, ownerLabels } from '../names.ts';
import type { Work } from './converge.ts';
import { isRecord, metaOf, type Json } from './objects.ts';
import { readOne } from './read.ts';

/**
 * Makes the namespace, or answers the one that is there when it is ours. Throws `TenantConflictError` when somebody else
 * owns one of that name: it is never taken over. Throws AppError `cluster_unavailable` while an old one is being removed.
 */
export async function ensureNamespace(
  work: Work & { hostName: string },
  wanted: ApplicableObject,
): Promise<{ namespace: Json; isNew: boolean }> {
  const { host, signal } = work;
  const name = wanted.metadata.name;
  const found = await readOne(host, { apiVersion: 'v1', kind: 'Namespace', name }, signal);
  if (found) return { namespace: owned(work, found), isNew: false };
  // Not by apply, which would change one that somebody else has made in this moment.
  const answer = await host.request({
    method: 'POST',
    path: `${resourcePath('v1', 'Namespace')}?fieldManager=${fieldManager}`,
    body: wanted,
    signal,
  });
  if (answer.status < 300 && isRecord(answer.body)) return { namespace: answer.body, isNew: true };
  if (answer.status !== 409) throw new KubeRefusal(`Namespace ${name}`, answer);
  const other = await readOne(host, { apiVersion: 'v1', kind: 'Namespace', name }, signal);
  if (!other) throw new AppError('cluster_unavailable', { cause: `namespace ${name} comes and goes` });
  return { namespace: owned(work, other), isNew: false };
}

export function isOurs(object: unknown, workspaceId: string): boolean {
  const { labels } = metaOf(object);
  return Object.entries(ownerLabels(workspaceId)).every(([key, value]) => labels[key] === value);
}

function owned({ workspaceId, hostName }: Work & { hostName: string }, found: Json): Json {
  const { name, deleting } = metaOf(found);
  if (!isOurs(found, workspaceId)) {
    throw new TenantConflictError(
      `The host cluster ${hostName} already has a namespace ${name} that Hexabase did not make for this workspace. It was left as it is; its owner has to rename or remove it.`,
      { reason: 'NameTaken' },
    );
  }
  if (deleting) {
    throw new AppError('cluster_unavailable', {
      message: 'What was there before is still being removed; it is tried again.',
    });
  }
  return found;
}

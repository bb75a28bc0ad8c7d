import type { Condition } from '@hexabase/kernel/conditions.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';

/** Whether the tenant of a workspace was said to be lost, or to have lost all that it held. */
export function lossToldBy(conditions: readonly Condition[]): 'tenant' | 'contents' | null {
  const told = (type: string, reason: string) =>
    conditions.some((one) => one.type === type && one.status === 'False' && one.reason === reason);
  if (told('Synced', 'TenantLost')) return 'tenant';
  return told('ContentsKept', 'DataLost') ? 'contents' : null;
}

/**
 * Somebody has been told of the loss and asks to go on. What is found under the workspace's name is taken as its tenant,
 * a new one of the newest release is made where there is nothing (no record of the former need be there), and its projects get their namespaces again instead of ending for want of them.
 */
export async function takeAnew(tx: Tx, workspaceId: string): Promise<void> {
  await sql`update workspaces set tenant_uid = null, content_uid = null, content_lost_at = null,
      release = null, settled_release = null, refused_release = null, too_far_for = null
    where id = ${workspaceId}`.execute(tx);
  await sql`update projects set observed_generation = 0
    where workspace_id = ${workspaceId} and deleted_at is null and deletion_requested_at is null`.execute(tx);
}

/** Somebody has been told that the contents are lost: it is not told any more. */
export async function acknowledgeLoss(tx: Tx, workspaceId: string): Promise<void> {
  await sql`update workspaces set content_lost_at = null where id = ${workspaceId}`.execute(tx);
}

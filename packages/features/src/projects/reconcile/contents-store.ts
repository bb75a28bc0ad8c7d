import type { Tx } from '@hexabase/postgres/database.ts';
import { enqueue } from '@hexabase/reconcile/queue.ts';
import { sql } from 'kysely';

/** Whose contents the workspace's cluster has: by them a loss is told from a deletion. */
export async function noteContents(tx: Tx, workspaceId: string, uid: string): Promise<void> {
  await sql`update workspaces set content_uid = ${uid} where id = ${workspaceId} and content_uid is null`.execute(
    tx,
  );
}

/**
 * The cluster has begun anew: its namespaces are missing because everything is, and nobody has ended a project. They are
 * made again, and the workspace tells what happened. Safe to repeat.
 */
export async function contentsLost(
  tx: Tx,
  workspaceId: string,
  { known, seen }: { known: string; seen: string },
): Promise<void> {
  const { numAffectedRows } = await sql`
    update workspaces set content_uid = ${seen}, content_lost_at = now()
    where id = ${workspaceId} and content_uid = ${known}`.execute(tx);
  if (numAffectedRows !== 1n) return;
  const { rows } = await sql<{ id: string }>`
    update projects set observed_generation = 0
    where workspace_id = ${workspaceId} and deleted_at is null and deletion_requested_at is null
    returning id`.execute(tx);
  for (const { id } of rows) await enqueue(tx, 'project', id);
  await enqueue(tx, 'workspace', workspaceId);
}

import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';

/** Kind of the queue that brings roles and bindings into a workspace's cluster. */
export const accessKind = 'workspace-access';

/**
 * Call it in the transaction that changes what these people may do: their tokens end at the commit, and with them every
 * open connection; the next token has the new rights.
 */
export async function revokeUsers(tx: Tx, userIds: readonly string[]): Promise<void> {
  if (userIds.length === 0) return;
  await sql`select hexabase.revoke_users(${[...new Set(userIds)]}::text[])`.execute(tx);
}

/** Has roles and bindings of these workspaces brought into their clusters once this transaction commits. */
export async function wakeAccess(tx: Tx, workspaceIds: readonly string[]): Promise<void> {
  for (const id of workspaceIds) await sql`select hexabase.enqueue(${accessKind}, ${id})`.execute(tx);
}

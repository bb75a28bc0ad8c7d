import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';

/** Kind of the queue that brings roles and bindings into a workspace's cluster. */
export const accessKind = 'workspace-access';

/** Has roles and bindings of these workspaces brought into their clusters once this transaction commits. */
export async function wakeAccess(tx: Tx, workspaceIds: readonly string[]): Promise<void> {
  for (const id of workspaceIds) await sql`select hexabase.enqueue(${accessKind}, ${id})`.execute(tx);
}

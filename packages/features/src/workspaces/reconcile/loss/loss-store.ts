import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';
import { wakeProjects } from '../store.ts';

/** From now on the tenant of this uid is the workspace's; its projects are looked for in it. */
export async function noteTenant(tx: Tx, workspaceId: string, uid: string): Promise<void> {
  const { numAffectedRows } = await sql`update workspaces set tenant_uid = ${uid}
    where id = ${workspaceId} and tenant_uid is null`.execute(tx);
  if (numAffectedRows === 1n) await wakeProjects(tx, workspaceId);
}

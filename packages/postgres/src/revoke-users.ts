import { sql } from 'kysely';
import type { Tx } from './database.ts';

/**
 * Call it in the transaction that changes what these people may do in an organization: their tokens for its workspaces end
 * at the commit, and with them every connection that is open there; the next token has the new rights. What they hold in
 * other organizations goes on.
 */
export async function revokeUsers(tx: Tx, organizationId: string, userIds: readonly string[]): Promise<void> {
  if (userIds.length === 0) return;
  await sql`select hexabase.revoke_in(${organizationId}, ${[...new Set(userIds)]}::text[])`.execute(tx);
}

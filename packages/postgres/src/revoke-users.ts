import { sql } from 'kysely';
import type { Tx } from './database.ts';

/**
 * Call it in the transaction that changes what these people may do: their tokens end at the commit, and with them every
 * open connection; the next token has the new rights.
 */
export async function revokeUsers(tx: Tx, userIds: readonly string[]): Promise<void> {
  if (userIds.length === 0) return;
  await sql`select hexabase.revoke_users(${[...new Set(userIds)]}::text[])`.execute(tx);
}

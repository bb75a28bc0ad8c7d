import type { UserId } from '@hexabase/kernel/id.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';

/** Every gateway listens here; the payload is a user id. */
export const revocationChannel = 'hexabase_revocation';

/**
 * Call it in the transaction that changes a membership or a role: raises the user's epoch, so that every workspace
 * token minted before is refused, and tells the gateways at commit to end the user's open connections.
 * Works in asTenant, asWorker and asIdentity transactions.
 */
export async function revokeUser(tx: Tx, userId: UserId): Promise<void> {
  await sql`SELECT hexabase.revoke_user(${userId})`.execute(tx);
}

/** Tells the gateways at commit to look again at the user's sessions; leaves the epoch alone. */
export async function announceSessionsChanged(tx: Tx, userId: string): Promise<void> {
  await sql`SELECT pg_notify(${revocationChannel}, ${userId})`.execute(tx);
}

/** The revocation epoch now. Read it before the groups of a token are computed, so that a change in between makes the token stale. */
export async function readEpoch(tx: Tx, userId: UserId): Promise<number> {
  const { rows } = await sql<{
    epoch: string;
  }>`SELECT epoch::text AS epoch FROM hexabase.users WHERE id = ${userId}`.execute(tx);
  return Number(rows[0]?.epoch ?? -1);
}

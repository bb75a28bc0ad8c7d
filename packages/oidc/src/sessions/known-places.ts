import { addressBlock } from '@hexabase/kernel/client-address.ts';
import type { UserId } from '@hexabase/kernel/id.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';

/** How long a place is known after somebody was signed in there. */
export const rememberedMs = 30 * 86_400_000;

/**
 * Whether this account was signed in lately at this address. Sessions count that go on, ran out, or ended because somebody
 * signed out or in once more; what was ended against the will of whoever held it says nothing: that may have been a
 * thief's. Names that clients give to their devices say nothing either: one can be sent from anywhere.
 */
export async function isKnownPlace(
  tx: Tx,
  { userId, address }: { userId: UserId; address: string },
  nowMs: number,
): Promise<boolean> {
  const { rows } = await sql<{ address: string }>`
    SELECT DISTINCT address FROM hexabase.sessions
    WHERE user_id = ${userId} AND last_used_at > ${new Date(nowMs - rememberedMs)} AND address IS NOT NULL
      AND (end_reason IS NULL OR end_reason IN ('signed_out', 'replaced'))`.execute(tx);
  const block = addressBlock(address);
  return rows.some((row) => addressBlock(row.address) === block);
}

/** With a new password: whoever knew the old one may have signed out by themselves. All sessions have ended before. */
export async function forgetPlaces(tx: Tx, userId: UserId): Promise<void> {
  await sql`UPDATE hexabase.sessions SET end_reason = 'password_changed'
    WHERE user_id = ${userId} AND end_reason IN ('signed_out', 'replaced')`.execute(tx);
}

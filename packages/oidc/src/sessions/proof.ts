import type { UserId } from '@hexabase/kernel/id.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';

/** Somebody whose identity is proven, and whether that took two factors. */
export interface Proven {
  userId: UserId;
  secondFactor: boolean;
  /**
   * The account's count of changes as it was when the proof was looked at: of its password, its second factors, its
   * links to identity providers, and of being disabled. A proof from before such a change is worth nothing after it.
   */
  proof: number;
}

/**
 * Whether a proof still holds. If so, nothing that it rests on changes until the end of the transaction: whoever changes
 * it waits, and finds what was made of the proof. Sign-ins of one account take turns here too.
 */
export async function holdProof(tx: Tx, { userId, proof }: Omit<Proven, 'secondFactor'>): Promise<boolean> {
  const { rows } = await sql`
    SELECT 1 FROM hexabase.users WHERE id = ${userId} AND proof_epoch = ${proof} AND disabled_at IS NULL
    FOR UPDATE`.execute(tx);
  return rows.length > 0;
}

/** The count now, for those who vouch for somebody themselves; -1, which never holds, for no account. */
export async function readProof(tx: Tx, userId: string): Promise<number> {
  const { rows } = await sql<{ proof: number }>`
    SELECT proof_epoch::float8 AS proof FROM hexabase.users WHERE id = ${userId}`.execute(tx);
  return rows[0]?.proof ?? -1;
}

/** Every sign-in of the account that is not finished is worth nothing from now on. */
export async function withdrawProofs(tx: Tx, userId: string): Promise<void> {
  await sql`UPDATE hexabase.users SET proof_epoch = proof_epoch + 1 WHERE id = ${userId}`.execute(tx);
}

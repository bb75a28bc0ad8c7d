import { hash, randomBytes } from 'node:crypto';
import { brandId, type UserId } from '@hexabase/kernel/id.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';

export type LetterKind = 'reset' | 'sign_up';

export const letterHours = 1;
const lifetimeMs = letterHours * 3_600_000;
const countedMs = 24 * 3_600_000;
const codePattern = /^hksl_[\w-]{43}$/;

/** What a code in a letter is good for. */
export interface LetterCode {
  kind: LetterKind;
  email: string;
  /** Null for somebody who has no account. */
  userId: UserId | null;
}

/** Notes a new code and answers it: 256 random bits, of which only the hash is kept. */
export async function insertCode(tx: Tx, given: LetterCode, nowMs: number): Promise<string> {
  const code = `hksl_${randomBytes(32).toString('base64url')}`;
  await sql`
    INSERT INTO hexabase.letter_codes (id, kind, email, user_id, created_at, expires_at)
    VALUES (${hashOf(code)}, ${given.kind}, ${given.email}, ${given.userId}, ${new Date(nowMs)},
      ${new Date(nowMs + lifetimeMs)})`.execute(tx);
  return code;
}

/** How many letters of one kind an address was sent: in the last hour, while the codes of which nobody made use are good, and in a day. */
export async function lettersLately(
  tx: Tx,
  { kind, email }: Pick<LetterCode, 'kind' | 'email'>,
  nowMs: number,
): Promise<{ hour: number; day: number }> {
  const { rows } = await sql<{ hour: number; day: number }>`
    SELECT count(*) FILTER (WHERE created_at > ${new Date(nowMs - lifetimeMs)})::integer AS hour, count(*)::integer AS day
    FROM hexabase.letter_codes
    WHERE email = ${email} AND kind = ${kind} AND created_at > ${new Date(nowMs - countedMs)}`.execute(tx);
  return rows[0] ?? { hour: 0, day: 0 };
}

/** What a code is good for now; null for one that is unknown, used or too old. Locks it for this transaction. */
export async function findCode(tx: Tx, code: string, nowMs: number): Promise<LetterCode | null> {
  if (!codePattern.test(code)) return null;
  const { rows } = await sql<{ kind: LetterKind; email: string; userId: string | null }>`
    SELECT kind, email, user_id AS "userId" FROM hexabase.letter_codes
    WHERE id = ${hashOf(code)} AND expires_at > ${new Date(nowMs)}
      AND (kind = 'sign_up' OR user_id IS NOT NULL) FOR UPDATE`.execute(tx);
  const [row] = rows;
  return row ? { ...row, userId: row.userId === null ? null : brandId(row.userId) } : null;
}

/** Until the end of the transaction nobody else changes the account at this address. Before codes, as everywhere. */
export async function holdAccount(tx: Tx, email: string): Promise<void> {
  await sql`SELECT 1 FROM hexabase.users WHERE lower(email) = ${email} FOR UPDATE`.execute(tx);
}

/** One letter was answered, so every code for the address has served; the rows still count against a flood of letters. */
export async function spendCodes(tx: Tx, email: string, nowMs: number): Promise<void> {
  await sql`UPDATE hexabase.letter_codes SET expires_at = ${new Date(nowMs)}
    WHERE email = ${email} AND expires_at > ${new Date(nowMs)}`.execute(tx);
}

/** Takes back what was approved for programs and has not been fetched yet. */
export async function withdrawApprovals(tx: Tx, userId: UserId): Promise<void> {
  await sql`DELETE FROM hexabase.sign_in_codes WHERE user_id = ${userId} AND state = 'approved'`.execute(tx);
}

/** The address that an open invitation was sent to; whoever has its code has read the letter. */
export async function invitedEmail(tx: Tx, code: string, nowMs: number): Promise<string | null> {
  const { rows } = await sql<{ email: string }>`
    SELECT email FROM hexabase.invitations
    WHERE token_hash = ${hash('sha256', code, 'base64url')} AND expires_at > ${new Date(nowMs)}
      AND accepted_at IS NULL AND declined_at IS NULL AND revoked_at IS NULL`.execute(tx);
  return rows[0]?.email ?? null;
}

/** Whether somebody waits for the person at this address to join. */
export async function hasInvitation(tx: Tx, email: string, nowMs: number): Promise<boolean> {
  const { rows } = await sql<{ id: string }>`
    SELECT id FROM hexabase.invitations
    WHERE email = ${email} AND expires_at > ${new Date(nowMs)}
      AND accepted_at IS NULL AND declined_at IS NULL AND revoked_at IS NULL LIMIT 1`.execute(tx);
  return rows.length > 0;
}

export async function pruneLetterCodes(tx: Tx, nowMs: number): Promise<void> {
  await sql`DELETE FROM hexabase.letter_codes WHERE created_at < ${new Date(nowMs - countedMs)}`.execute(tx);
}

function hashOf(code: string): string {
  return hash('sha256', `letter code:${code}`, 'base64url');
}

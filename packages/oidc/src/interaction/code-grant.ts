import { hash, timingSafeEqual } from 'node:crypto';
import { brandId } from '@hexabase/kernel/id.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';
import type { Proven } from '../sessions/proof.ts';
import { endOneSession } from '../sessions/session-store.ts';
import { codeHash, newSecretCode } from './code-text.ts';

export const authorizationCodeSeconds = 60;

/** What an authorization code is bound to. */
export interface CodeBinding {
  clientId: string;
  redirectUri: string;
  /** RFC 7636, S256. */
  codeChallenge: string;
}

/** Makes an authorization code for somebody who has just proven who they are. */
export async function createCode(
  tx: Tx,
  approved: CodeBinding & Proven & { address: string },
  nowMs: number,
): Promise<string> {
  const { code, hash: id } = newSecretCode('hksc_');
  await sql`
    INSERT INTO hexabase.sign_in_codes
      (id, kind, client_id, state, user_id, second_factor, proof, address, redirect_uri, code_challenge, created_at, expires_at)
    VALUES (${id}, 'authorization', ${approved.clientId}, 'approved', ${approved.userId}, ${approved.secondFactor},
      ${approved.proof}, ${approved.address}, ${approved.redirectUri}, ${approved.codeChallenge}, ${new Date(nowMs)},
      ${new Date(nowMs + authorizationCodeSeconds * 1000)})`.execute(tx);
  return code;
}

export interface Redemption {
  code: string;
  clientId: string;
  redirectUri: string;
  codeVerifier: string;
}

/**
 * Spends an authorization code and answers whose it is; null when it does not fit. The code is spent by the first
 * attempt, right or wrong: a wrong verifier means that somebody else holds it. A second attempt ends the session that
 * the first one started (RFC 6749 §4.1.2).
 */
export async function redeemCode(tx: Tx, presented: Redemption, nowMs: number): Promise<Proven | null> {
  const id = codeHash(presented.code);
  const { rows } = await sql<{
    userId: string;
    secondFactor: boolean;
    proof: number;
    redirectUri: string;
    codeChallenge: string;
    clientId: string;
  }>`
    UPDATE hexabase.sign_in_codes SET state = 'used'
    WHERE id = ${id} AND kind = 'authorization' AND state = 'approved' AND expires_at > ${new Date(nowMs)}
    RETURNING user_id AS "userId", second_factor AS "secondFactor", proof::float8 AS proof, redirect_uri AS "redirectUri", code_challenge AS "codeChallenge",
      client_id AS "clientId"`.execute(tx);
  const [row] = rows;
  if (!row) {
    await endReplayed(tx, id, nowMs);
    return null;
  }
  const fits =
    row.clientId === presented.clientId &&
    row.redirectUri === presented.redirectUri &&
    verifierFits(row.codeChallenge, presented.codeVerifier);
  const { userId, secondFactor, proof } = row;
  return fits ? { userId: brandId(userId), secondFactor, proof } : null;
}

/** Notes which session a code started, to end it when the code comes a second time. */
export async function rememberSession(tx: Tx, code: string, sessionId: string): Promise<void> {
  await sql`UPDATE hexabase.sign_in_codes SET session_id = ${sessionId} WHERE id = ${codeHash(code)}`.execute(
    tx,
  );
}

async function endReplayed(tx: Tx, id: string, nowMs: number): Promise<void> {
  const { rows } = await sql<{ sessionId: string; userId: string }>`
    SELECT session_id AS "sessionId", user_id AS "userId" FROM hexabase.sign_in_codes
    WHERE id = ${id} AND state = 'used' AND session_id IS NOT NULL`.execute(tx);
  const [row] = rows;
  if (row) await endOneSession(tx, { ...row, reason: 'revoked' }, nowMs);
}

/** RFC 7636 §4.6. */
function verifierFits(challenge: string, verifier: string): boolean {
  const expected = Buffer.from(challenge);
  const actual = Buffer.from(hash('sha256', verifier, 'base64url'));
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}

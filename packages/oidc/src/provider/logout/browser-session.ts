import { brandId, newId } from '@hexabase/kernel/id.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';
import { recordAuth, recordSessionEnd } from '../../auth-audit.ts';
import { announceSessionsChanged } from '../../revocation.ts';
import { holdProof } from '../../sessions/proof.ts';
import { providerSessionDigest } from '../payload-digest.ts';

interface BrowserSession {
  uid: string;
  userId: string;
  /** When the provider forgets it. */
  expiresAt: Date;
  /** It was shown at a sign-in of this session. */
  secondFactor: boolean;
  userAgent: string | null;
  address: string;
}

/** Who has just signed in at the provider, on the word of which proof. */
interface BrowserSignIn extends BrowserSession {
  proof: number;
}

/**
 * A sign-in at the provider: as `noteBrowserSession` while what the person has proven still holds. Else the session has
 * ended, with all that was issued in it, and the answer is false.
 */
export async function beginBrowserSession(tx: Tx, session: BrowserSignIn, nowMs: number): Promise<boolean> {
  const now = new Date(nowMs);
  const holds = await holdProof(tx, { userId: brandId(session.userId), proof: session.proof });
  if (holds) {
    await noteBrowserSession(tx, session, nowMs);
    return true;
  }
  await sql`
    INSERT INTO hexabase.sessions
      (id, user_id, created_at, last_used_at, expires_at, user_agent, address, provider_session, ended_at, end_reason)
    VALUES (${newId<'Session'>(nowMs)}, ${session.userId}, ${now}, ${now}, ${session.expiresAt},
      ${session.userAgent}, ${session.address}, ${providerSessionDigest(session.uid)}, ${now}, 'revoked')
    ON CONFLICT (provider_session) WHERE provider_session IS NOT NULL DO UPDATE
      SET ended_at = coalesce(sessions.ended_at, excluded.ended_at),
        end_reason = coalesce(sessions.end_reason, excluded.end_reason)`.execute(tx);
  await announceSessionsChanged(tx, session.userId);
  const refused = { userId: session.userId, action: 'auth.sign-in', outcome: 'denied' } as const;
  await recordAuth(tx, { ...refused, details: { way: 'provider page' } }, nowMs);
  return false;
}

/** Puts a browser that is signed in at the provider among the person's sessions, or notes that it was used again. */
export async function noteBrowserSession(tx: Tx, session: BrowserSession, nowMs: number): Promise<void> {
  const now = new Date(nowMs);
  const { rows } = await sql<{ id: string; fresh: boolean }>`
    INSERT INTO hexabase.sessions
      (id, user_id, created_at, last_used_at, expires_at, user_agent, address, provider_session, second_factor_at)
    VALUES (${newId<'Session'>(nowMs)}, ${session.userId}, ${now}, ${now}, ${session.expiresAt},
      ${session.userAgent}, ${session.address}, ${providerSessionDigest(session.uid)}, ${session.secondFactor ? now : null})
    ON CONFLICT (provider_session) WHERE provider_session IS NOT NULL DO UPDATE
      SET last_used_at = ${now}, expires_at = ${session.expiresAt},
        second_factor_at = coalesce(sessions.second_factor_at, excluded.second_factor_at)
      WHERE sessions.ended_at IS NULL AND sessions.user_id = excluded.user_id
    RETURNING id, created_at = ${now} AS fresh`.execute(tx);
  const [noted] = rows;
  if (!noted?.fresh) return;
  const event = { userId: session.userId, action: 'auth.sign-in', target: `session/${noted.id}` } as const;
  await recordAuth(tx, { ...event, details: { way: 'provider page' } }, nowMs);
}

/** The person signed out at the provider, which has told its clients and dropped what it issued. */
export async function endBrowserSession(tx: Tx, uid: string, nowMs: number): Promise<void> {
  const now = new Date(nowMs);
  const { rows } = await sql<{ id: string; user_id: string }>`
    UPDATE hexabase.sessions SET ended_at = ${now}, end_reason = 'signed_out', provider_settled_at = ${now}
    WHERE provider_session = ${providerSessionDigest(uid)} AND ended_at IS NULL RETURNING id, user_id`.execute(
    tx,
  );
  for (const { id: sessionId, user_id: userId } of rows) {
    await announceSessionsChanged(tx, userId);
    await recordSessionEnd(tx, { sessionId, userId, reason: 'signed_out' }, nowMs);
  }
}

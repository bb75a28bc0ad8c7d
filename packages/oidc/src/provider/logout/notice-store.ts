import { newId } from '@hexabase/kernel/id.ts';
import type { KeyVault } from '@hexabase/kernel/key-vault.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';
import * as z from 'zod';
import { payloadContext } from '../payload-adapter.ts';

/** A client that has yet to hear that somebody's session ended. */
export interface LogoutNotice {
  id: string;
  clientId: string;
  userId: string;
  /** The session, as the client knows it from its ID token. */
  sid: string;
  attempts: number;
  uri: string;
}

const sessionPayload = z.object({
  accountId: z.string(),
  authorizations: z.record(z.string(), z.object({ sid: z.string().optional() })).default({}),
});

/**
 * Takes one session that ended (revoked, account disabled, password changed), drops all that the provider issued in it,
 * and notes whom to tell. False when there is none. Any number of replicas may call it.
 */
export async function settleEndedSession(tx: Tx, vault: KeyVault, nowMs: number): Promise<boolean> {
  const { rows } = await sql<{ provider_session: string }>`
    UPDATE hexabase.sessions SET provider_settled_at = ${new Date(nowMs)} WHERE id = (
      SELECT id FROM hexabase.sessions
      WHERE provider_session IS NOT NULL AND provider_settled_at IS NULL AND ended_at IS NOT NULL
      ORDER BY ended_at LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING provider_session`.execute(tx);
  const session = rows[0]?.provider_session;
  if (session === undefined) return false;
  const dropped = await sql<{ model: string; id: string; payload: string }>`
    DELETE FROM oidc.payloads WHERE session = ${session} RETURNING model, id, payload`.execute(tx);
  for (const { model, id, payload } of dropped.rows) {
    if (model !== 'Session') continue;
    const text = vault.open(payload, payloadContext(model, id)).toString();
    const { accountId, authorizations } = sessionPayload.parse(JSON.parse(text));
    for (const [clientId, { sid }] of Object.entries(authorizations))
      if (sid !== undefined) await insertNotice(tx, { clientId, userId: accountId, sid }, nowMs);
  }
  return true;
}

/** Does nothing for a client that is gone or does not want to hear of logouts. */
export async function insertNotice(
  tx: Tx,
  notice: Pick<LogoutNotice, 'clientId' | 'userId' | 'sid'>,
  nowMs: number,
): Promise<void> {
  await sql`
    INSERT INTO oidc.logout_notices (id, client_id, user_id, sid, next_at)
    SELECT ${newId(nowMs)}, id, ${notice.userId}, ${notice.sid}, ${new Date(nowMs)}::timestamptz
    FROM oidc.clients WHERE id = ${notice.clientId} AND backchannel_logout_uri IS NOT NULL`.execute(tx);
}

/** Takes a notice that is due, so that nobody else sends it for a while; null when there is none. */
export async function claimNotice(tx: Tx, nowMs: number): Promise<LogoutNotice | null> {
  const now = new Date(nowMs);
  const { rows } = await sql<LogoutNotice>`
    UPDATE oidc.logout_notices n SET attempts = n.attempts + 1,
      next_at = ${now}::timestamptz + least(600, 10 * power(2, n.attempts)) * interval '1 second'
    FROM oidc.clients c
    WHERE c.id = n.client_id AND n.id = (
      SELECT id FROM oidc.logout_notices WHERE next_at <= ${now} ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING n.id, n.client_id AS "clientId", n.user_id AS "userId", n.sid, n.attempts,
      coalesce(c.backchannel_logout_uri, '') AS uri`.execute(tx);
  return rows[0] ?? null;
}

export async function deleteNotice(tx: Tx, id: string): Promise<void> {
  await sql`DELETE FROM oidc.logout_notices WHERE id = ${id}`.execute(tx);
}

import type { ActorToken, Membership, PlatformRole } from '@hexabase/kernel/actor.ts';
import type { SessionId, UserId } from '@hexabase/kernel/id.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';
import { recordAuth, recordSessionEnd } from '../auth-audit.ts';
import { withdrawApprovals } from '../letters/code-store.ts';
import { announceSessionsChanged } from '../revocation.ts';
import { withdrawTickets } from '../second-factor/ticket-store.ts';
import { hasFactor } from '../second-factor/factor-store.ts';
import { forgetDevices } from './known-devices.ts';
import { holdProof, withdrawProofs, type Proven } from './proof.ts';

export type EndReason =
  | 'signed_out'
  | 'revoked'
  | 'replaced'
  | 'refresh_reused'
  | 'user_disabled'
  | 'password_changed';

export interface Device {
  userAgent: string | null;
  /** The address that the connection came from. */
  address: string;
  /** A stable id that the client made for itself; when given, refreshing needs it again. */
  deviceId: string | null;
}

/** Live sessions of one account, unless an operator says otherwise; signing in once more ends the oldest. */
export const liveSessionsMax = 3;
/** However often it is refreshed, a session ends after this. */
export const sessionDaysMax = 30;
export const refreshTokenDays = 7;
const dayMs = 86_400_000;

export interface NewSession extends Proven {
  id: SessionId;
  device: Device;
  refreshTokenHash: string;
}

/** `changed`: the proof is from before a change of the account. `one factor`: the account has two, and one was shown. */
type Insertion = 'made' | 'changed' | 'one factor';

/**
 * The last lock of every way in of ours: ends the oldest sessions beyond the limit and inserts the new one with its first
 * refresh token, while what the person has proven still holds.
 */
export async function insertSession(
  tx: Tx,
  session: NewSession,
  { nowMs, sessionsMax = liveSessionsMax }: { nowMs: number; sessionsMax?: number | undefined },
): Promise<Insertion> {
  const now = new Date(nowMs);
  // Sign-ins of one account take turns here, or two at once would each leave room for themselves.
  if (!(await holdProof(tx, session))) return 'changed';
  if (!session.secondFactor && (await hasFactor(tx, session.userId))) return 'one factor';
  const ended = await sql`
    UPDATE hexabase.sessions SET ended_at = ${now}, end_reason = 'replaced'
    WHERE id IN (
      SELECT id FROM hexabase.sessions
      WHERE user_id = ${session.userId} AND ended_at IS NULL AND expires_at > ${now} AND provider_session IS NULL
      ORDER BY created_at DESC, id DESC OFFSET ${sessionsMax - 1}
    )`.execute(tx);
  if ((ended.numAffectedRows ?? 0n) > 0n) {
    await announceSessionsChanged(tx, session.userId);
    const details = { reason: 'replaced', sessions: Number(ended.numAffectedRows) };
    await recordAuth(tx, { userId: session.userId, action: 'auth.session-end', details }, nowMs);
  }
  await sql`
    INSERT INTO hexabase.sessions
      (id, user_id, created_at, last_used_at, expires_at, user_agent, address, device_id, second_factor_at)
    VALUES (${session.id}, ${session.userId}, ${now}, ${now}, ${new Date(nowMs + sessionDaysMax * dayMs)},
      ${session.device.userAgent}, ${session.device.address}, ${session.device.deviceId},
      ${session.secondFactor ? now : null})`.execute(tx);
  await sql`
    INSERT INTO hexabase.refresh_tokens (id, session_id, created_at, expires_at)
    VALUES (${session.refreshTokenHash}, ${session.id}, ${now}, ${new Date(nowMs + refreshTokenDays * dayMs)})`.execute(
    tx,
  );
  const target = `session/${session.id}`;
  await recordAuth(tx, { userId: session.userId, action: 'auth.sign-in', target }, nowMs);
  return 'made';
}

export interface Rotation {
  presentedHash: string;
  successorHash: string;
  deviceId: string | null;
}

/**
 * Spends a refresh token and inserts its successor in one statement: of any number of parallel calls PostgreSQL lets
 * one see `used_at IS NULL`. A session that began without a device is bound to the first that names itself. Null when this
 * call is not that one, whatever the reason.
 */
export async function rotateRefreshToken(
  tx: Tx,
  rotation: Rotation,
  nowMs: number,
): Promise<{ sessionId: string; userId: string } | null> {
  const now = new Date(nowMs);
  const { rows } = await sql<{ session_id: string; user_id: string }>`
    WITH spent AS (
      UPDATE hexabase.refresh_tokens t SET used_at = ${now}
      FROM hexabase.sessions s JOIN hexabase.users u ON u.id = s.user_id
      WHERE t.id = ${rotation.presentedHash} AND t.used_at IS NULL AND t.expires_at > ${now}
        AND s.id = t.session_id AND s.ended_at IS NULL AND s.expires_at > ${now} AND u.disabled_at IS NULL
        AND (s.device_id IS NULL OR s.device_id = ${rotation.deviceId})
      RETURNING t.session_id, s.user_id, s.expires_at
    ), successor AS (
      INSERT INTO hexabase.refresh_tokens (id, session_id, created_at, expires_at)
      SELECT ${rotation.successorHash}, session_id, ${now}::timestamptz,
        least(expires_at, ${new Date(nowMs + refreshTokenDays * dayMs)}::timestamptz) FROM spent
    ), touched AS (
      UPDATE hexabase.sessions SET last_used_at = ${now}, device_id = coalesce(device_id, ${rotation.deviceId})
      WHERE id IN (SELECT session_id FROM spent)
    )
    SELECT session_id, user_id FROM spent`.execute(tx);
  const row = rows[0];
  return row ? { sessionId: row.session_id, userId: row.user_id } : null;
}

export interface RefreshTokenState {
  sessionId: string;
  userId: string;
  used: boolean;
  sessionEnded: boolean;
  expired: boolean;
  deviceId: string | null;
}

/** Why a refresh token did not rotate. */
export async function findRefreshToken(
  tx: Tx,
  tokenHash: string,
  nowMs: number,
): Promise<RefreshTokenState | null> {
  const now = new Date(nowMs);
  const { rows } = await sql<RefreshTokenState>`
    SELECT t.session_id AS "sessionId", s.user_id AS "userId", t.used_at IS NOT NULL AS used,
      (s.ended_at IS NOT NULL OR s.expires_at <= ${now}) AS "sessionEnded", t.expires_at <= ${now} AS expired,
      s.device_id AS "deviceId"
    FROM hexabase.refresh_tokens t JOIN hexabase.sessions s ON s.id = t.session_id
    WHERE t.id = ${tokenHash}`.execute(tx);
  return rows[0] ?? null;
}

/**
 * Ends one live session; false when there is none such. The gateways hear of it at commit. Ended against the will of who
 * held it, it may have been a thief's: then no device of the account is known any more.
 */
export async function endOneSession(
  tx: Tx,
  session: { sessionId: string; userId: string; reason: EndReason },
  nowMs: number,
): Promise<boolean> {
  const { numAffectedRows } = await sql`
    UPDATE hexabase.sessions SET ended_at = ${new Date(nowMs)}, end_reason = ${session.reason}
    WHERE id = ${session.sessionId} AND user_id = ${session.userId} AND ended_at IS NULL`.execute(tx);
  if (numAffectedRows !== 1n) return false;
  if (session.reason !== 'signed_out') await forgetDevices(tx, session.userId);
  await announceSessionsChanged(tx, session.userId);
  await recordSessionEnd(tx, session, nowMs);
  return true;
}

/**
 * Ends every live session of an account, and every sign-in that is half done or approved and not fetched yet; no device of
 * it is known any more.
 */
export async function endAllSessions(
  tx: Tx,
  ending: { userId: UserId; reason: EndReason },
  nowMs: number,
): Promise<void> {
  const { numAffectedRows = 0n } = await sql`
    UPDATE hexabase.sessions SET ended_at = ${new Date(nowMs)}, end_reason = ${ending.reason}
    WHERE user_id = ${ending.userId} AND ended_at IS NULL`.execute(tx);
  await forgetDevices(tx, ending.userId);
  await withdrawProofs(tx, ending.userId);
  await withdrawTickets(tx, ending.userId);
  await withdrawApprovals(tx, ending.userId);
  await announceSessionsChanged(tx, ending.userId);
  const details = { reason: ending.reason, sessions: Number(numAffectedRows) };
  await recordAuth(tx, { userId: ending.userId, action: 'auth.session-end', details }, nowMs);
}

export interface SessionRow {
  id: SessionId;
  createdAt: Date;
  lastUsedAt: Date;
  expiresAt: Date;
  userAgent: string | null;
  address: string | null;
}

/** Live sessions of an account, newest first. */
export async function liveSessions(tx: Tx, userId: UserId, nowMs: number): Promise<SessionRow[]> {
  const { rows } = await sql<SessionRow>`
    SELECT id, created_at AS "createdAt", last_used_at AS "lastUsedAt", expires_at AS "expiresAt",
      user_agent AS "userAgent", address
    FROM hexabase.sessions WHERE user_id = ${userId} AND ended_at IS NULL AND expires_at > ${new Date(nowMs)}
    ORDER BY created_at DESC, id DESC`.execute(tx);
  return rows;
}

export interface LiveSession {
  sessionId: SessionId;
  userId: UserId;
  email: string;
  displayName: string;
  platformRole: PlatformRole | null;
  epoch: number;
  /** Those that this session reaches; the ones that it does not, for want of a second factor, are withheld. */
  memberships: Membership[];
  withheld: Membership[];
  /** Set when it is no session but an API token. */
  token?: ActorToken;
}

/** The session, its account and memberships in one statement; null when it ended or the account is disabled. */
export async function findLiveSession(
  tx: Tx,
  session: { sessionId: string; userId: string },
  nowMs: number,
): Promise<LiveSession | null> {
  const { rows } = await sql<LiveSession>`
    SELECT s.id AS "sessionId", u.id AS "userId", u.email, u.display_name AS "displayName",
      u.platform_role AS "platformRole", u.epoch::float8 AS epoch,
      coalesce(organizations.reached, '[]') AS memberships, coalesce(organizations.withheld, '[]') AS withheld
    FROM hexabase.sessions s JOIN hexabase.users u ON u.id = s.user_id
    CROSS JOIN LATERAL (
      SELECT json_agg(found.membership ORDER BY found.created_at) FILTER (WHERE NOT found.asks) AS reached,
        json_agg(found.membership ORDER BY found.created_at) FILTER (WHERE found.asks) AS withheld
      FROM (
        SELECT json_build_object('organizationId', m.organization_id, 'role', m.role) AS membership, m.created_at,
          coalesce(o.require_second_factor, false) AND s.second_factor_at IS NULL AS asks
        FROM hexabase.memberships m LEFT JOIN hexabase.organizations o ON o.id = m.organization_id
        WHERE m.user_id = u.id
        UNION ALL
        (${letIn(nowMs)})
      ) found
    ) organizations
    WHERE s.id = ${session.sessionId} AND s.user_id = ${session.userId} AND s.ended_at IS NULL
      AND s.expires_at > ${new Date(nowMs)} AND u.disabled_at IS NULL`.execute(tx);
  return rows[0] ?? null;
}

/** SQL: the organizations that an operator was let into, in the form of memberships; admin before read. */
function letIn(nowMs: number) {
  return sql`
    SELECT DISTINCT ON (g.organization_id) json_build_object('organizationId', g.organization_id,
        'role', CASE g.level WHEN 'admin' THEN 'admin' ELSE 'viewer' END,
        'grant', json_build_object('id', g.id, 'expiresAt', g.expires_at)) AS membership, g.created_at,
      coalesce(o.require_second_factor, false) AND s.second_factor_at IS NULL AS asks
    FROM hexabase.access_grants g LEFT JOIN hexabase.organizations o ON o.id = g.organization_id
    WHERE g.user_id = u.id AND u.platform_role IS NOT NULL AND g.revoked_at IS NULL AND g.expires_at > ${new Date(nowMs)}
      AND NOT EXISTS (SELECT FROM hexabase.memberships m
        WHERE m.user_id = u.id AND m.organization_id = g.organization_id)
    ORDER BY g.organization_id, g.level, g.expires_at DESC`;
}

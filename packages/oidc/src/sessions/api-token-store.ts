import type { Membership, TokenScope } from '@hexabase/kernel/actor.ts';
import { brandId } from '@hexabase/kernel/id.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';
import { recordAuth } from '../auth-audit.ts';
import type { LiveSession } from './session-store.ts';

/** A use is written down at most this often. */
const usedEveryMs = 60_000;
/** How long revoked and expired tokens are kept, so that their owner sees what became of them. */
const endedKeptMs = 14 * 86_400_000;

interface TokenRow {
  id: string;
  name: string;
  scope: 'read' | 'write' | 'workspace';
  workspaceId: string | null;
  lastUsedAt: Date | null;
  expiresAt: Date;
  userId: string;
  email: string;
  displayName: string;
  epoch: number;
  memberships: Membership[];
}

/** A token that works, in the form of a session: its id stands for the session's. No token has a platform role. */
export interface LiveToken {
  session: LiveSession;
  /** The use should be written down. */
  isDue: boolean;
  expired: boolean;
}

/** The token, its owner and their memberships in one statement; null when it is unknown, revoked or its owner disabled. */
export async function findLiveToken(tx: Tx, tokenHash: string, nowMs: number): Promise<LiveToken | null> {
  const { rows } = await sql<TokenRow>`
    SELECT t.id, t.name, t.scope, t.workspace_id AS "workspaceId", t.last_used_at AS "lastUsedAt",
      t.expires_at AS "expiresAt",
      u.id AS "userId", u.email, u.display_name AS "displayName", u.epoch::float8 AS epoch,
      coalesce((SELECT json_agg(json_build_object('organizationId', m.organization_id, 'role', m.role) ORDER BY m.created_at)
        FROM hexabase.memberships m WHERE m.user_id = u.id AND m.organization_id <> ALL (t.withheld)), '[]') AS memberships
    FROM hexabase.api_tokens t JOIN hexabase.users u ON u.id = t.user_id
    WHERE t.token_hash = ${tokenHash} AND t.revoked_at IS NULL AND u.disabled_at IS NULL`.execute(tx);
  const row = rows[0];
  if (!row) return null;
  const { userId, email, displayName, epoch, memberships } = row;
  return {
    session: {
      sessionId: brandId(row.id),
      userId: brandId(userId),
      email,
      displayName,
      platformRole: null,
      epoch,
      memberships,
      // Programs have no second factor: organizations that ask their members for one do not ask it of them.
      withheld: [],
      token: { name: row.name, scope: scopeOf(row), expiresAt: row.expiresAt.toISOString() },
    },
    isDue: nowMs - (row.lastUsedAt?.getTime() ?? 0) >= usedEveryMs,
    expired: row.expiresAt.getTime() <= nowMs,
  };
}

/** Not while a change holds the token: nobody waits for a note. Of many uses at once one is written; the first of all is in the audit log. */
export async function noteTokenUse(tx: Tx, tokenId: string, nowMs: number): Promise<void> {
  const { rows } = await sql<{ user_id: string; name: string; first: boolean }>`
    UPDATE hexabase.api_tokens t SET last_used_at = ${new Date(nowMs)}
    FROM (SELECT id, last_used_at IS NULL AS first FROM hexabase.api_tokens WHERE id = ${tokenId}
      FOR UPDATE SKIP LOCKED) AS before
    WHERE t.id = before.id AND (t.last_used_at IS NULL OR t.last_used_at <= ${new Date(nowMs - usedEveryMs)})
    RETURNING t.user_id, t.name, before.first`.execute(tx);
  const [used] = rows;
  if (!used?.first) return;
  const event = { userId: used.user_id, action: 'auth.token-first-use', target: `token/${tokenId}` } as const;
  await recordAuth(tx, { ...event, details: { token: used.name } }, nowMs);
}

/** Removes tokens that ended long ago. */
export async function pruneTokens(tx: Tx, nowMs: number): Promise<void> {
  const before = new Date(nowMs - endedKeptMs);
  await sql`DELETE FROM hexabase.api_tokens WHERE revoked_at < ${before} OR expires_at < ${before}`.execute(
    tx,
  );
}

function scopeOf({ scope, workspaceId }: Pick<TokenRow, 'scope' | 'workspaceId'>): TokenScope {
  return scope === 'workspace' ? { workspaceId: brandId(workspaceId ?? '') } : scope;
}

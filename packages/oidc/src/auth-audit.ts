import { newId } from '@hexabase/kernel/id.ts';
import { currentOrigin } from '@hexabase/kernel/request-origin.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';

/** What happens to somebody's ways in. Append only: filters and alarms of customers name them. */
export type AuthAction =
  /** A session began, or was refused. */
  | 'auth.sign-in'
  | 'auth.sign-out'
  /** A session was ended by its owner from elsewhere, pushed out by newer ones, or ended by the platform. */
  | 'auth.session-end'
  /** A refresh token was used twice: somebody else may have it. */
  | 'auth.refresh-reuse'
  /** Somebody said who they are on a page of ours, for a program that waits. */
  | 'auth.proof'
  /** Another identity provider said who somebody is. */
  | 'auth.provider'
  /** An account of another identity provider was tied to this one. */
  | 'auth.link'
  /** Groups that another identity provider says were followed, or could not be. */
  | 'auth.groups'
  | 'auth.password-set'
  | 'auth.second-factor'
  | 'auth.token-first-use'
  /** A token of a CI system was exchanged for one of ours, or was not taken. */
  | 'federation.exchange';

export interface AuthEvent {
  /** Null when nobody is known by what was typed; that is not kept, as people type passwords into the wrong field. */
  userId: string | null;
  /** Whose chain it lands in instead of the person's: what only that organization and not their others may read. */
  organizationId?: string;
  action: AuthAction;
  outcome?: 'allowed' | 'denied';
  /** `session/<id>`, `token/<id>`; the account when absent. */
  target?: string;
  details?: Record<string, unknown>;
}

/**
 * Writes one event of signing in into the audit log, in the transaction of what happened. It lands in the chain of the
 * person (a machine's in that of its organization), and names the organizations that the person is in at this moment
 * and agreed to be in: their admins may see it from then on, and nobody who comes later. Whoever only adds an account learns
 * nothing of it.
 */
export async function recordAuth(tx: Tx, event: AuthEvent, nowMs: number): Promise<void> {
  const origin = currentOrigin();
  const { userId, action, outcome = 'allowed', details = {} } = event;
  const target = event.target ?? (userId === null ? 'unknown account' : `user/${userId}`);
  await sql`
    INSERT INTO hexabase.audit_entries (id, organization_id, person_id, seen_by, actor_id, actor_email, action, target,
      outcome, request_id, address, agent, details, created_at)
    SELECT ${newId<'AuditEntry'>(nowMs)}, c.organization_id, CASE WHEN c.organization_id IS NULL THEN u.id END,
      CASE WHEN c.organization_id IS NULL
        THEN ARRAY(SELECT m.organization_id FROM hexabase.memberships m WHERE m.user_id = u.id AND m.accepted ORDER BY 1)
        ELSE '{}' END,
      u.id, u.email, ${action}, ${target}, ${outcome}, ${origin?.requestId ?? ''}, ${origin?.address ?? null},
      ${origin?.agent ?? null}, ${JSON.stringify(details)}::jsonb, ${new Date(nowMs)}
    FROM (VALUES (1)) AS one LEFT JOIN hexabase.users u ON u.id = ${userId}
      CROSS JOIN LATERAL (SELECT coalesce(${event.organizationId ?? null}, u.organization_id) AS organization_id) c`.execute(
    tx,
  );
}

/** One session ended; a refresh token that was used twice is told apart. */
export async function recordSessionEnd(
  tx: Tx,
  { sessionId, userId, reason }: { sessionId: string; userId: string; reason: string },
  nowMs: number,
): Promise<void> {
  const target = `session/${sessionId}`;
  const action = reason === 'signed_out' ? 'auth.sign-out' : 'auth.session-end';
  const event: AuthEvent =
    reason === 'refresh_reused'
      ? { userId, action: 'auth.refresh-reuse', outcome: 'denied', target }
      : { userId, action, target, details: { reason } };
  await recordAuth(tx, event, nowMs);
}

import { AppError } from '@hexabase/kernel/errors.ts';
import type { SessionId, UserId } from '@hexabase/kernel/id.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';
import { announceSessionsChanged } from '../revocation.ts';
import { hasFactor } from './factor-store.ts';

/** A person and the session in which they ask. */
export interface Owner {
  userId: UserId;
  sessionId: SessionId;
}

const freshMinutes = 5;

/**
 * Second factors are changed only shortly after a sign-in: a session that somebody left open, or a stolen token, must
 * not take an account over. Who has a second factor must have shown it in this session.
 * Throws AppError `session_ended`, `fresh_sign_in_required` or `second_factor_required`.
 */
export async function requireFreshSession(tx: Tx, owner: Owner, nowMs: number): Promise<{ email: string }> {
  const session = await lockedSession(tx, owner);
  if (session.createdAt.getTime() < nowMs - freshMinutes * 60_000) {
    throw new AppError('fresh_sign_in_required', { details: { howTo: 'hks login, then the same again' } });
  }
  await requireShown(tx, owner, session);
  return { email: session.email };
}

/**
 * What was begun while there was no factor is not finished past one that came meanwhile: somebody with a stolen session
 * could begin early and wait. Throws AppError `session_ended` or `second_factor_required`.
 */
export async function requireProvenSession(tx: Tx, owner: Owner): Promise<void> {
  await requireShown(tx, owner, await lockedSession(tx, owner));
}

interface LockedSession {
  email: string;
  createdAt: Date;
  proven: boolean;
}

/** Changes of one person's factors take turns: what is looked at next stays so until the end of the transaction. */
async function lockedSession(tx: Tx, owner: Owner): Promise<LockedSession> {
  const { rows } = await sql<LockedSession>`
    SELECT u.email, s.created_at AS "createdAt", s.second_factor_at IS NOT NULL AS proven
    FROM hexabase.sessions s JOIN hexabase.users u ON u.id = s.user_id
    WHERE s.id = ${owner.sessionId} AND s.user_id = ${owner.userId} AND s.ended_at IS NULL FOR UPDATE OF u`.execute(
    tx,
  );
  const [session] = rows;
  if (!session) throw new AppError('session_ended');
  return session;
}

async function requireShown(tx: Tx, owner: Owner, { proven }: LockedSession): Promise<void> {
  if (proven || !(await hasFactor(tx, owner.userId))) return;
  throw new AppError('second_factor_required', {
    message: 'This session was started without your second factor. Sign in again.',
    details: { howTo: 'hks login, then the same again' },
  });
}

/** Somebody has just shown a factor in this session. */
export async function markSession(tx: Tx, owner: Owner, nowMs: number): Promise<{ email: string }> {
  await sql`UPDATE hexabase.sessions SET second_factor_at = ${new Date(nowMs)}
    WHERE id = ${owner.sessionId} AND user_id = ${owner.userId}`.execute(tx);
  await announceSessionsChanged(tx, owner.userId);
  const { rows } = await sql<{ email: string }>`
    SELECT email FROM hexabase.users WHERE id = ${owner.userId}`.execute(tx);
  return { email: rows[0]?.email ?? '' };
}

/** The person has no factor any more: no session of theirs counts as proven by two. */
export async function unmarkSessions(tx: Tx, userId: UserId): Promise<void> {
  await sql`UPDATE hexabase.sessions SET second_factor_at = NULL WHERE user_id = ${userId}`.execute(tx);
  await announceSessionsChanged(tx, userId);
}

/** Names of the person's organizations whose members must have a second factor. */
export async function organizationsThatAsk(tx: Tx, userId: string): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    SELECT o.name FROM hexabase.organizations o JOIN hexabase.memberships m ON m.organization_id = o.id
    WHERE m.user_id = ${userId} AND o.require_second_factor AND o.deletion_requested_at IS NULL ORDER BY o.name`.execute(
    tx,
  );
  return rows.map(({ name }) => name);
}

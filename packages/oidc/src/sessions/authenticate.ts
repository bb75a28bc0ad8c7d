import type { Actor } from '@hexabase/kernel/actor.ts';
import type { Clock } from '@hexabase/kernel/clock.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { brandId } from '@hexabase/kernel/id.ts';
import type { Database } from '@hexabase/postgres/database.ts';
import { apiAudience, type AccessClaims } from '../tokens/claims.ts';
import type { Verifier } from '../tokens/verify.ts';
import { findLiveSession, type LiveSession } from './session-store.ts';

export interface AuthenticateDeps {
  db: Pick<Database, 'asIdentity'>;
  verifier: Verifier<AccessClaims>;
  clock: Clock;
}

/**
 * Turns an access token into the person behind it. Signature, issuer, audience and times come from the token; whether
 * the session lives, whether the account is enabled and every role come from the database, now.
 * Throws AppError `unauthenticated`, `token_expired` or `session_ended`.
 */
export async function authenticate(deps: AuthenticateDeps, token: string): Promise<Actor> {
  const session = await liveSessionOf(deps, token);
  return {
    userId: brandId(session.userId),
    email: session.email,
    sessionId: brandId(session.sessionId),
    platformRole: session.platformRole,
    memberships: session.memberships,
  };
}

/** As `authenticate`, with the name for showing. */
export async function liveSessionOf(deps: AuthenticateDeps, token: string): Promise<LiveSession> {
  const claims = await deps.verifier.verify(token, apiAudience);
  const session = await deps.db.asIdentity(
    (tx) => findLiveSession(tx, { sessionId: claims.sid, userId: claims.uid }, deps.clock.now()),
    { oneStatement: true },
  );
  if (!session) throw new AppError('session_ended');
  return session;
}

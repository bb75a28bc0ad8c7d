import type { Actor } from '@hexabase/kernel/actor.ts';
import { apiTokenHash, looksLikeApiToken } from '@hexabase/kernel/api-token.ts';
import type { Clock } from '@hexabase/kernel/clock.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { brandId } from '@hexabase/kernel/id.ts';
import type { Database } from '@hexabase/postgres/database.ts';
import { apiAudience, type AccessClaims } from '../tokens/claims.ts';
import type { Verifier } from '../tokens/verify.ts';
import { lookUpInTurn } from './account-turns.ts';
import { findLiveToken, noteTokenUse } from './api-token-store.ts';
import { findLiveSession, type LiveSession } from './session-store.ts';

export interface AuthenticateDeps {
  db: Pick<Database, 'asIdentity'>;
  verifier: Verifier<AccessClaims>;
  clock: Clock;
}

/**
 * Turns an access token into the person behind it, or an API token into its owner with the token's limits. Signature,
 * issuer, audience and times come from an access token; whether the session or the API token lives, whether the account
 * is enabled and every role come from the database, now.
 * Throws AppError `unauthenticated`, `token_expired` or `session_ended`. For what has begun already give who it was: the
 * age of an access token counts no more, the life of its session does.
 */
export async function authenticate(deps: AuthenticateDeps, token: string, begun?: Actor): Promise<Actor> {
  const session = begun && !begun.token ? await requireLive(deps, begun) : await liveSessionOf(deps, token);
  return {
    userId: brandId(session.userId),
    email: session.email,
    sessionId: brandId(session.sessionId),
    platformRole: session.platformRole,
    memberships: session.memberships,
    ...(session.withheld.length > 0 && { withheld: session.withheld }),
    ...(session.token && { token: session.token }),
  };
}

/** As `authenticate`, with the name for showing. */
export async function liveSessionOf(deps: AuthenticateDeps, token: string): Promise<LiveSession> {
  if (looksLikeApiToken(token)) return liveTokenOf(deps, token);
  const claims = await deps.verifier.verify(token, apiAudience);
  return requireLive(deps, { sessionId: claims.sid, userId: claims.uid });
}

async function requireLive(
  { db, clock }: AuthenticateDeps,
  { sessionId, userId }: { sessionId: string; userId: string },
): Promise<LiveSession> {
  const session = await lookUpInTurn(userId, () =>
    db.asIdentity((tx) => findLiveSession(tx, { sessionId, userId }, clock.now()), { oneStatement: true }),
  );
  if (!session) throw new AppError('session_ended');
  return session;
}

async function liveTokenOf({ db, clock }: AuthenticateDeps, token: string): Promise<LiveSession> {
  const hash = apiTokenHash(token);
  if (hash === null) throw new AppError('unauthenticated');
  const nowMs = clock.now();
  const found = await lookUpInTurn(hash, () =>
    db.asIdentity((tx) => findLiveToken(tx, hash, nowMs), { oneStatement: true }),
  );
  if (!found) throw new AppError('unauthenticated');
  const { session } = found;
  if (found.expired) throw new AppError('token_expired', { message: 'This API token has expired.' });
  if (found.isDue) {
    const noting = db.asIdentity((tx) => noteTokenUse(tx, session.sessionId, nowMs));
    // A full disk must not keep anybody from reading: the use is noted next time.
    await noting.catch(() => undefined);
  }
  return session;
}

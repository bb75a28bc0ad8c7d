import { AppError } from '@hexabase/kernel/errors.ts';
import { apiAudience } from '../tokens/claims.ts';
import { changeInTurn, lookUpInTurn } from './account-turns.ts';
import type { AuthenticateDeps } from './authenticate.ts';
import { refreshTokenHash } from './issue-tokens.ts';
import { endOneSession, findRefreshToken } from './session-store.ts';

/** Ends the session that a token belongs to: an access token, or a refresh token when that one has expired. */
export async function signOut(deps: AuthenticateDeps, token: string): Promise<void> {
  const session = await sessionOf(deps, token);
  await changeInTurn(session.userId, () =>
    deps.db.asIdentity((tx) => endOneSession(tx, { ...session, reason: 'signed_out' }, deps.clock.now())),
  );
}

async function sessionOf(
  deps: AuthenticateDeps,
  token: string,
): Promise<{ sessionId: string; userId: string }> {
  const hash = refreshTokenHash(token);
  if (hash === null) {
    const claims = await deps.verifier.verify(token, apiAudience);
    return { sessionId: claims.sid, userId: claims.uid };
  }
  const found = await lookUpInTurn(hash, () =>
    deps.db.asIdentity((tx) => findRefreshToken(tx, hash, deps.clock.now()), { oneStatement: true }),
  );
  if (!found) throw new AppError('unauthenticated');
  return { sessionId: found.sessionId, userId: found.userId };
}

import { AppError } from '@hexabase/kernel/errors.ts';
import { changeInTurn, lookUpInTurn } from './account-turns.ts';
import type { LiveSession } from './session-store.ts';
import { issueTokens, newRefreshToken, refreshTokenHash, type TokenSet } from './issue-tokens.ts';
import {
  endOneSession,
  findLiveSession,
  findRefreshToken,
  rotateRefreshToken,
  type Rotation,
} from './session-store.ts';
import type { SignInDeps } from './sign-in.ts';

type Outcome = { kind: 'rotated'; session: LiveSession } | { kind: 'refused'; error: AppError };

/**
 * Exchanges a refresh token for new tokens. A token works once, and on the device that the session began on: anything else
 * means that two parties hold it, so the whole session ends (RFC 9700 §4.14.2). Throws AppError `unauthenticated`,
 * `session_ended` or `refresh_reused`.
 */
export async function refreshTokens(
  deps: SignInDeps,
  presented: { refreshToken: string; deviceId: string | null },
): Promise<TokenSet> {
  const presentedHash = refreshTokenHash(presented.refreshToken);
  if (presentedHash === null) throw new AppError('unauthenticated');
  const successor = newRefreshToken();
  const nowMs = deps.clock.now();
  const owner = await lookUpInTurn(presentedHash, () =>
    deps.db.asIdentity((tx) => findRefreshToken(tx, presentedHash, nowMs), { oneStatement: true }),
  );
  if (!owner) throw new AppError('unauthenticated');
  const rotation = { presentedHash, successorHash: successor.hash, deviceId: presented.deviceId };
  const outcome = await changeInTurn(owner.userId, () => rotate(deps, rotation, nowMs));
  if (outcome.kind === 'refused') throw outcome.error;
  return issueTokens(deps, outcome.session, { refreshToken: successor.token, deviceId: presented.deviceId });
}

/** The refusal is answered, not thrown, inside the transaction: ending a misused session must be committed. */
function rotate({ db }: SignInDeps, rotation: Rotation, nowMs: number): Promise<Outcome> {
  const { presentedHash, deviceId } = rotation;
  return db.asIdentity(async (tx): Promise<Outcome> => {
    const rotated = await rotateRefreshToken(tx, rotation, nowMs);
    const session = rotated && (await findLiveSession(tx, rotated, nowMs));
    if (session) return { kind: 'rotated', session };

    const state = await findRefreshToken(tx, presentedHash, nowMs);
    if (!state) return refused('unauthenticated');
    const over = state.sessionEnded || state.expired;
    const elsewhere = state.deviceId !== null && state.deviceId !== deviceId;
    if (!state.used && (over || !elsewhere)) return refused(over ? 'session_ended' : 'unauthenticated');
    const ending = { sessionId: state.sessionId, userId: state.userId, reason: 'refresh_reused' } as const;
    await endOneSession(tx, ending, nowMs);
    return refused('refresh_reused', state.used ? undefined : otherDevice);
  });
}

const otherDevice =
  'This refresh token belongs to another device, so the session was ended for safety. Sign in again.';

function refused(code: 'unauthenticated' | 'session_ended' | 'refresh_reused', message?: string): Outcome {
  return { kind: 'refused', error: new AppError(code, message === undefined ? {} : { message }) };
}

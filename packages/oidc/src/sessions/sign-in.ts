import { AppError } from '@hexabase/kernel/errors.ts';
import { brandId, newId, type UserId } from '@hexabase/kernel/id.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';
import { issueTokens, newRefreshToken, type IssuerDeps, type TokenSet } from './issue-tokens.ts';
import { forgiveAttempts, reserveAttempt, type LoginPlace } from './login-attempts.ts';
import { passwordFits } from './passwords.ts';
import { findLiveSession, insertSession, type Device } from './session-store.ts';

export interface SignInDeps extends IssuerDeps {
  /** Whether e-mail and password are taken at all. */
  passwords: boolean;
}

export interface Credentials {
  email: string;
  password: string;
  device: Device;
}

/**
 * Signs in with e-mail and password. Throws AppError `invalid_credentials` in the same time and words for an unknown
 * address, a wrong password, a disabled account and one without a password; `rate_limited` after too many.
 */
export async function signIn(deps: SignInDeps, credentials: Credentials): Promise<TokenSet> {
  const { userId, place } = await proveCredentials(deps, credentials);
  return startSession(deps, { userId, device: credentials.device }, (tx) => forgiveAttempts(tx, place));
}

/** As `signIn`, for a browser in which somebody vouches for a program elsewhere: no session starts here. */
export async function checkPassword(deps: SignInDeps, credentials: Credentials): Promise<UserId> {
  const { userId, place } = await proveCredentials(deps, credentials);
  await deps.db.asIdentity((tx) => forgiveAttempts(tx, place));
  return userId;
}

async function proveCredentials(
  deps: SignInDeps,
  credentials: Credentials,
): Promise<{ userId: UserId; place: LoginPlace }> {
  if (!deps.passwords)
    throw new AppError('not_built', { message: 'Signing in with a password is switched off here.' });
  const email = credentials.email.normalize('NFC').trim().toLowerCase().slice(0, 254);
  const place = { email, address: credentials.device.address };
  const known = await deps.db.asIdentity(async (tx) => {
    await reserveAttempt(tx, place, deps.clock.now());
    return findCredentials(tx, email);
  });
  const fits = await passwordFits(known?.passwordHash ?? null, credentials.password);
  if (!known || !fits) throw new AppError('invalid_credentials');
  return { userId: known.userId, place };
}

/** Starts a session for somebody whose identity is already proven (first owner, another provider). */
export async function startSession(
  deps: SignInDeps,
  person: { userId: UserId; device: Device },
  also: (tx: Tx) => Promise<void> = async () => undefined,
): Promise<TokenSet> {
  const refresh = newRefreshToken();
  const nowMs = deps.clock.now();
  const sessionId = newId<'Session'>(nowMs);
  const session = await deps.db.asIdentity(async (tx) => {
    await also(tx);
    await insertSession(tx, { id: sessionId, ...person, refreshTokenHash: refresh.hash }, nowMs);
    return findLiveSession(tx, { sessionId, userId: person.userId }, nowMs);
  });
  if (!session) throw new AppError('invalid_credentials');
  return issueTokens(deps, session, { refreshToken: refresh.token, deviceId: person.device.deviceId });
}

async function findCredentials(
  tx: Tx,
  email: string,
): Promise<{ userId: UserId; passwordHash: string | null } | null> {
  const { rows } = await sql<{ id: string; password_hash: string | null; disabled: boolean }>`
    SELECT id, password_hash, disabled_at IS NOT NULL AS disabled FROM hexabase.users WHERE lower(email) = ${email}`.execute(
    tx,
  );
  const row = rows[0];
  if (!row) return null;
  return { userId: brandId(row.id), passwordHash: row.disabled ? null : row.password_hash };
}

import { canonicalEmail } from '@hexabase/kernel/text/email-address.ts';
import { AppError, isAppError } from '@hexabase/kernel/errors.ts';
import { brandId, newId, type SessionId, type UserId } from '@hexabase/kernel/id.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';
import { recordAuth } from '../auth-audit.ts';
import { changeInTurn } from './account-turns.ts';
import { issueTokens, newRefreshToken, type IssuerDeps, type TokenSet } from './issue-tokens.ts';
import { readDevice, reserveDeviceAttempt, returnDeviceAttempt, type KnownDevice } from './known-devices.ts';
import { isKnownPlace } from './known-places.ts';
import {
  forgiveAttempts,
  queueStranger,
  reserveAttempt,
  reserveOwnAttempt,
  reserveStrangersAttempt,
  returnAttempt,
  returnOwnAttempt,
  returnStrangersAttempt,
  returnTurn,
  type LoginPlace,
} from './login-attempts.ts';
import { lookInTurn, type Trier } from './password-turns.ts';
import { passwordFits } from './passwords.ts';
import type { Proven } from './proof.ts';
import { beginLogin, finishLogin, type FactorDeps } from '../second-factor/second-step.ts';
import { stepSeconds } from '../second-factor/ticket-store.ts';
import { findLiveSession, insertSession, type Device } from './session-store.ts';

export interface SignInDeps extends IssuerDeps, Pick<FactorDeps, 'vault'> {
  /** Whether e-mail and password are taken at all. */
  passwords: boolean;
  /** Live sessions of one account. */
  sessionsMax?: number | undefined;
}

export interface Credentials {
  email: string;
  password: string;
  device: Device;
  /** Of this account, which is shown beside the password. */
  sessionId?: SessionId;
  /** What `rememberDevice` of the identity gave to the browser or program, which may be another account's. */
  knownDevice?: string | null;
}

/** Whose password it was. */
interface Proof extends Proven {
  /** Gives back what was counted for the try. */
  forgive(tx: Tx): Promise<void>;
}

/**
 * Signs in with e-mail and password. Throws AppError `invalid_credentials` in the same time and words for an unknown
 * address, a wrong password, a disabled account and one without a password; `rate_limited` after too many;
 * `second_factor_required` with a ticket for `finishSignIn` when the person has a second factor.
 */
export async function signIn(deps: SignInDeps, credentials: Credentials): Promise<TokenSet> {
  const { userId, secondFactor, proof, forgive } = await proveCredentials(deps, credentials);
  const person = { userId, secondFactor, proof };
  const step = await beginLogin(deps, person);
  if (!step) return startSession(deps, { ...person, device: credentials.device }, forgive);
  await deps.db.asIdentity(forgive);
  throw new AppError('second_factor_required', {
    message: 'The password is right. Go on with a code of your second factor, or a recovery code.',
    details: { ...step, expiresInSeconds: stepSeconds },
  });
}

/**
 * The second step of a sign-in with e-mail and password: a code of an authenticator app or a recovery code. Throws
 * AppError `invalid_credentials` for a wrong code, a used or foreign ticket alike, `rate_limited` after too many.
 */
export async function finishSignIn(
  deps: SignInDeps,
  { ticket, code, device }: { ticket: string; code: string; device: Device },
): Promise<TokenSet> {
  const outcome = await finishLogin(deps, { ticket, code });
  if (outcome.kind !== 'proven') {
    throw new AppError('invalid_credentials', {
      message: 'The code is wrong or was used already, or the sign-in took too long. Try again.',
    });
  }
  const { userId, proof } = outcome;
  return startSession(deps, { userId, secondFactor: true, proof, device });
}

/** As `signIn`, for a browser in which somebody vouches for a program elsewhere: no session starts here. */
export async function checkPassword(deps: SignInDeps, credentials: Credentials): Promise<Proven> {
  const { userId, secondFactor, proof, forgive } = await proveCredentials(deps, credentials);
  await deps.db.asIdentity(async (tx) => {
    await forgive(tx);
    await recordAuth(tx, { userId, action: 'auth.proof', details: { way: 'password' } }, deps.clock.now());
  });
  return { userId, secondFactor, proof };
}

async function proveCredentials(deps: SignInDeps, credentials: Credentials): Promise<Proof> {
  if (!deps.passwords)
    throw new AppError('not_built', { message: 'Signing in with a password is switched off here.' });
  const { db, clock, vault } = deps;
  const email = canonicalEmail(credentials.email).slice(0, 254);
  const place = { email, address: credentials.device.address };
  const device = readDevice(vault, credentials.knownDevice ?? null, clock.now());
  const { sessionId } = credentials;
  const asker = device ? onDevice(device.userId) : sessionId ? inSession(sessionId) : place;
  const { found, who, giveBack } = await lookInTurn(asker, () =>
    reserveTry(deps, place, { device, sessionId }),
  );
  const { password } = credentials;
  const fits = await passwordFits(found?.passwordHash ?? null, { password, who }).catch(
    async (error: unknown) => {
      // It was not looked at: whoever has to come again has guessed nothing.
      await db.asIdentity(giveBack);
      throw error;
    },
  );
  if (!found || !fits) {
    const refused = { userId: found?.userId ?? null, action: 'auth.sign-in', outcome: 'denied' } as const;
    const details = { way: 'password' };
    await db.asIdentity((tx) => recordAuth(tx, { ...refused, details }, clock.now()));
    throw new AppError('invalid_credentials');
  }
  // At once, whatever a second factor says: no try of the owner's counts among those of strangers.
  if ('address' in who) await db.asIdentity((tx) => returnStrangersAttempt(tx, email));
  return found;
}

/** A try that is counted. */
interface Try {
  /** Null where there is no account. */
  found: (Proof & { passwordHash: string | null }) | null;
  who: Trier;
  /** For one whose password is not looked at after all. */
  giveBack(tx: Tx): Promise<void>;
}

// Whoever guesses in one of these ways is nobody's company in another.
const onDevice = (userId: string): Trier => ({ known: `device of ${userId}` });
const inSession = (sessionId: SessionId): Trier => ({ known: `session ${sessionId}` });
const atHome = ({ userId }: { userId: UserId }): Trier => ({ known: `home of ${userId}` });

/** Counts the try. Throws AppError `rate_limited`; nothing is counted then. */
function reserveTry(
  { db, clock }: SignInDeps,
  place: LoginPlace,
  { device, sessionId }: { device: KnownDevice | null; sessionId: SessionId | undefined },
): Promise<Try> {
  const nowMs = clock.now();
  let isStranger = false;
  const reserved = db.asIdentity(async (tx): Promise<Try> => {
    const found = await findCredentials(tx, place.email);
    if (found && device && (await reserveDeviceAttempt(tx, { device, account: found }, nowMs))) {
      const giveBack = (then: Tx) => returnDeviceAttempt(then, device.id);
      return { found: { ...found, forgive: giveBack }, who: onDevice(found.userId), giveBack };
    }
    await reserveAttempt(tx, place, nowMs);
    if (sessionId !== undefined) await reserveOwnAttempt(tx, sessionId, nowMs);
    const at = found && { userId: found.userId, address: place.address };
    // Also where no account is: the count must not tell which there are.
    const home = sessionId ? inSession(sessionId) : at && (await isKnownPlace(tx, at, nowMs)) && atHome(at);
    isStranger = !home;
    if (!home) await reserveStrangersAttempt(tx, place, nowMs);
    return {
      found: found && { ...found, forgive: (then) => forgiveAttempts(then, place) },
      who: home || { address: place.address },
      async giveBack(then) {
        await returnAttempt(then, place);
        if (sessionId !== undefined) await returnOwnAttempt(then, sessionId);
        if (home) return;
        await returnStrangersAttempt(then, place.email);
        await returnTurn(then, place, nowMs);
      },
    };
  });
  return reserved.catch(async (error: unknown) => {
    if (!isStranger || !isAppError(error, 'rate_limited')) throw error;
    throw (await db.asIdentity((tx) => queueStranger(tx, place, nowMs))) ?? error;
  });
}

/**
 * Starts a session for somebody whose identity is already proven. Throws AppError `second_factor_required` for somebody
 * who has a second factor and did not show one, `invalid_credentials` when the account has changed since the proof.
 */
export async function startSession(
  deps: SignInDeps,
  person: Proven & { device: Device },
  also: (tx: Tx) => Promise<void> = async () => undefined,
): Promise<TokenSet> {
  const refresh = newRefreshToken();
  const nowMs = deps.clock.now();
  const sessionId = newId<'Session'>(nowMs);
  const begin = async (tx: Tx) => {
    // First, because whoever changes a password holds the account before the counts.
    const inserted = await insertSession(
      tx,
      { id: sessionId, ...person, refreshTokenHash: refresh.hash },
      { nowMs, sessionsMax: deps.sessionsMax },
    );
    if (inserted === 'changed') return null;
    await also(tx);
    if (inserted === 'one factor') return inserted;
    return findLiveSession(tx, { sessionId, userId: person.userId }, nowMs);
  };
  const session = await changeInTurn(person.userId, () => deps.db.asIdentity(begin));
  if (session === 'one factor') throw new AppError('second_factor_required');
  if (!session) throw new AppError('invalid_credentials');
  return issueTokens(deps, session, { refreshToken: refresh.token, deviceId: person.device.deviceId });
}

async function findCredentials(
  tx: Tx,
  email: string,
): Promise<(Proven & { passwordHash: string | null; deviceEpoch: number }) | null> {
  const { rows } = await sql<{
    id: string;
    password_hash: string | null;
    epoch: number;
    proof: number;
    disabled: boolean;
  }>`
    SELECT id, password_hash, device_epoch::float8 AS epoch, proof_epoch::float8 AS proof, disabled_at IS NOT NULL AS disabled
    FROM hexabase.users WHERE lower(email) = ${email}`.execute(tx);
  const row = rows[0];
  if (!row) return null;
  const passwordHash = row.disabled ? null : row.password_hash;
  const proven = { userId: brandId<'User'>(row.id), secondFactor: false, proof: row.proof };
  return { ...proven, passwordHash, deviceEpoch: row.epoch };
}

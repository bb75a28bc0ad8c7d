import type { Actor } from '@hexabase/kernel/actor.ts';
import type { Clock } from '@hexabase/kernel/clock.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { brandId, type SessionId, type UserId } from '@hexabase/kernel/id.ts';
import type { Database } from '@hexabase/postgres/database.ts';
import { openKeyRing, type KeyRing } from './keys/key-ring.ts';
import { browserSignIn, pruneSignInCodes, type BrowserSignIn } from './interaction/browser-sign-in.ts';
import { createKeyVault } from '@hexabase/kernel/key-vault.ts';
import { changePassword, type PasswordChange } from './passwords/change-password.ts';
import { changeInTurn } from './sessions/account-turns.ts';
import { pruneTokens } from './sessions/api-token-store.ts';
import { authenticate, liveSessionOf } from './sessions/authenticate.ts';
import { signedInUser, type SignedInUser, type TokenSet } from './sessions/issue-tokens.ts';
import { giveDevice } from './sessions/known-devices.ts';
import { pruneAttempts } from './sessions/login-attempts.ts';
import { readProof, type Proven } from './sessions/proof.ts';
import { refreshTokens } from './sessions/refresh.ts';
import { endOneSession, liveSessions, type Device, type SessionRow } from './sessions/session-store.ts';
import { checkPassword, finishSignIn, signIn, startSession, type Credentials } from './sessions/sign-in.ts';
import { signOut } from './sessions/sign-out.ts';
import { secondFactors, type SecondFactors } from './second-factor/second-factors.ts';
import { accessClaims } from './tokens/claims.ts';
import { mintKubeToken, type KubeToken, type KubeTokenRequest } from './tokens/kube-token.ts';
import { createVerifier } from './tokens/verify.ts';
import { pruneIdentity } from './prune.ts';

export interface IdentityOptions {
  db: Pick<Database, 'asIdentity' | 'asWorker' | 'listen'>;
  masterKey: Uint8Array;
  /** Public https URL + `/oidc`. */
  issuer: string;
  clock: Clock;
  /** Whether e-mail and password are taken; off in production. */
  passwords?: boolean;
  /** Live sessions of one account; default three. */
  sessionsMax?: number | undefined;
}

/** Everything about who somebody is. One per process. */
export interface Identity extends AsyncDisposable {
  readonly issuer: string;
  readonly keys: KeyRing;
  /** Whether e-mail and password are taken. */
  readonly passwords: boolean;
  readonly secondFactors: SecondFactors;
  signIn(credentials: Credentials): Promise<TokenSet>;
  /** The second step of it, with the ticket that the first one answered. */
  finishSignIn(given: { ticket: string; code: string; device: Device }): Promise<TokenSet>;
  /** Signing the command line in through a browser. */
  readonly browser: BrowserSignIn;
  /** Proves e-mail and password without starting a session. Throws as `signIn` does. */
  checkPassword(credentials: Credentials): Promise<Proven>;
  /**
   * What a browser or program keeps in which somebody has just proven who they are: guesses of strangers do not slow it
   * down (`known-devices.ts`). Null for a disabled account.
   */
  rememberDevice(userId: UserId): Promise<string | null>;
  /**
   * Signs somebody in whose identity is already proven: the first owner at first start. Throws AppError
   * `second_factor_required` for somebody who has a second factor.
   */
  startSession(userId: UserId, device: Device): Promise<TokenSet>;
  refresh(presented: { refreshToken: string; deviceId: string | null }): Promise<TokenSet>;
  /** `begun`: who it was when something began that takes longer than an access token lives. */
  authenticate(token: string, begun?: Actor): Promise<Actor>;
  /** Who is signed in, for showing. */
  describe(token: string): Promise<SignedInUser>;
  /** For people, who know the current one; every session of theirs ends. Throws as `signIn` does, and `validation_failed`. */
  changePassword(actor: Actor, change: PasswordChange): Promise<void>;
  /** Ends the session of an access token or of a refresh token; does nothing for a session that ended. */
  signOut(token: string): Promise<void>;
  /** Throws AppError `forbidden` for API tokens: a leaked one must not say where its owner signs in. */
  listSessions(actor: Actor): Promise<(SessionRow & { current: boolean })[]>;
  /** Ends one session of the actor. Throws AppError `not_found` for one that is not theirs, `forbidden` for API tokens. */
  endSession(actor: Actor, sessionId: SessionId): Promise<void>;
  mintKubeToken(request: KubeTokenRequest): Promise<KubeToken>;
  /** Rotates when the active key is older than `olderThanMs` (default: now). Safe on every replica. */
  rotateSigningKeys(options?: { olderThanMs?: number }): Promise<{ rotated: boolean }>;
  /** Removes what is long past: sessions, tokens, counters, provider payloads. Call it now and then. */
  prune(): Promise<void>;
}

/** Opens the keys (making them at the first start) and ties the parts together. */
export async function openIdentity(options: IdentityOptions): Promise<Identity> {
  const { db, clock, issuer, passwords = true, sessionsMax } = options;
  const vault = createKeyVault(options.masterKey);
  const keys = await openKeyRing({ db, clock, vault });
  const verifier = createVerifier({ keys, clock, issuer, headerType: 'at+jwt', claims: accessClaims });
  const deps = { db, clock, issuer, keys, verifier, passwords, vault, sessionsMax };

  return {
    issuer,
    keys,
    passwords,
    secondFactors: secondFactors(deps),
    signIn: (credentials) => signIn(deps, credentials),
    finishSignIn: (given) => finishSignIn(deps, given),
    browser: browserSignIn(deps),
    checkPassword: (credentials) => checkPassword(deps, credentials),
    rememberDevice: (userId) => db.asIdentity((tx) => giveDevice(tx, { userId, vault }, clock.now())),
    async startSession(userId, device) {
      const proof = await db.asIdentity((tx) => readProof(tx, userId));
      return startSession(deps, { userId, secondFactor: false, proof, device });
    },
    refresh: (presented) => refreshTokens(deps, presented),
    authenticate: (token, begun) => authenticate(deps, token, begun),
    describe: async (token) => signedInUser(await liveSessionOf(deps, token)),
    async changePassword(actor, change) {
      requirePerson(actor);
      await changePassword(deps, actor, change);
    },
    signOut: (token) => signOut(deps, token),
    async listSessions(actor) {
      requirePerson(actor);
      const rows = await db.asIdentity((tx) => liveSessions(tx, actor.userId, clock.now()));
      return rows.map((row) => ({ ...row, current: row.id === actor.sessionId }));
    },
    async endSession(actor, sessionId) {
      requirePerson(actor);
      const session = {
        sessionId: brandId<'Session'>(sessionId),
        userId: actor.userId,
        reason: 'revoked',
      } as const;
      const ended = await changeInTurn(actor.userId, () =>
        db.asIdentity((tx) => endOneSession(tx, session, clock.now())),
      );
      if (!ended) throw new AppError('not_found');
    },
    mintKubeToken: (request) => mintKubeToken(deps, request),
    rotateSigningKeys: (rotation) => keys.rotate(rotation),
    async prune() {
      await db.asIdentity(async (tx) => {
        await pruneAttempts(tx, clock.now());
        await pruneIdentity(tx, clock.now());
        await pruneTokens(tx, clock.now());
      });
      await pruneSignInCodes(deps);
    },
    [Symbol.asyncDispose]: () => keys[Symbol.asyncDispose](),
  };
}

function requirePerson(actor: Actor): void {
  if (actor.token)
    throw new AppError('forbidden', { message: 'Sessions are for people, not for API tokens.' });
}

import type { Clock } from '@hexabase/kernel/clock.ts';
import { isMachineAddress } from '@hexabase/kernel/text/email-address.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import type { UserId } from '@hexabase/kernel/id.ts';
import type { KeyVault } from '@hexabase/kernel/key-vault.ts';
import type { Database, Tx } from '@hexabase/postgres/database.ts';
import { queueMail } from '@hexabase/postgres/mail-queue.ts';
import { judgeNewPassword } from '../passwords/judge-new.ts';
import { isDeviceOf, readDevice } from '../sessions/known-devices.ts';
import { reserveAttempt } from '../sessions/login-attempts.ts';
import { lookInTurn } from '../sessions/password-turns.ts';
import { giveOrganization, type NewcomerDeps } from '../upstream/newcomer.ts';
import { createUser, findUserByEmail, normalizeEmail, personalEmail, setPassword } from '../users.ts';
import {
  findCode,
  holdAccount,
  insertCode,
  invitedEmail,
  lettersLately,
  spendCodes,
  type LetterCode,
  type LetterKind,
} from './code-store.ts';
import { letterFor } from './texts.ts';

export interface LettersDeps extends NewcomerDeps {
  db: Pick<Database, 'asIdentity'>;
  vault: KeyVault;
  clock: Clock;
  /** Our address in letters, without a trailing slash. Never taken from a request. */
  site: string;
  passwords: boolean;
  signUp: boolean;
}

interface Asked {
  email: string;
  /** Where the request came from. */
  address: string;
  /** What `rememberDevice` of the identity gave to the browser, which may be another account's. */
  knownDevice?: string | null;
}

/** Accounts with a password, by letters that prove who reads a mailbox. */
export interface Letters {
  readonly signUp: boolean;
  /**
   * Sends a letter with which a password can be set, or one that says that there is nothing to set. The caller is told
   * the same, after the same work, for every address. Throws AppError `validation_failed`, `rate_limited`, `not_built`.
   */
  ask(kind: LetterKind, asked: Asked): Promise<void>;
  /** Whose password a code sets: that of a letter, or of an invitation to somebody without an account. */
  find(code: string): Promise<{ kind: LetterKind; email: string }>;
  /**
   * Sets the password and makes the account where there was none; every session of the account ends. A code works once;
   * a password that is too weak does not use it up. Throws AppError `not_found`, `validation_failed`, `rate_limited`.
   */
  finish(given: { code: string; password: string }): Promise<{ kind: LetterKind; userId: UserId }>;
  /** Somebody has signed in with a password: makes the organization that could not be made before. */
  signedIn(userId: UserId): Promise<void>;
}

/**
 * Letters of one kind to one address; more are dropped without a word. After those of a day one an hour still leaves: as
 * long as a code is good. So whoever is dropped has a letter that does, however many others ask for them.
 */
const lettersMost = { reset: { hour: 5, day: 10 }, sign_up: { hour: 3, day: 6 } } as const;
/** More in an hour for a browser of the account's owner, who may have lost what strangers asked for. */
const ownersMore = 3;

export function openLetters(deps: LettersDeps): Letters {
  const { db, clock } = deps;
  return {
    signUp: deps.passwords && deps.signUp,
    ask: (kind, asked) => ask(deps, kind, asked),
    async find(code) {
      const found = await db.asIdentity((tx) => codeOf(deps, tx, code));
      return { kind: found.kind, email: found.email };
    },
    signedIn: (userId) => giveOrganization(deps, userId),
    async finish({ code, password }) {
      const { email } = await db.asIdentity((tx) => codeOf(deps, tx, code));
      await judgeNewPassword(deps, { email, password });
      const { kind, userId } = await db.asIdentity(async (tx) => {
        // Once more: it may have been spent meanwhile, or another password set.
        await holdAccount(tx, email);
        const found = await codeOf(deps, tx, code);
        const nowMs = clock.now();
        const judged = { password, anyPassword: true };
        await spendCodes(tx, found.email, nowMs);
        if (found.userId === null) {
          const displayName = found.email.split('@')[0] ?? found.email;
          const fresh = { email: found.email, displayName, ...judged, organizationDue: !found.invited };
          return { kind: found.kind, userId: (await createUser(tx, fresh, nowMs)).id };
        }
        await setPassword(tx, { userId: found.userId, ...judged }, nowMs);
        return { kind: found.kind, userId: found.userId };
      });
      await giveOrganization(deps, userId);
      return { kind, userId };
    },
  };
}

async function ask(deps: LettersDeps, kind: LetterKind, asked: Asked): Promise<void> {
  if (!deps.passwords || (kind === 'sign_up' && !deps.signUp)) throw switchedOff();
  const email = kind === 'sign_up' ? personalEmail(asked.email) : normalizeEmail(asked.email);
  const nowMs = deps.clock.now();
  const place = { email: `letter ${email}`, address: asked.address };
  const device = readDevice(deps.vault, asked.knownDevice ?? null, nowMs);
  await lookInTurn(place, () => deps.db.asIdentity((tx) => reserveAttempt(tx, place, nowMs)));
  await deps.db.asIdentity(async (tx) => {
    const user = await findUserByEmail(tx, email);
    const isOwners = user !== null && device !== null && (await isDeviceOf(tx, device, user.id));
    if (isEnough(kind, { ...(await lettersLately(tx, { kind, email }, nowMs)), isOwners })) return;
    // A disabled account is told nothing else than a stranger, and cannot be opened by a letter.
    const known = user !== null && user.disabledAt === null && !isMachineAddress(email);
    const code = await insertCode(tx, { kind, email, userId: known ? user.id : null }, nowMs);
    const letter = letterFor(kind, {
      known: kind === 'reset' ? known : user !== null,
      site: deps.site,
      code,
    });
    const mail = { ...letter, kind: `account.${kind}`, recipient: email, organizationId: null };
    await queueMail(tx, mail, { vault: deps.vault, nowMs });
  });
}

function isEnough(
  kind: LetterKind,
  { hour, day, isOwners }: { hour: number; day: number; isOwners: boolean },
): boolean {
  const most = lettersMost[kind];
  if (isOwners) return hour >= most.hour + ownersMore;
  return hour >= (day >= most.day ? 1 : most.hour);
}

async function codeOf(deps: LettersDeps, tx: Tx, code: string): Promise<LetterCode & { invited: boolean }> {
  if (!deps.passwords) throw switchedOff();
  const found = await findCode(tx, code, deps.clock.now());
  if (found) {
    const account = await findUserByEmail(tx, found.email);
    if (isMachineAddress(found.email)) throw noSuchCode();
    const fits = found.kind === 'reset' ? account?.disabledAt === null : account === null;
    if (fits) return { ...found, invited: false };
    throw noSuchCode();
  }
  const email = await invitedEmail(tx, code, deps.clock.now());
  if (email === null || isMachineAddress(email) || (await findUserByEmail(tx, email))) throw noSuchCode();
  return { kind: 'sign_up', email, userId: null, invited: true };
}

function switchedOff(): AppError {
  return new AppError('not_found', { message: 'This is switched off here.' });
}

function noSuchCode(): AppError {
  return new AppError('not_found', {
    message: 'This address of a letter was used already, is too old or incomplete. Ask for a new letter.',
  });
}

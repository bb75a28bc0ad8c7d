import type { Clock } from '@hexabase/kernel/clock.ts';
import type { UserId } from '@hexabase/kernel/id.ts';
import type { KeyVault } from '@hexabase/kernel/key-vault.ts';
import type { Database, Tx } from '@hexabase/postgres/database.ts';
import { recordAuth } from '../auth-audit.ts';
import { forgiveAttempts, reserveAttempt } from '../sessions/login-attempts.ts';
import type { Proven } from '../sessions/proof.ts';
import {
  activeTotps,
  hasFactor,
  listFactors,
  notePasskeyUse,
  passkeysOf,
  recoveryCodesLeft,
  spendRecoveryCode,
  spendStep,
} from './factor-store.ts';
import { tellPerson } from './notices.ts';
import { assertionOptions, readAssertion, relyingParty } from './passkeys.ts';
import { recoveryCodeHash } from './recovery-codes.ts';
import {
  challengeTicket,
  insertTicket,
  spendTicket,
  tryTicket,
  type PagePlace,
  type Ticket,
} from './ticket-store.ts';
import { totpCodeOf, totpStep } from './totp.ts';

export interface FactorDeps {
  db: Pick<Database, 'asIdentity'>;
  vault: KeyVault;
  clock: Clock;
}

/** A page of ours in one browser, at the origin that the browser sees. */
export interface StepPage extends PagePlace {
  origin: string;
}

/** What a person is asked on the second page. */
export interface SecondStep {
  /** Good once, for five minutes, and only where it was given. */
  ticket: string;
  /** They have an authenticator app; recovery codes everybody has. */
  app: boolean;
  /** What the browser is asked to sign, as JSON; null without a passkey that works here. */
  passkey: string | null;
}

/** What came of an answer: refusals are no errors, because what a try changes must be committed. */
export type StepOutcome =
  /** It does not fit; the ticket may be tried again. */
  | { kind: 'wrong' }
  /** The ticket is used, too old or was never good here. */
  | { kind: 'gone' }
  | { kind: 'proven'; userId: UserId; proof: number };

/** What is stored with the secret of a factor. */
export function factorContext(id: string): string {
  return `hexabase.second_factors/${id}/secret`;
}

/** A ticket for programs when the person has a second factor, else null. */
export async function beginLogin(
  { db, clock }: FactorDeps,
  { userId, proof }: Proven,
): Promise<Pick<SecondStep, 'ticket' | 'app'> | null> {
  return db.asIdentity(async (tx) => {
    const factors = await listFactors(tx, userId);
    if (factors.length === 0) return null;
    const app = factors.some(({ kind }) => kind === 'totp');
    return { ticket: await insertTicket(tx, { kind: 'login', userId, proof }, clock.now()), app };
  });
}

/** What to ask on the page when the person has a second factor, else null. */
export async function beginPage(
  { db, clock }: FactorDeps,
  { person: { userId, proof }, page }: { person: Proven; page: StepPage },
): Promise<SecondStep | null> {
  return db.asIdentity(async (tx) => {
    if (!(await hasFactor(tx, userId))) return null;
    const ticket = await insertTicket(tx, { kind: 'page', userId, proof, ...page }, clock.now());
    return askOnPage(tx, { ticket, page }, clock.now());
  });
}

/** The page once more, after an answer that did not fit; null when the ticket cannot be tried any more. */
export async function repeatPage(
  { db, clock }: FactorDeps,
  asked: { ticket: string; page: StepPage },
): Promise<SecondStep | null> {
  return db.asIdentity((tx) => askOnPage(tx, asked, clock.now()));
}

/** A code of an app or a recovery code, at the address of programs. Throws AppError `rate_limited`. */
export async function finishLogin(
  deps: FactorDeps,
  { ticket, code }: { ticket: string; code: string },
): Promise<StepOutcome> {
  return finish(deps, {
    ticket,
    place: { kind: 'login' },
    fits: (tx, { userId, email }) => codeFits(deps, tx, { userId, email, code }),
  });
}

/** A code or what the browser signed, on the page where it was asked. Throws AppError `rate_limited`. */
export async function finishPage(
  deps: FactorDeps,
  { ticket, page, code, passkey }: { ticket: string; page: StepPage; code: string; passkey: string },
): Promise<StepOutcome> {
  return finish(deps, {
    ticket,
    place: { kind: 'page', ...page },
    fits: (tx, found) =>
      passkey === ''
        ? codeFits(deps, tx, { ...found, code })
        : passkeyFits(tx, { found, passkey, origin: page.origin }, deps.clock.now()),
  });
}

interface Finish {
  ticket: string;
  place: Parameters<typeof tryTicket>[1]['place'];
  fits(tx: Tx, found: Ticket): Promise<boolean>;
}

async function finish({ db, clock }: FactorDeps, { ticket, place, fits }: Finish): Promise<StepOutcome> {
  return db.asIdentity(async (tx): Promise<StepOutcome> => {
    const found = await tryTicket(tx, { ticket, place }, clock.now());
    if (!found) return { kind: 'gone' };
    const { userId, proof } = found;
    if (!(await fits(tx, found))) {
      const details = { what: 'wrong' };
      const refused = { userId, action: 'auth.second-factor', outcome: 'denied', details } as const;
      await recordAuth(tx, refused, clock.now());
      return { kind: 'wrong' };
    }
    if (!(await spendTicket(tx, ticket))) return { kind: 'gone' };
    const details = { what: 'shown' };
    await recordAuth(tx, { userId, action: 'auth.second-factor', details }, clock.now());
    return { kind: 'proven', userId, proof };
  });
}

async function askOnPage(
  tx: Tx,
  { ticket, page }: { ticket: string; page: StepPage },
  nowMs: number,
): Promise<SecondStep | null> {
  const place = { kind: 'page', ...page } as const;
  const found = await challengeTicket(tx, { ticket, place, challenge: null }, nowMs);
  if (!found) return null;
  const app = (await activeTotps(tx, found.userId)).length > 0;
  const rpId = relyingParty(page.origin);
  const keys = rpId === null ? [] : await passkeysOf(tx, { userId: found.userId, rpId });
  if (rpId === null || keys.length === 0) return { ticket, app, passkey: null };
  const { json, challenge } = await assertionOptions(rpId, keys);
  await challengeTicket(tx, { ticket, place, challenge }, nowMs);
  return { ticket, app, passkey: json };
}

/**
 * Wrong codes are counted for the account, wherever they come from: a million codes are few for whoever has many
 * addresses, and only who knows the first factor comes this far.
 */
async function codeFits(
  { vault, clock }: FactorDeps,
  tx: Tx,
  { userId, email, code }: { userId: UserId; email: string; code: string },
): Promise<boolean> {
  const nowMs = clock.now();
  const place = { email: 'second factor', address: `account ${userId}` };
  await reserveAttempt(tx, place, nowMs);
  const digits = totpCodeOf(code);
  if (digits === null) {
    const hash = recoveryCodeHash(userId, code);
    if (hash === null || !(await spendRecoveryCode(tx, { userId, hash }, nowMs))) return false;
    const left = (await recoveryCodesLeft(tx, userId)) ?? 0;
    await tellPerson(tx, { userId, email, event: { what: 'code-used', left }, vault, nowMs });
    await forgiveAttempts(tx, place);
    return true;
  }
  for (const { id, sealed } of await activeTotps(tx, userId)) {
    const step = totpStep(vault.open(sealed, factorContext(id)).toString(), digits, nowMs);
    if (step === null || !(await spendStep(tx, { id, step }, nowMs))) continue;
    await forgiveAttempts(tx, place);
    return true;
  }
  return false;
}

async function passkeyFits(
  tx: Tx,
  { found, passkey, origin }: { found: Ticket; passkey: string; origin: string },
  nowMs: number,
): Promise<boolean> {
  const rpId = relyingParty(origin);
  if (rpId === null || found.challenge === null) return false;
  const keys = await passkeysOf(tx, { userId: found.userId, rpId });
  const used = await readAssertion(passkey, keys, { challenge: found.challenge, origin, rpId });
  if (!used) return false;
  await notePasskeyUse(tx, used, nowMs);
  return true;
}

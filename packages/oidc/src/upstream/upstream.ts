import { hash, randomBytes } from 'node:crypto';
import type { Clock } from '@hexabase/kernel/clock.ts';
import { AppError, isAppError } from '@hexabase/kernel/errors.ts';
import type { UserId } from '@hexabase/kernel/id.ts';
import type { KeyVault } from '@hexabase/kernel/key-vault.ts';
import { startOf } from '@hexabase/kernel/text/start-of.ts';
import type { Database, Tx } from '@hexabase/postgres/database.ts';
import { readProof, type Proven } from '../sessions/proof.ts';
import { recordAuth } from '../auth-audit.ts';
import { hasInvitation } from '../letters/code-store.ts';
import { createUser, findUserByEmail, personalEmail } from '../users.ts';
import { openExchanges, type Exchanges, type ExternalPerson } from './exchange.ts';
import { importGroups } from './import-groups.ts';
import { giveOrganization, type NewcomerDeps } from './newcomer.ts';
import { listProviders, openProvider, type IdentityProvider } from './provider-store.ts';
import {
  findLinked,
  findOutcome,
  insertLink,
  insertOutcome,
  insertStarted,
  linkConfirmed,
  takeProven,
  takeStarted,
  type Outcome,
  type Place,
  type StartedSignIn,
} from './sign-in-store.ts';

/** Of what an account of ours is called, in UTF-16 units. */
const nameUnitsMax = 100;

export interface UpstreamDeps extends NewcomerDeps {
  db: Pick<Database, 'asIdentity'>;
  vault: KeyVault;
  clock: Clock;
  /** Whether people without an account and without an invitation get one. */
  signUp: boolean;
}

/** One browser by its cookie, and the page of ours in it that asks who sits there. */
export interface BrowserPage {
  /** The secret of the browser's cookie. */
  browser: string;
  /** Path and query. */
  returnTo: string;
}

/**
 * Signing in through identity providers elsewhere. A proof is good for one page in one browser, once, for five minutes.
 * Accounts are linked by provider and subject alone; an address that already has an account links only after that
 * account has signed in, in the same page, the way it did before.
 */
export interface Upstream {
  /** The enabled ones, for buttons. */
  providers(): Promise<{ name: string; label: string }[]>;
  /** Where to send the browser. `origin` is ours as the browser sees it. Throws AppError `not_found`, `forbidden`. */
  start(asked: BrowserPage & { provider: string; origin: string }): Promise<string>;
  /** Takes a provider's answer; gives the page to go on with. Throws AppError `forbidden` for one that does not fit. */
  finish(answer: { provider: string; browser: string; query: string }): Promise<{ returnTo: string }>;
  /** What came of a sign-in for this page, or null. */
  outcome(page: BrowserPage): Promise<Outcome | null>;
  /** Spends the proof for this page: who it is and how far, or null when there is none (any more). */
  take(page: BrowserPage): Promise<Proven | null>;
  /**
   * The person has signed in on this page, with all that is asked of them: links what waited for that, and follows what
   * the provider of this sign-in said about their groups.
   */
  confirm(page: BrowserPage & { userId: UserId }): Promise<void>;
}

export function openUpstream(deps: UpstreamDeps): Upstream {
  const { db, clock } = deps;
  const context: Context = { ...deps, exchanges: openExchanges(clock) };
  return {
    async providers() {
      const all = await db.asIdentity((tx) => listProviders(tx), { oneStatement: true });
      return all.filter(({ enabled }) => enabled).map(({ name, label }) => ({ name, label }));
    },
    start: (asked) => start(context, asked),
    finish: (answer) => finish(context, answer),
    outcome: (page) =>
      db.asIdentity((tx) => findOutcome(tx, placeOf(page), clock.now()), { oneStatement: true }),
    take: (page) =>
      db.asIdentity(async (tx) => {
        const proven = await takeProven(tx, placeOf(page), clock.now());
        if (proven === null) return null;
        const event = { userId: proven.userId, action: 'auth.proof', details: { way: 'provider' } } as const;
        await recordAuth(tx, event, clock.now());
        return proven;
      }),
    confirm: ({ userId, ...page }) =>
      db.asIdentity(async (tx) => {
        const said = await linkConfirmed(tx, { ...placeOf(page), userId }, clock.now());
        for (const { providerId, groups } of said)
          if (groups !== null) await importGroups(tx, { providerId, userId, claim: groups }, clock.now());
      }),
  };
}

interface Context extends UpstreamDeps {
  exchanges: Exchanges;
}

async function start(
  { db, vault, clock, exchanges }: Context,
  { provider: name, origin, ...page }: Parameters<Upstream['start']>[0],
): Promise<string> {
  const client = await clientOf({ db, vault }, name);
  const secrets = { nonce: randomText(), codeVerifier: randomText() };
  const state = randomText();
  const id = stateHash(state);
  const redirectUri = `${origin}/auth/idp/${name}/callback`;
  const url = await exchanges.authorizationUrl(client, { ...secrets, state, redirectUri });
  const started: StartedSignIn = {
    ...placeOf(page),
    id,
    providerId: client.provider.id,
    redirectUri,
    secrets: vault.seal(Buffer.from(JSON.stringify(secrets)), contextOf(id)),
  };
  await db.asIdentity((tx) => insertStarted(tx, started, clock.now()));
  return url;
}

async function finish(
  context: Context,
  { provider: name, browser, query }: Parameters<Upstream['finish']>[0],
): Promise<{ returnTo: string }> {
  const { db, vault, clock, exchanges } = context;
  const client = await clientOf(context, name);
  const state = new URLSearchParams(query).get('state') ?? '';
  const asked = { id: stateHash(state), browserHash: browserHash(browser), providerId: client.provider.id };
  const started = await db.asIdentity((tx) => takeStarted(tx, asked, clock.now()));
  if (!started) throw notStartedHere();
  const secrets = secretsOf(vault.open(started.secrets, contextOf(started.id)));
  const { redirectUri, returnTo } = started;
  try {
    const person = await exchanges.finish(client, { ...secrets, state, redirectUri }, query);
    await recognize(context, { provider: client.provider, person, started });
  } catch (error) {
    if (isAppError(error, 'forbidden')) await recordRefused(context, name);
    throw error;
  }
  return { returnTo };
}

/** Whoever the provider named has no account that this could be kept with. */
async function recordRefused({ db, clock }: UpstreamDeps, provider: string): Promise<void> {
  const event = { userId: null, action: 'auth.provider', outcome: 'denied', details: { provider } } as const;
  await db.asIdentity((tx) => recordAuth(tx, event, clock.now()));
}

async function clientOf(
  { db, vault }: Pick<UpstreamDeps, 'db' | 'vault'>,
  name: string,
): Promise<{ provider: IdentityProvider; clientSecret: string }> {
  const client = await db.asIdentity((tx) => openProvider(tx, vault, name));
  if (!client) throw new AppError('not_found', { message: 'There is no such way to sign in (any more).' });
  return client;
}

interface Recognized {
  provider: IdentityProvider;
  person: ExternalPerson;
  started: StartedSignIn;
}

/** Finds or makes the account of somebody whom a provider has named, and notes what that proves. */
async function recognize(deps: UpstreamDeps, given: Recognized): Promise<void> {
  const nowMs = deps.clock.now();
  const { provider, person, started } = given;
  const known = await deps.db.asIdentity(async (tx) => {
    const linked = await findLinked(tx, { providerId: provider.id, subject: person.subject });
    const account = linked === null ? await accountByEmail(deps, tx, given) : { ...linked, proven: true };
    const email = (person.email === null ? null : usableEmail(person.email)) ?? provider.label;
    const link = { providerId: provider.id, subject: person.subject, userId: account.userId, email };
    const state = account.proven ? 'proven' : 'confirm';
    // Linked to another account while this one was made: nothing is proven, and it is not made.
    if (account.proven && linked === null && !(await insertLink(tx, link, nowMs))) throw notStartedHere();
    const secondFactor = countsTwice(provider, person);
    await insertOutcome(
      tx,
      { ...link, state, secondFactor, proof: account.proof, groups: person.groups ?? null, started },
      nowMs,
    );
    const details = { provider: provider.name, state };
    await recordAuth(tx, { userId: account.userId, action: 'auth.provider', details }, nowMs);
    return account.proven ? account.userId : null;
  });
  if (known !== null) await giveOrganization(deps, known);
}

function countsTwice({ secondFactor }: IdentityProvider, { saysTwoFactors }: ExternalPerson): boolean {
  return secondFactor === 'given' || (secondFactor === 'amr' && saysTwoFactors);
}

/** Throws AppError `forbidden` for an address that the provider has not verified or that no person has, and where nobody may sign up. */
async function accountByEmail(
  deps: UpstreamDeps,
  tx: Tx,
  { provider, person }: Recognized,
): Promise<{ userId: UserId; proven: boolean; proof: number }> {
  if (person.email === null) {
    throw new AppError('forbidden', {
      message: `${provider.label} has not verified your e-mail address. Verify it there, then sign in again.`,
    });
  }
  const email = usableEmail(person.email);
  if (email === null) {
    throw new AppError('forbidden', {
      message: `The e-mail address that ${provider.label} says is yours cannot be that of a person here. Change it there, then sign in again.`,
    });
  }
  const known = await findUserByEmail(tx, email);
  // Who it is has to be proven another way, and that counts then.
  if (known) return { userId: known.id, proven: false, proof: 0 };
  const invited = await hasInvitation(tx, email, deps.clock.now());
  if (!deps.signUp && !invited) {
    throw new AppError('forbidden', {
      message: 'There is no account for you here, and nobody can sign up by themselves. Ask to be invited.',
    });
  }
  const fresh = { email, displayName: nameOf(person, email), password: null, organizationDue: !invited };
  const user = await createUser(tx, fresh, deps.clock.now());
  return { userId: user.id, proven: true, proof: await readProof(tx, user.id) };
}

/** What a provider calls somebody is as they like it there: nothing invisible is kept, and no more than fits a line. */
function nameOf({ displayName }: { displayName: string | null }, email: string): string {
  const given = displayName?.replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, '').trim();
  return startOf(given || (email.split('@')[0] ?? email), nameUnitsMax);
}

/** Null for what no account of a person can have. */
function usableEmail(email: string): string | null {
  try {
    return personalEmail(email);
  } catch (error) {
    if (isAppError(error, 'validation_failed')) return null;
    throw error;
  }
}

function notStartedHere(): AppError {
  return new AppError('forbidden', {
    message: 'This sign-in was not started in this browser, or too long ago. Go back and start again.',
  });
}

function secretsOf(plain: Buffer): { nonce: string; codeVerifier: string } {
  return JSON.parse(plain.toString());
}

function randomText(): string {
  return randomBytes(32).toString('base64url');
}

function stateHash(state: string): string {
  return hash('sha256', `upstream state:${state}`, 'base64url');
}

function placeOf({ browser, returnTo }: BrowserPage): Place {
  return { browserHash: browserHash(browser), returnTo };
}

function browserHash(browser: string): string {
  return hash('sha256', `upstream browser:${browser}`, 'base64url');
}

function contextOf(id: string): string {
  return `hexabase.upstream_sign_ins/${id}/secrets`;
}

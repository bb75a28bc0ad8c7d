import { createHash } from 'node:crypto';
import { appCode } from '@hexabase/testkit/authenticator-app.ts';
import { testIdentity } from '@hexabase/testkit/identity/test-identity.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';
import { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { beginBrowserSession } from '../provider/logout/browser-session.ts';
import { switchProvider } from '../upstream/provider-store.ts';
import { createUser, disableUser, enableUser, setPassword, type User } from '../users.ts';
import { hashPassword } from './passwords.ts';
import { endAllSessions } from './session-store.ts';

/** What somebody has proven about an account is worth nothing after the account has changed, however close it was. */
const password = 'correct horse battery';
const next = 'another good phrase entirely';
const device = { userAgent: 'vitest', address: '192.0.2.1', deviceId: null };
const refused = { code: 'invalid_credentials' };
const { test, identity, clock, close } = await testIdentity();
const watcher = new Client(test.admin);
let counter = 0;

beforeAll(() => watcher.connect());
beforeEach(() => clock.advance(2 * 3_600_000));
afterAll(async () => {
  await watcher.end();
  await close();
});

async function person(): Promise<User> {
  counter += 1;
  const user = { email: `person-${counter}@example.test`, displayName: 'Person', password };
  return test.database.asIdentity((tx) => createUser(tx, user, clock.now()));
}

const signIn = (user: User, phrase = password) =>
  identity.signIn({ email: user.email, password: phrase, device });
const prove = (user: User) => identity.checkPassword({ email: user.email, password, device });
const change = (tx: Tx, user: User, phrase = next) =>
  setPassword(tx, { userId: user.id, password: phrase, anyPassword: true }, clock.now());

async function sessions(user: User): Promise<number> {
  const { rows } = await watcher.query(
    'select id from hexabase.sessions where user_id = $1 and ended_at is null',
    [user.id],
  );
  return rows.length;
}

/** Until so many statements wait for a lock. */
async function waiting(statements: number): Promise<void> {
  for (;;) {
    const { rows } = await watcher.query<{ count: number }>(
      `select count(*)::integer as count from pg_stat_activity
       where datname = current_database() and wait_event_type = 'Lock'`,
    );
    if ((rows[0]?.count ?? 0) >= statements) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Runs `then` while the change has been made and is not committed yet, up to where that has to wait; then commits it. */
async function during<T>(changed: (tx: Tx) => Promise<void>, then: () => Promise<T>) {
  const { promise: release, resolve } = Promise.withResolvers<void>();
  const { promise: made, resolve: isMade } = Promise.withResolvers<void>();
  const changing = test.database.asIdentity(async (tx) => {
    await changed(tx);
    isMade();
    await release;
  });
  await made;
  const outcome = then().then(
    (value) => ({ value, error: null }),
    (error: unknown) => ({ value: null, error }),
  );
  await Promise.race([waiting(1), outcome]);
  resolve();
  await changing;
  return outcome;
}

describe('while a password is being changed', () => {
  it('nobody who has shown the old one gets a session', async () => {
    const user = await person();
    const { error } = await during(
      (tx) => change(tx, user),
      () => signIn(user),
    );
    expect(error).toMatchObject(refused);
    expect(await sessions(user)).toBe(0);
    await signIn(user, next);
  });

  it('nobody who knows the old one sets yet another', async () => {
    const user = await person();
    const { accessToken } = await signIn(user);
    const actor = await identity.authenticate(accessToken);
    const thiefs = { current: password, password: 'a phrase that the thief has made', device };
    const { error } = await during(
      (tx) => change(tx, user),
      () => identity.changePassword(actor, thiefs),
    );
    expect(error).toMatchObject(refused);
    await signIn(user, next);
  });

  it('no second step that began before goes on, nor one that begins now', async () => {
    const user = await person();
    const secret = await enrol(user);
    const before = await ticketOf(user, password);
    const finish = (ticket: string) =>
      identity.finishSignIn({ ticket, code: appCode(secret, clock.now()), device });
    const begun = await during(
      (tx) => change(tx, user),
      () => finish(before),
    );
    expect(begun.error).toMatchObject(refused);
    clock.advance(60_000);
    const { value } = await during(
      (tx) => change(tx, user, password),
      () => ticketOf(user, next),
    );
    // Its ticket came after those of before were taken back.
    await expect(finish(value ?? '')).rejects.toMatchObject(refused);
    expect(await sessions(user)).toBe(0);
  });
});

const changes: Record<string, (tx: Tx, user: User) => Promise<unknown>> = {
  'the password': (tx, user) => change(tx, user),
  'being disabled for a moment': async (tx, user) => {
    await disableUser(tx, user.id, clock.now());
    await enableUser(tx, user.id);
  },
  // Whichever way it is done: triggers count it.
  'the password in the database itself': async (tx, { id }) =>
    sql`UPDATE hexabase.users SET password_hash = ${await hashPassword(next)} WHERE id = ${id}`.execute(tx),
  'being disabled for a moment in the database itself': async (tx, { id }) => {
    await sql`UPDATE hexabase.users SET disabled_at = now() WHERE id = ${id}`.execute(tx);
    await sql`UPDATE hexabase.users SET disabled_at = NULL WHERE id = ${id}`.execute(tx);
  },
  'the end of every session': (tx, { id }) =>
    endAllSessions(tx, { userId: id, reason: 'revoked' }, clock.now()),
  'a second factor that came': (tx, user) => addFactor(tx, user),
  'a second factor that was confirmed': (tx, { id }) =>
    sql`UPDATE hexabase.second_factors SET confirmed_at = now() WHERE user_id = ${id} AND confirmed_at IS NULL`.execute(
      tx,
    ),
  'a second factor that went': (tx, { id }) =>
    sql`DELETE FROM hexabase.second_factors WHERE user_id = ${id}`.execute(tx),
  'a link to a provider that went': (tx, { id }) =>
    sql`DELETE FROM hexabase.external_identities WHERE user_id = ${id}`.execute(tx),
  'a provider that was removed': (tx, { id }) =>
    sql`DELETE FROM hexabase.identity_providers WHERE name = ${id}`.execute(tx),
  'a provider that was switched off': (tx, { id }) => switchProvider(tx, id, false),
};

describe.each(Object.entries(changes))('after a change, %s,', (_name, changed) => {
  /** Somebody with an old factor and an old link, who is proven by two factors; then the change. */
  async function changedSince() {
    const user = await person();
    await test.database.asIdentity(async (tx) => {
      await addFactor(tx, user);
      await beginFactor(tx, user);
      await addLink(tx, user);
    });
    const proven = { ...(await prove(user)), secondFactor: true };
    await test.database.asIdentity((tx) => changed(tx, user));
    return { user, proven };
  }

  it('a proof from before makes no code good', async () => {
    const { proven } = await changedSince();
    const binding = { clientId: 'hks', redirectUri: 'http://127.0.0.1:4000/callback' };
    const codeVerifier = 'v'.repeat(43);
    const codeChallenge = createHash('sha256').update(codeVerifier).digest('base64url');
    const { browser } = identity;
    const code = await browser.authorize({ ...binding, ...proven, codeChallenge, address: '192.0.2.9' });
    const redeemed = browser.redeem({ ...binding, code, codeVerifier, device });
    await expect(redeemed).rejects.toMatchObject({ code: 'invalid_grant' });
  });

  it('it lets no device in', async () => {
    const { proven } = await changedSince();
    const { browser } = identity;
    const asked = await browser.startDevice({ clientId: 'hks', deviceName: null, address: '192.0.2.9' });
    await browser.approveDevice({ userCode: asked.userCode, person: proven });
    const poll = browser.pollDevice({ deviceCode: asked.deviceCode, clientId: 'hks', device });
    await expect(poll).rejects.toMatchObject({ code: 'invalid_grant' });
  });

  it('it begins no session at the provider, and ends the one that it would have gone on in', async () => {
    const { user, proven } = await changedSince();
    const uid = `session of ${user.id}`;
    const expiresAt = new Date(clock.now() + 3_600_000);
    const begin = (proof: number) => {
      const session = { uid, userId: user.id, expiresAt, secondFactor: true, proof };
      return test.database.asIdentity((tx) =>
        beginBrowserSession(tx, { ...session, userAgent: null, address: '192.0.2.9' }, clock.now()),
      );
    };
    const { proof } = await prove(user).catch(async () =>
      identity.checkPassword({ email: user.email, password: next, device }),
    );
    expect(await begin(proof)).toBe(true);
    expect(await sessions(user)).toBe(1);
    expect(await begin(proven.proof)).toBe(false);
    expect(await sessions(user)).toBe(0);
  });
});

it('what leaves an account as it was takes nobody’s proof away', async () => {
  const user = await person();
  const proven = await prove(user);
  await signIn(user);
  await watcher.query(`update hexabase.users set display_name = 'Other' where id = $1`, [user.id]);
  await identity.checkPassword({ email: user.email, password: 'wrong', device }).catch(() => null);
  const { browser } = identity;
  const asked = await browser.startDevice({ clientId: 'hks', deviceName: null, address: '192.0.2.9' });
  await browser.approveDevice({ userCode: asked.userCode, person: proven });
  await browser.pollDevice({ deviceCode: asked.deviceCode, clientId: 'hks', device });
  expect(await sessions(user)).toBe(2);
});

async function ticketOf(user: User, phrase: string): Promise<string> {
  return signIn(user, phrase).then(
    () => '',
    ({ details }: { details: { ticket: string } }) => details.ticket,
  );
}

async function enrol(user: User): Promise<string> {
  const { accessToken } = await signIn(user);
  const owner = await identity.authenticate(accessToken);
  const { id, secret } = await identity.secondFactors.addTotp(owner, 'telephone');
  await identity.secondFactors.confirmTotp(owner, { id, code: appCode(secret, clock.now()) });
  await identity.endSession(owner, owner.sessionId);
  clock.advance(60_000);
  return secret;
}

async function addFactor(tx: Tx, user: User): Promise<void> {
  counter += 1;
  await sql`INSERT INTO hexabase.second_factors
      (id, user_id, kind, name, credential_id, public_key, rp_id, created_at, confirmed_at)
    VALUES (${`factor-${counter}`}, ${user.id}, 'passkey', 'key', ${`credential-${counter}`}, 'x', 'localhost', now(),
      now())`.execute(tx);
}

/** An app that has not shown its first code yet. */
async function beginFactor(tx: Tx, user: User): Promise<void> {
  counter += 1;
  await sql`INSERT INTO hexabase.second_factors (id, user_id, kind, name, secret_sealed, created_at)
    VALUES (${`factor-${counter}`}, ${user.id}, 'totp', 'app', 'x', now())`.execute(tx);
}

async function addLink(tx: Tx, { id, email }: User): Promise<void> {
  const name = id;
  await sql`INSERT INTO hexabase.identity_providers
      (id, name, kind, label, issuer, client_id, client_secret_sealed, scopes, from_file, created_at)
    VALUES (${name}, ${name}, 'oidc', 'Acme', 'https://acme.test', 'x', 'x', 'openid', false, now())`.execute(
    tx,
  );
  await sql`INSERT INTO hexabase.external_identities (provider_id, subject, user_id, email, linked_at)
    VALUES (${name}, 'subject', ${id}, ${email}, now())`.execute(tx);
}

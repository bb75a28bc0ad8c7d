import { fixedClock } from '@hexabase/kernel/clock.ts';
import { newId } from '@hexabase/kernel/id.ts';
import { createKeyVault, type KeyVault } from '@hexabase/kernel/key-vault.ts';
import { openMailText } from '@hexabase/postgres/mail-queue.ts';
import { appCode as codeOfApp } from '@hexabase/testkit/authenticator-app.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openIdentity, type Identity } from '../identity.ts';
import { readProof, type Proven } from '../sessions/proof.ts';
import { createUser, disableUser, setPassword, type User } from '../users.ts';

const clock = fixedClock(Date.UTC(2030, 0, 1));
const password = 'correct horse battery';
const device = { userAgent: 'vitest', address: '192.0.2.1', deviceId: null };

let test: TestDatabase;
let vault: KeyVault;
let identity: Identity;
let counter = 0;

beforeAll(async () => {
  test = await testDatabase();
  vault = createKeyVault(test.masterKey);
  const { database: db, masterKey } = test;
  identity = await openIdentity({ db, masterKey, issuer: 'https://hexabase.test/oidc', clock });
});
// Hours later: what guessing cost the test before is forgotten.
beforeEach(() => clock.advance(2 * 3_600_000));
afterAll(async () => {
  await identity?.[Symbol.asyncDispose]();
  await test?.close();
});

const appCode = (secret: string, atMs = clock.now()) => codeOfApp(secret, atMs);

async function person(): Promise<User> {
  counter += 1;
  const user = { email: `person-${counter}@example.test`, displayName: 'Person', password };
  return test.database.asIdentity((tx) => createUser(tx, user, clock.now()));
}

const login = (user: User) => identity.signIn({ email: user.email, password, device });

/** The owner of a fresh session that was started without a second step. */
async function session(user: User) {
  const { accessToken } = await login(user);
  const { userId, sessionId } = await identity.authenticate(accessToken);
  return { userId, sessionId };
}

/** Somebody with an authenticator app. */
async function enrolled() {
  const user = await person();
  const owner = await session(user);
  const { id, secret } = await identity.secondFactors.addTotp(owner, 'telephone');
  const { recoveryCodes } = await identity.secondFactors.confirmTotp(owner, { id, code: appCode(secret) });
  clock.advance(30_000);
  return { user, owner, id, secret, recoveryCodes };
}

/** The ticket that a right password answers. */
async function ticketOf(user: User): Promise<string> {
  const refusal: unknown = await login(user).catch((error: unknown) => error);
  expect(refusal).toMatchObject({ code: 'second_factor_required', details: { app: true } });
  const { details } = refusal as { details: { ticket: string } };
  return details.ticket;
}

const finish = (ticket: string, code: string) => identity.finishSignIn({ ticket, code, device });
const refused = { code: 'invalid_credentials' };

async function lettersTo(user: User): Promise<string[]> {
  const { rows } = await test.database.asWorker((tx) =>
    sql<{ id: string; sealed: string; kind: string }>`
      SELECT id, kind, text_sealed AS sealed FROM hexabase.mails WHERE recipient = ${user.email} ORDER BY id`.execute(
      tx,
    ),
  );
  return rows.map((mail) => `${mail.kind}: ${openMailText(vault, mail).split('\n')[0]}`);
}

describe('an authenticator app', () => {
  it('is asked for from its first code on, and signs in with one of its own time, just before or just after', async () => {
    const { user, secret, recoveryCodes } = await enrolled();
    expect(new Set(recoveryCodes).size).toBe(10);
    for (const skew of [-30_000, 0, 30_000]) {
      clock.advance(90_000);
      const tokens = await finish(await ticketOf(user), appCode(secret, clock.now() + skew));
      expect(await identity.authenticate(tokens.accessToken)).toMatchObject({ userId: user.id });
    }
    clock.advance(90_000);
    for (const skew of [-60_000, 60_000])
      await expect(finish(await ticketOf(user), appCode(secret, clock.now() + skew))).rejects.toMatchObject(
        refused,
      );
  });

  it('that was not confirmed is asked of nobody, and a wrong first code confirms nothing', async () => {
    const user = await person();
    const owner = await session(user);
    const { id, secret } = await identity.secondFactors.addTotp(owner, 'telephone');
    const wrong = { id, code: appCode(secret, clock.now() + 300_000) };
    await expect(identity.secondFactors.confirmTotp(owner, wrong)).rejects.toMatchObject({
      code: 'validation_failed',
    });
    await login(user);
    clock.advance(601_000);
    await expect(
      identity.secondFactors.confirmTotp(owner, { id, code: appCode(secret) }),
    ).rejects.toMatchObject({ code: 'not_found' });
  });

  it('takes no code twice, not even of parallel sign-ins, and no older one after a newer one', async () => {
    const { user, secret } = await enrolled();
    const tickets = await Promise.all(Array.from({ length: 6 }, () => ticketOf(user)));
    const outcomes = await Promise.allSettled(tickets.map((ticket) => finish(ticket, appCode(secret))));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const before = appCode(secret, clock.now() - 30_000);
    await expect(finish(await ticketOf(user), before)).rejects.toMatchObject(refused);
  });

  it('that was not confirmed is removed by who changed their mind, also where a second factor is asked for', async () => {
    const user = await person();
    const owner = await session(user);
    await test.database.asIdentity(async (tx) => {
      const id = newId();
      await sql`INSERT INTO hexabase.organizations (id, slug, name, plan, require_second_factor)
        VALUES (${id}, ${id}, 'Acme', 'starter', true)`.execute(tx);
      await sql`INSERT INTO hexabase.memberships (organization_id, user_id, role) VALUES (${id}, ${user.id}, 'viewer')`.execute(
        tx,
      );
    });
    const { secondFactors } = identity;
    const waiting = await secondFactors.addTotp(owner, 'telephone');
    expect(await secondFactors.remove(owner, waiting.id)).toEqual({ name: 'telephone' });
    const { id, secret } = await secondFactors.addTotp(owner, 'telephone');
    await secondFactors.confirmTotp(owner, { id, code: appCode(secret) });
    await expect(secondFactors.remove(owner, id)).rejects.toMatchObject({ code: 'conflict' });
  });

  it('keeps its secret sealed, and bound to its row', async () => {
    const { id, secret, owner } = await enrolled();
    const { rows } = await test.database.asIdentity((tx) =>
      sql<Record<string, string>>`SELECT * FROM hexabase.second_factors WHERE id = ${id}`.execute(tx),
    );
    expect(JSON.stringify(rows)).not.toContain(secret);
    const sealed = rows[0]?.['secret_sealed'] ?? '';
    expect(vault.open(sealed, `hexabase.second_factors/${id}/secret`).toString()).toBe(secret);
    expect(() => vault.open(sealed, `hexabase.second_factors/${newId()}/secret`)).toThrow();
    expect(JSON.stringify(await identity.secondFactors.list(owner.userId))).not.toContain(secret);
  });
});

describe('guessing', () => {
  it('is slowed down for the account, from whatever address and with however many tickets', async () => {
    const { user, secret } = await enrolled();
    const attempt = async (code: string) =>
      finish(await ticketOf(user), code).catch((error: unknown) => error);
    for (let guess = 0; guess < 11; guess += 1) await attempt('000000');
    expect(await attempt('000000')).toMatchObject({ code: 'rate_limited' });
    expect(await attempt(appCode(secret))).toMatchObject({ code: 'rate_limited' });
    clock.advance(3_600_000);
    expect(await attempt(appCode(secret))).toMatchObject({ tokenType: 'Bearer' });
  });

  it('voids a ticket after five wrong codes', async () => {
    const { user, secret } = await enrolled();
    const ticket = await ticketOf(user);
    for (let guess = 0; guess < 5; guess += 1)
      await expect(finish(ticket, '000000')).rejects.toMatchObject(refused);
    await expect(finish(ticket, appCode(secret))).rejects.toMatchObject(refused);
  });
});

describe('a ticket', () => {
  it('works once', async () => {
    const { user, secret } = await enrolled();
    const ticket = await ticketOf(user);
    await finish(ticket, appCode(secret));
    clock.advance(30_000);
    await expect(finish(ticket, appCode(secret))).rejects.toMatchObject(refused);
  });

  it('works for five minutes', async () => {
    const { user, secret } = await enrolled();
    const ticket = await ticketOf(user);
    clock.advance(300_000);
    await expect(finish(ticket, appCode(secret))).rejects.toMatchObject(refused);
  });

  it('of one person takes no code of another', async () => {
    const [ann, eve] = [await enrolled(), await enrolled()];
    const codes = [appCode(eve.secret), eve.recoveryCodes[0] ?? ''];
    for (const code of codes)
      await expect(finish(await ticketOf(ann.user), code)).rejects.toMatchObject(refused);
    await expect(finish(await ticketOf(eve.user), ann.recoveryCodes[0] ?? '')).rejects.toMatchObject(refused);
  });

  it('of a program does not work on a page, and that of a page neither elsewhere nor for a program', async () => {
    const { user, secret } = await enrolled();
    const { secondFactors } = identity;
    const page = { browser: 'mine', page: '/auth/authorize?x', origin: 'https://hexabase.test' };
    const none = { passkey: '' };
    const step = await secondFactors.beginPage({ person: await proofOf(user.id), page });
    const ticket = step?.ticket ?? '';
    await expect(finish(ticket, appCode(secret))).rejects.toMatchObject(refused);
    for (const other of [
      { ...page, browser: 'stolen' },
      { ...page, page: '/device?user_code=X' },
    ]) {
      expect(await secondFactors.finishPage({ ticket, page: other, code: appCode(secret), ...none })).toEqual(
        { kind: 'gone' },
      );
      expect(await secondFactors.repeatPage({ ticket, page: other })).toBeNull();
    }
    const code = appCode(secret);
    const login = await ticketOf(user);
    expect(await secondFactors.finishPage({ ticket: login, page, code, ...none })).toEqual({ kind: 'gone' });
    expect(await secondFactors.finishPage({ ticket, page, code, ...none })).toEqual({
      kind: 'proven',
      userId: user.id,
      proof: expect.any(Number),
    });
  });

  it('is void when the password was set anew or the account was disabled', async () => {
    const { user, secret } = await enrolled();
    const ticket = await ticketOf(user);
    await test.database.asIdentity((tx) => setPassword(tx, { userId: user.id, password }, clock.now()));
    await expect(finish(ticket, appCode(secret))).rejects.toMatchObject(refused);
    const late = await ticketOf(user);
    await test.database.asIdentity((tx) => disableUser(tx, user.id, clock.now()));
    await expect(finish(late, appCode(secret))).rejects.toMatchObject(refused);
  });
});

describe('a recovery code', () => {
  it('signs in once, however it is typed, and the person is told', async () => {
    const { user, recoveryCodes } = await enrolled();
    const [code = ''] = recoveryCodes;
    await finish(await ticketOf(user), ` ${code.toLowerCase().replaceAll('-', ' ')}`);
    await expect(finish(await ticketOf(user), code)).rejects.toMatchObject(refused);
    expect(await lettersTo(user)).toEqual([
      'account.second-factor.added: The second factor "telephone" was added to your account. From now on signing in asks for it.',
      'account.second-factor.code-used: Somebody signed in to your account with a recovery code. 9 are left.',
    ]);
  });

  it('is kept as a hash, and does not outlive new ones', async () => {
    const { user, owner, recoveryCodes } = await enrolled();
    const { recoveryCodes: fresh } = await identity.secondFactors.renewCodes(owner);
    expect(fresh).toHaveLength(10);
    await expect(finish(await ticketOf(user), recoveryCodes[1] ?? '')).rejects.toMatchObject(refused);
    const { rows } = await test.database.asIdentity((tx) =>
      sql`SELECT * FROM hexabase.recovery_codes WHERE user_id = ${user.id}`.execute(tx),
    );
    expect(rows).toHaveLength(10);
    for (const code of fresh) expect(JSON.stringify(rows)).not.toContain(code.replaceAll('-', ''));
    await finish(await ticketOf(user), fresh[1] ?? '');
  });
});

describe('changing second factors', () => {
  it('needs a sign-in of the last five minutes', async () => {
    const { owner, id } = await enrolled();
    clock.advance(300_001);
    const stale = { code: 'fresh_sign_in_required' };
    const { secondFactors } = identity;
    await expect(secondFactors.addTotp(owner, 'another')).rejects.toMatchObject(stale);
    await expect(secondFactors.addPasskey(owner, 'laptop')).rejects.toMatchObject(stale);
    await expect(secondFactors.renewCodes(owner)).rejects.toMatchObject(stale);
    await expect(secondFactors.remove(owner, id)).rejects.toMatchObject(stale);
    await expect(secondFactors.reset(owner, 'nobody@example.test')).rejects.toMatchObject(stale);
  });

  it('needs the second factor that is there: a session from before it was added is not enough', async () => {
    const user = await person();
    const [old, owner] = [await session(user), await session(user)];
    const { id, secret } = await identity.secondFactors.addTotp(owner, 'telephone');
    await identity.secondFactors.confirmTotp(owner, { id, code: appCode(secret) });
    const { secondFactors } = identity;
    await expect(secondFactors.remove(old, id)).rejects.toMatchObject({ code: 'second_factor_required' });
    await expect(secondFactors.addTotp(old, 'mine')).rejects.toMatchObject({
      code: 'second_factor_required',
    });
    await expect(secondFactors.reset(old, user.email)).rejects.toMatchObject({
      code: 'second_factor_required',
    });
    await secondFactors.remove(owner, id);
    await login(user);
  });

  it('reaches nobody else’s', async () => {
    const [ann, eve] = [await enrolled(), await enrolled()];
    await expect(identity.secondFactors.remove(eve.owner, ann.id)).rejects.toMatchObject({
      code: 'not_found',
    });
    const mixed = { userId: ann.owner.userId, sessionId: eve.owner.sessionId };
    await expect(identity.secondFactors.remove(mixed, ann.id)).rejects.toMatchObject({
      code: 'session_ended',
    });
  });

  it('by an operator removes all, ends every session, and tells the person', async () => {
    const { user, secret } = await enrolled();
    const { accessToken } = await finish(await ticketOf(user), appCode(secret));
    const { owner: operator } = await enrolled();
    clock.advance(240_000);
    await identity.secondFactors.reset(operator, user.email);
    await expect(identity.authenticate(accessToken)).rejects.toMatchObject({ code: 'session_ended' });
    expect(await identity.secondFactors.list(user.id)).toEqual([]);
    await login(user);
    expect((await lettersTo(user)).at(-1)).toContain('An operator of the platform removed all');
  });
});

describe('no way in goes past it', () => {
  it('not a session that is started for somebody, nor a code that was approved with one factor', async () => {
    const { user } = await enrolled();
    const required = { code: 'second_factor_required' };
    await expect(identity.startSession(user.id, device)).rejects.toMatchObject(required);
    const { browser } = identity;
    const started = await browser.startDevice({ clientId: 'hks', deviceName: null, address: '192.0.2.2' });
    const one = await proofOf(user.id);
    await browser.approveDevice({ userCode: started.userCode, person: one });
    const poll = { deviceCode: started.deviceCode, clientId: 'hks', device };
    await expect(browser.pollDevice(poll)).rejects.toMatchObject({ code: 'invalid_grant' });
  });
});

async function proofOf(userId: User['id']): Promise<Proven> {
  const proof = await test.database.asIdentity((tx) => readProof(tx, userId));
  return { userId, secondFactor: false, proof };
}

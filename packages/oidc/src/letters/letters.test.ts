import { fixedClock } from '@hexabase/kernel/clock.ts';
import { brandId } from '@hexabase/kernel/id.ts';
import { createKeyVault, type KeyVault } from '@hexabase/kernel/key-vault.ts';
import { openMailText } from '@hexabase/postgres/mail-queue.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it, test as attack } from 'vitest';
import { openIdentity, type Identity } from '../identity.ts';
import { createUser, disableUser, setPassword } from '../users.ts';
import { insertCode } from './code-store.ts';
import { openLetters, type Letters, type LettersDeps } from './letters.ts';

const clock = fixedClock(Date.UTC(2030, 0, 1));
const oldPassword = 'correct horse battery';
const newPassword = 'another long sentence';
const site = 'https://hexabase.test';

let test: TestDatabase;
let vault: KeyVault;
let identity: Identity;
let deps: LettersDeps;
let letters: Letters;
let organizations: string[] = [];
let count = 0;
let email = '';

beforeAll(async () => {
  test = await testDatabase();
  vault = createKeyVault(test.masterKey);
  const { database: db, masterKey } = test;
  identity = await openIdentity({ db, masterKey, issuer: `${site}/oidc`, clock });
  deps = {
    db,
    vault,
    clock,
    site,
    passwords: true,
    signUp: true,
    makeOrganization: async (person) => void organizations.push(person.email),
  };
  letters = openLetters(deps);
});

afterAll(async () => {
  await identity?.[Symbol.asyncDispose]();
  await test?.close();
});

beforeEach(() => {
  count += 1;
  email = `person-${count}@example.test`;
  organizations = [];
  clock.advance(7_200_000);
});

function account() {
  const user = { email, displayName: 'Person', password: oldPassword };
  return test.database.asIdentity((tx) => createUser(tx, user, clock.now()));
}

async function somebodyElse() {
  const user = { email: `else-${count}@example.test`, displayName: 'Else', password: null };
  return (await test.database.asIdentity((tx) => createUser(tx, user, clock.now()))).id;
}

function signIn(password: string) {
  clock.advance(1);
  return identity.signIn({
    email,
    password,
    device: { userAgent: null, address: '192.0.2.1', deviceId: null },
  });
}

const ask = (kind: 'reset' | 'sign_up', address = '192.0.2.1') => letters.ask(kind, { email, address });

async function mails(): Promise<{ text: string; code: string }[]> {
  const { rows } = await test.database
    .openPool('hexabase_worker', 1)
    .query<{ id: string; sealed: string }>(
      'select id, text_sealed as sealed from hexabase.mails where recipient = $1 order by created_at',
      [email],
    );
  return rows.map((row) => {
    const text = openMailText(vault, row);
    return { text, code: /finish\?code=(\S+)/.exec(text)?.[1] ?? '' };
  });
}

async function lastCode(): Promise<string> {
  return (await mails()).at(-1)?.code ?? '';
}

describe('a lost password', () => {
  it('is replaced by letter: the old one and every session end', async () => {
    await account();
    const { accessToken } = await signIn(oldPassword);
    await ask('reset');
    const code = await lastCode();
    expect(await letters.find(code)).toEqual({ kind: 'reset', email });
    await letters.finish({ code, password: newPassword });
    await expect(identity.authenticate(accessToken)).rejects.toMatchObject({ code: 'session_ended' });
    await expect(signIn(oldPassword)).rejects.toMatchObject({ code: 'invalid_credentials' });
    expect((await signIn(newPassword)).user.email).toBe(email);
    expect(organizations).toEqual([]);
  });

  it('a code works once, for an hour, and takes every other code for that address with it', async () => {
    await account();
    await ask('reset');
    await ask('reset');
    const [first, second] = await mails();
    await letters.finish({ code: second?.code ?? '', password: newPassword });
    for (const { code } of [first, second].flatMap((mail) => mail ?? []))
      await expect(letters.finish({ code, password: oldPassword })).rejects.toMatchObject({
        code: 'not_found',
      });
    await ask('reset');
    clock.advance(3_600_001);
    await expect(letters.find(await lastCode())).rejects.toMatchObject({ code: 'not_found' });
  });

  it('two who use a code at once: one of them does', async () => {
    await account();
    await ask('reset');
    const code = await lastCode();
    const passwords = [`${newPassword} one`, `${newPassword} two`];
    const outcomes = await Promise.allSettled(
      passwords.map((password) => letters.finish({ code, password })),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('a weak password is refused and does not use the code up', async () => {
    await account();
    await ask('reset');
    const code = await lastCode();
    await expect(letters.finish({ code, password: 'short' })).rejects.toMatchObject({
      code: 'validation_failed',
    });
    await letters.finish({ code, password: newPassword });
  });

  it('one weak password after the other is slowed down, and the code still works later', async () => {
    await account();
    await ask('reset');
    const code = await lastCode();
    const weak = () => letters.finish({ code, password: 'password1234' });
    for (let index = 0; index < 11; index += 1)
      await expect(weak()).rejects.toMatchObject({ code: 'validation_failed' });
    await expect(weak()).rejects.toMatchObject({ code: 'rate_limited' });
    clock.advance(60_000);
    await letters.finish({ code, password: newPassword });
  });

  it('takes back what was approved for a program with the old password', async () => {
    const { id: userId } = await account();
    const device = { userAgent: null, address: '192.0.2.9', deviceId: null };
    const binding = { clientId: 'hks', redirectUri: 'http://127.0.0.1:4000/callback' };
    const codeVerifier = 'v'.repeat(43);
    const { createHash } = await import('node:crypto');
    const codeChallenge = createHash('sha256').update(codeVerifier).digest('base64url');
    const approved = {
      ...binding,
      codeChallenge,
      userId,
      secondFactor: false,
      proof: 0,
      address: '192.0.2.9',
    };
    const code = await identity.browser.authorize(approved);
    await ask('reset');
    await letters.finish({ code: await lastCode(), password: newPassword });
    await expect(identity.browser.redeem({ ...binding, code, codeVerifier, device })).rejects.toMatchObject({
      code: 'invalid_grant',
    });
  });

  it('is not replaced by a letter from before another password was set', async () => {
    const { id: userId } = await account();
    await ask('reset');
    const code = await lastCode();
    await test.database.asIdentity((tx) =>
      setPassword(tx, { userId, password: 'a phrase of the owner', anyPassword: true }, clock.now()),
    );
    await expect(letters.finish({ code, password: newPassword })).rejects.toMatchObject({
      code: 'not_found',
    });
    await signIn('a phrase of the owner');
  });

  it('cannot be set for a disabled account', async () => {
    const { id } = await account();
    await ask('reset');
    const code = await lastCode();
    await test.database.asIdentity((tx) => disableUser(tx, id, clock.now()));
    await expect(letters.finish({ code, password: newPassword })).rejects.toMatchObject({
      code: 'not_found',
    });
    await ask('reset');
    expect((await mails()).at(-1)?.code).toBe('');
  });

  it('an address without an account gets a letter that says so, and the asker is told the same', async () => {
    await expect(ask('reset')).resolves.toBeUndefined();
    const [mail] = await mails();
    expect(mail?.text).toContain('There is no account');
    expect(mail?.code).toBe('');
  });
});

describe('a new account', () => {
  it('is made by letter, with an organization of its own', async () => {
    await ask('sign_up');
    await letters.finish({ code: await lastCode(), password: newPassword });
    expect((await signIn(newPassword)).user.email).toBe(email);
    expect(organizations).toEqual([email]);
  });

  it('an address that has an account gets a letter that says so, and its password stays', async () => {
    await account();
    await expect(ask('sign_up')).resolves.toBeUndefined();
    expect(await lastCode()).toBe('');
    await signIn(oldPassword);
  });

  it('a letter from before the account was made sets no password of it', async () => {
    await ask('sign_up');
    const code = await lastCode();
    await account();
    await expect(letters.finish({ code, password: newPassword })).rejects.toMatchObject({
      code: 'not_found',
    });
  });

  it('is not made where signing up or passwords are off', async () => {
    const closed = openLetters({ ...deps, signUp: false });
    await expect(closed.ask('sign_up', { email, address: 'a' })).rejects.toMatchObject({ code: 'not_found' });
    const none = openLetters({ ...deps, passwords: false });
    await expect(none.ask('reset', { email, address: 'a' })).rejects.toMatchObject({ code: 'not_found' });
    expect(await mails()).toEqual([]);
  });

  it('the code of an invitation proves the address, also where nobody may sign up', async () => {
    const { hash } = await import('node:crypto');
    const code = `hks_inv_${'x'.repeat(40)}${count}`;
    const owner = test.database.openPool('hexabase_api', 1);
    await test.database.asIdentity((tx) =>
      createUser(
        tx,
        { email: `inviter-${count}@example.test`, displayName: 'I', password: null },
        clock.now(),
      ),
    );
    const organizationId = `org-${count}`;
    await owner.query('begin');
    await owner.query("select set_config('hexabase.organization_ids', $1, true)", [organizationId]);
    await owner.query(
      `insert into hexabase.organizations (id, slug, name, plan) values ($1, $1, 'Org', 'starter')`,
      [organizationId],
    );
    await owner.query(
      `insert into hexabase.invitations (id, organization_id, email, role, token_hash, invited_by, created_at, sent_at, expires_at)
       values ($1, $2, $3, 'viewer', $4, 'x', $5, $5, $6)`,
      [
        code,
        organizationId,
        email,
        hash('sha256', code, 'base64url'),
        new Date(clock.now()),
        new Date(clock.now() + 60_000),
      ],
    );
    await owner.query('commit');
    const closed = openLetters({ ...deps, signUp: false });
    await closed.finish({ code, password: newPassword });
    await signIn(newPassword);
    expect(organizations).toEqual([]);
    await expect(closed.finish({ code, password: oldPassword })).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('the address of a service account', () => {
  beforeEach(async () => {
    const organization = `acme-${count}`;
    email = `deployer@${organization}.serviceaccounts.hexabase.local`;
    await test.database.asIdentity(async (tx) => {
      await sql`INSERT INTO hexabase.organizations (id, slug, name, plan)
        VALUES (${organization}, ${organization}, 'Acme', 'starter')`.execute(tx);
      await sql`INSERT INTO hexabase.users (id, email, display_name, kind, organization_id, created_at)
        VALUES (${email}, ${email}, 'deployer', 'service-account', ${organization}, now())`.execute(tx);
    });
  });

  it('is no mailbox: whoever asks is told what everybody is, and no letter is written', async () => {
    await ask('reset');
    expect(await mails()).toEqual([]);
    email = `nobody@acme-${count}.serviceaccounts.hexabase.local`;
    await ask('reset');
    expect(await mails()).toEqual([]);
  });

  it('takes no password by a letter that an earlier version has sent', async () => {
    const code = await test.database.asIdentity((tx) =>
      insertCode(tx, { kind: 'reset', email, userId: brandId(email) }, clock.now()),
    );
    const gone = { code: 'not_found' };
    await expect(letters.find(code)).rejects.toMatchObject(gone);
    await expect(letters.finish({ code, password: newPassword })).rejects.toMatchObject(gone);
  });

  it('is nobody’s to sign up with', async () => {
    for (const asked of [email, ` NEW@Acme.ServiceAccounts.Hexabase.LOCAL `]) {
      email = asked;
      await expect(ask('sign_up')).rejects.toMatchObject({
        code: 'validation_failed',
        details: { fields: [{ path: 'email', message: expect.stringContaining('service accounts') }] },
      });
    }
  });
});

describe('letters', () => {
  it('one mailbox gets five and three in an hour, wherever they are asked from', async () => {
    await account();
    for (let index = 0; index < 8; index += 1) await ask('reset', `192.0.2.${index}`);
    expect(await mails()).toHaveLength(5);
    for (let index = 0; index < 8; index += 1) await ask('sign_up', `192.0.2.${index}`);
    expect(await mails()).toHaveLength(5 + 3);
  });

  attack('C17 that strangers ask for do not use up those with which the owner gets in', async () => {
    const { id } = await account();
    for (let index = 0; index < 8; index += 1) await ask('sign_up', `198.51.100.${index}`);
    await ask('reset');
    expect(await letters.find(await lastCode())).toMatchObject({ kind: 'reset' });
    for (let index = 0; index < 8; index += 1) await ask('reset', `198.51.100.${index}`);
    const others = await identity.rememberDevice(await somebodyElse());
    for (const device of [null, 'x', others]) {
      const before = await mails();
      await letters.ask('reset', { email, address: '192.0.2.1', knownDevice: device });
      expect(await mails()).toHaveLength(before.length);
    }
    const before = await mails();
    const knownDevice = await identity.rememberDevice(id);
    await letters.ask('reset', { email, address: '192.0.2.1', knownDevice });
    expect(await mails()).toHaveLength(before.length + 1);
    expect((await signIn(oldPassword)).user.email).toBe(email);
  });

  it('are few a day when strangers ask for them without end, and one of the last hour is always good', async () => {
    await account();
    for (let hour = 0; hour < 24; hour += 1) {
      for (let index = 0; index < 6; index += 1) await ask('reset', `198.51.100.${hour}`);
      expect(await letters.find(await lastCode())).toMatchObject({ kind: 'reset' });
      clock.advance(3_600_000);
    }
    expect(await mails()).toHaveLength(10 + 22);
  });

  it('are asked for ten times from one place, then it is slowed down', async () => {
    for (let index = 0; index < 10; index += 1) await ask('reset');
    await expect(ask('reset')).resolves.toBeUndefined();
    await expect(ask('reset')).rejects.toMatchObject({ code: 'rate_limited' });
  });

  it.each(['', 'hksl_x', `hksl_${'a'.repeat(43)}`, 'hks_inv_x'])(
    'the code %j is good for nothing',
    async (code) => {
      await expect(letters.finish({ code, password: newPassword })).rejects.toMatchObject({
        code: 'not_found',
      });
    },
  );
});

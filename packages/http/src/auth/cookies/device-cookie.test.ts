import { systemClock } from '@hexabase/kernel/clock.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { brandId } from '@hexabase/kernel/id.ts';
import { createKeyVault } from '@hexabase/kernel/key-vault.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { openIdentity, type Identity } from '@hexabase/oidc/identity.ts';
import { insertCode } from '@hexabase/oidc/letters/code-store.ts';
import { openLetters } from '@hexabase/oidc/letters/letters.ts';
import { createUser } from '@hexabase/oidc/users.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHttp } from '../../create-http.ts';
import { createMetrics } from '../../metrics.ts';

/** What a browser or program keeps of a sign-in, so that strangers who guess do not slow down the next one. */
const password = 'correct horse battery';
const issuer = 'https://hexabase.example/oidc';
const plain = { host: '127.0.0.1' };
let test: TestDatabase;
let identity: Identity;
let app: FastifyInstance;
let counter = 0;

beforeAll(async () => {
  test = await testDatabase();
  const { database: db, masterKey } = test;
  identity = await openIdentity({ db, masterKey, issuer, clock: systemClock });
  const vault = createKeyVault(masterKey);
  const letters = openLetters({
    db,
    vault,
    clock: systemClock,
    site: 'https://hexabase.example',
    passwords: true,
    signUp: true,
    makeOrganization: async () => undefined,
  });
  app = await createHttp({
    execute: () => Promise.reject(new AppError('not_built')),
    authenticate: (token) => identity.authenticate(token),
    allowedHosts: ['127.0.0.1', 'hexabase.example'],
    clock: systemClock,
    log: silentLogger,
    metrics: createMetrics(async () => 0),
    ping: () => db.ping(),
    auth: { identity, letters },
    version: '0.0.0',
  });
});

afterAll(async () => {
  await app?.close();
  await identity?.[Symbol.asyncDispose]();
  await test?.close();
});

async function person(): Promise<string> {
  const email = `person-${(counter += 1)}@example.test`;
  await test.database.asIdentity((tx) => createUser(tx, { email, displayName: email, password }, Date.now()));
  return email;
}

async function logIn(email: string, headers: Record<string, string>, given = password, from = '127.0.0.1') {
  const payload = { email, password: given };
  const answer = await app.inject({
    method: 'POST',
    url: '/auth/login',
    headers,
    payload,
    remoteAddress: from,
  });
  return { status: answer.statusCode, cookies: cookiesOf(answer), token: answer.json()['access_token'] };
}

function cookiesOf({ headers }: { headers: Record<string, unknown> }): string[] {
  return [headers['set-cookie'] ?? []].flat().map(String);
}

/** A page of ours, opened and sent by one browser. */
async function sendForm(page: string, fields: Record<string, string>, url = page) {
  const opened = await app.inject({ url: page, headers: plain });
  const [form = ''] = cookiesOf(opened);
  const token = /name="form_token" value="([^"]+)"/.exec(opened.payload)?.[1] ?? '';
  return app.inject({
    method: 'POST',
    url,
    headers: {
      ...plain,
      cookie: form.split(';')[0] ?? '',
      'content-type': 'application/x-www-form-urlencoded',
    },
    payload: String(new URLSearchParams({ form_token: token, ...fields })),
  });
}

/** As if a hundred had guessed at a hundred places within the hour. */
async function surround(email: string): Promise<void> {
  await logIn(email, plain, 'wrong', '198.51.100.1');
  await test.database.asIdentity((tx) =>
    sql`UPDATE hexabase.login_attempts SET failures = 100 WHERE key LIKE 'strangers:%'`.execute(tx),
  );
}

const authorize = `/auth/authorize?${new URLSearchParams({
  client_id: 'hks',
  redirect_uri: 'http://127.0.0.1:41234/callback',
  response_type: 'code',
  code_challenge: 'a'.repeat(43),
  code_challenge_method: 'S256',
})}`;

describe('the cookie of a known device', () => {
  it('is out of reach of scripts and other sites, for half a year, and https only where there is https', async () => {
    const email = await person();
    const rest = 'Path=/; Max-Age=15552000; HttpOnly; SameSite=Strict';
    expect((await logIn(email, plain)).cookies).toEqual([
      expect.stringMatching(new RegExp(`^hks-device=[\\w.-]+; ${rest}$`)),
    ]);
    expect((await logIn(email, { host: 'hexabase.example' })).cookies).toEqual([
      expect.stringMatching(new RegExp(`^__Host-hks-device=[\\w.-]+; ${rest}; Secure$`)),
    ]);
  });

  it('is given by whatever proves somebody, and gets only them in at a new place while strangers guess', async () => {
    const [email, other] = [await person(), await person()];
    const paged = await sendForm(authorize, { email, password, decision: 'allow' });
    expect(paged.statusCode).toBe(303);
    const { token } = await logIn(email, plain);
    const changed = await app.inject({
      method: 'POST',
      url: '/auth/password',
      headers: { ...plain, authorization: `Bearer ${token}` },
      payload: { current_password: password, new_password: 'amber gulls near the mill' },
    });
    expect(changed.statusCode).toBe(204);
    const device = (answer: { headers: Record<string, unknown> }) =>
      cookiesOf(answer)
        .find((line) => line.startsWith('hks-device='))
        ?.split(';')[0] ?? 'none';
    await surround(email);
    await surround(other);
    const at = (cookie: string, who: string, given: string, from: string) =>
      logIn(who, { ...plain, cookie }, given, from).then(({ status }) => status);
    const fresh = 'amber gulls near the mill';
    expect(await at(device(changed), email, fresh, '192.0.2.1')).toBe(200);
    expect(await at(device(changed), email, 'wrong', '192.0.2.1')).toBe(401);
    expect(await at(device(changed), other, password, '192.0.2.2')).toBe(429);
    // Given before the password was changed.
    expect(device(paged)).not.toBe('none');
    expect(await at(device(paged), email, fresh, '192.0.2.3')).toBe(429);
  });

  it('is given with a password by letter, so that who reads their mail is kept out by no guesser', async () => {
    const email = await person();
    const { rows } = await test.database.asIdentity((tx) =>
      sql<{ id: string }>`SELECT id FROM hexabase.users WHERE email = ${email}`.execute(tx),
    );
    const code = await test.database.asIdentity((tx) =>
      insertCode(tx, { kind: 'reset', email, userId: brandId(rows[0]?.id ?? '') }, Date.now()),
    );
    const fresh = 'amber gulls near the mill';
    const set = await sendForm(`/auth/finish?code=${code}`, { code, password: fresh }, '/auth/finish');
    expect(set.statusCode).toBe(200);
    await surround(email);
    const cookie = cookiesOf(set)
      .map((line) => line.split(';')[0])
      .join('; ');
    expect((await logIn(email, plain, fresh, '192.0.2.5')).status).toBe(429);
    expect((await logIn(email, { ...plain, cookie }, fresh, '192.0.2.5')).status).toBe(200);
  });

  it('works on pages as at the API', async () => {
    const email = await person();
    const [given = ''] = (await logIn(email, plain)).cookies;
    await surround(email);
    const opened = await app.inject({ url: authorize, headers: plain, remoteAddress: '192.0.2.4' });
    const [form = ''] = cookiesOf(opened);
    const token = /name="form_token" value="([^"]+)"/.exec(opened.payload)?.[1] ?? '';
    const send = (cookies: string[]) =>
      app.inject({
        method: 'POST',
        url: authorize,
        remoteAddress: '192.0.2.4',
        headers: {
          ...plain,
          cookie: cookies.map((line) => line.split(';')[0]).join('; '),
          'content-type': 'application/x-www-form-urlencoded',
        },
        payload: String(new URLSearchParams({ form_token: token, email, password, decision: 'allow' })),
      });
    expect((await send([form])).statusCode).toBe(429);
    expect((await send([form, given])).statusCode).toBe(303);
  });

  it('is given for no wrong password', async () => {
    expect(await logIn(await person(), plain, 'wrong')).toMatchObject({ status: 401, cookies: [] });
  });
});

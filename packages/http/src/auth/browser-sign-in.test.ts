import { createHash } from 'node:crypto';
import type { Clock } from '@hexabase/kernel/clock.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { openIdentity, type Identity } from '@hexabase/oidc/identity.ts';
import { createUser, disableUser } from '@hexabase/oidc/users.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createHttp } from '../create-http.ts';
import { createMetrics } from '../metrics.ts';

const email = 'ada@example.test';
const password = 'correct horse battery';
const redirectUri = 'http://127.0.0.1:41234/callback';
const verifier = 'v'.repeat(43);
const challenge = createHash('sha256').update(verifier).digest('base64url');
const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code';

/** Time goes on as usual, and further when a test says so. */
let skewMs = 0;
const clock: Clock = { now: () => Date.now() + skewMs };

let test: TestDatabase;
let identity: Identity;
let app: FastifyInstance;
let url = '';

beforeAll(async () => {
  test = await testDatabase();
  const { database: db, masterKey } = test;
  identity = await openIdentity({ db, masterKey, issuer: 'https://localhost:8443/oidc', clock });
  for (const person of [email, 'eve@example.test'])
    await db.asIdentity((tx) => createUser(tx, { email: person, displayName: person, password }, Date.now()));
  app = await createHttp({
    execute: () => Promise.reject(new AppError('not_built')),
    authenticate: (token) => identity.authenticate(token),
    allowedHosts: ['127.0.0.1'],
    clock,
    log: silentLogger,
    metrics: createMetrics(async () => 0),
    ping: () => db.ping(),
    auth: { identity },
    version: '0.0.0',
  });
  url = await app.listen({ port: 0, host: '127.0.0.1' });
});

// Each test starts an hour later: what guessing cost the one before is forgotten.
beforeEach(() => {
  skewMs += 2 * 3_600_000;
});

afterAll(async () => {
  await app?.close();
  await identity?.[Symbol.asyncDispose]();
  await test?.close();
});

interface Answer {
  status: number;
  body: Record<string, string>;
}

async function post(path: string, fields: Record<string, string>): Promise<Answer> {
  const response = await fetch(url + path, { method: 'POST', body: new URLSearchParams(fields) });
  return { status: response.status, body: JSON.parse(await response.text()) };
}

/** What a browser keeps between two pages: the cookie, and the hidden field of the form. */
class Visitor {
  cookie = '';
  token = '';

  async open(path: string): Promise<{ status: number; page: string; headers: Headers }> {
    return this.#read(await fetch(url + path, { headers: { cookie: this.cookie }, redirect: 'manual' }));
  }

  async send(path: string, fields: Record<string, string>, headers: Record<string, string> = {}) {
    const body = new URLSearchParams({ form_token: this.token, ...fields });
    const init = {
      method: 'POST',
      body,
      headers: { cookie: this.cookie, origin: url, ...headers },
      redirect: 'manual',
    } as const;
    return this.#read(await fetch(url + path, init));
  }

  async #read(response: Response) {
    const page = await response.text();
    this.cookie = response.headers.get('set-cookie')?.split(';')[0] ?? this.cookie;
    this.token = /name="form_token" value="([^"]+)"/.exec(page)?.[1] ?? this.token;
    return { status: response.status, page, headers: response.headers };
  }
}

async function visit(path: string): Promise<Visitor> {
  const visitor = new Visitor();
  expect((await visitor.open(path)).status).toBe(200);
  return visitor;
}

async function start(): Promise<{ deviceCode: string; userCode: string }> {
  const { status, body } = await post('/auth/device', { client_id: 'hks', device_name: 'tower <b>' });
  expect(status).toBe(200);
  return { deviceCode: body['device_code'] ?? '', userCode: body['user_code'] ?? '' };
}

function poll(deviceCode: string): Promise<Answer> {
  return post('/auth/token', { grant_type: deviceGrant, client_id: 'hks', device_code: deviceCode });
}

function later(seconds: number): void {
  skewMs += seconds * 1000;
}

async function whoIs(token: string | undefined): Promise<{ status: number; email?: string }> {
  const response = await fetch(`${url}/auth/me`, { headers: { authorization: `Bearer ${token}` } });
  return { status: response.status, ...(response.ok && { email: JSON.parse(await response.text()).email }) };
}

describe('the device flow', () => {
  it('signs a program in as the person who allows it, with a session that refreshes and bears the device’s name', async () => {
    const { status, body } = await post('/auth/device', { client_id: 'hks', device_name: 'tower' });
    expect([status, body]).toMatchObject([
      200,
      {
        verification_uri: `${url}/device`,
        expires_in: 600,
        interval: 5,
        user_code: expect.stringMatching(/^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/),
      },
    ]);
    const [deviceCode = '', userCode = ''] = [body['device_code'], body['user_code']];
    expect((await poll(deviceCode)).body).toMatchObject({ error: 'authorization_pending' });
    const visitor = await visit(`/device?user_code=${userCode}`);
    const confirm = await visitor.send('/device', { user_code: userCode.toLowerCase().replace('-', ' ') });
    expect(confirm.page).toContain('hks, the Hexabase AI command line');
    expect(confirm.page).toContain('tower');
    const done = await visitor.send('/device/decision', {
      user_code: userCode,
      email,
      password,
      decision: 'allow',
    });
    expect([done.status, done.page]).toEqual([200, expect.stringContaining('Signed in')]);
    later(6);
    const granted = await poll(deviceCode);
    expect(granted.body).toMatchObject({ token_type: 'Bearer', user: { email } });
    expect(await whoIs(granted.body['access_token'])).toEqual({ status: 200, email });
    const sessions = await fetch(`${url}/api/v1/auth/sessions`, {
      headers: { authorization: `Bearer ${granted.body['access_token']}` },
    });
    expect(await sessions.json()).toMatchObject({
      data: expect.arrayContaining([expect.objectContaining({ userAgent: 'hks on tower', current: true })]),
    });
    const refreshed = await post('/auth/refresh', { refresh_token: granted.body['refresh_token'] ?? '' });
    expect(refreshed.status).toBe(200);
  });

  it('hands an approval out once, even to twenty polls at the same time', async () => {
    const { deviceCode, userCode } = await start();
    await (await visit('/device')).send('/device/decision', { user_code: userCode, email, password });
    const answers = await Promise.all(Array.from({ length: 20 }, () => poll(deviceCode)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    later(60);
    expect((await poll(deviceCode)).body).toMatchObject({ error: 'invalid_grant' });
  });

  it('answers slow_down to polls that come too fast, and asks for longer pauses from then on', async () => {
    const { deviceCode } = await start();
    const errors: (string | undefined)[] = [];
    for (const seconds of [0, 1, 6, 16]) {
      later(seconds);
      errors.push((await poll(deviceCode)).body['error']);
    }
    expect(errors).toEqual(['authorization_pending', 'slow_down', 'slow_down', 'authorization_pending']);
  });

  it('ends after ten minutes, for the program and for the person', async () => {
    const { deviceCode, userCode } = await start();
    later(601);
    expect((await poll(deviceCode)).body).toMatchObject({ error: 'expired_token' });
    const { status, page } = await (await visit('/device')).send('/device', { user_code: userCode });
    expect([status, page]).toEqual([404, expect.stringContaining('Nothing waits for that code')]);
  });

  it('tells the program when it was refused', async () => {
    const { deviceCode, userCode } = await start();
    const { page } = await (
      await visit('/device')
    ).send('/device/decision', { user_code: userCode, decision: 'deny' });
    expect(page).toContain('Refused');
    expect((await poll(deviceCode)).body).toMatchObject({ error: 'access_denied' });
  });

  it('slows the guessing of codes down; right codes of one’s own do not wash off wrong ones', async () => {
    const visitor = await visit('/device');
    const statuses: number[] = [];
    for (let guess = 0; guess < 12; guess++) {
      const { userCode } = await start();
      expect((await visitor.send('/device', { user_code: userCode })).status).toBe(guess < 11 ? 200 : 429);
      statuses.push((await visitor.send('/device', { user_code: 'BBBB-BBBB' })).status);
    }
    expect(statuses).toEqual([...Array.from({ length: 11 }, () => 404), 429]);
    const slowed = await visitor.send('/device', { user_code: 'BBBB-BBBB' });
    expect(slowed.page).toMatch(/Wait \d+ seconds/);
    expect(Number(slowed.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  it('cannot be approved for somebody else: who it is comes from the password alone', async () => {
    const { deviceCode, userCode } = await start();
    const visitor = await visit('/device');
    const wrong = await visitor.send('/device/decision', { user_code: userCode, email, password: 'a guess' });
    expect([wrong.status, wrong.page]).toEqual([401, expect.stringContaining('role="alert"')]);
    expect((await poll(deviceCode)).body).toMatchObject({ error: 'authorization_pending' });
    const forged = { user_id: 'somebody', username: email, user: email };
    await visitor.send('/device/decision', {
      ...forged,
      user_code: userCode,
      email: 'eve@example.test',
      password,
    });
    later(6);
    const granted = await poll(deviceCode);
    expect(await whoIs(granted.body['access_token'])).toEqual({ status: 200, email: 'eve@example.test' });
  });

  it('gives nothing when the account was disabled after the approval', async () => {
    const user = await test.database.asIdentity((tx) =>
      createUser(tx, { email: 'leaver@example.test', displayName: 'L', password }, Date.now()),
    );
    const { deviceCode, userCode } = await start();
    await (
      await visit('/device')
    ).send('/device/decision', { user_code: userCode, email: user.email, password });
    await test.database.asIdentity((tx) => disableUser(tx, user.id, clock.now()));
    expect((await poll(deviceCode)).body).toMatchObject({ error: 'invalid_grant' });
  });

  it('starts for no unknown client, and not without end from one address', async () => {
    expect(await post('/auth/device', { client_id: 'other' })).toMatchObject({
      status: 401,
      body: { error: 'invalid_client' },
    });
    expect(await post('/auth/device', {})).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
    const statuses = [];
    for (let count = 0; count < 51; count++)
      statuses.push((await post('/auth/device', { client_id: 'hks' })).status);
    expect([statuses.slice(0, 50).every((status) => status === 200), statuses[50]]).toEqual([true, 429]);
  });
});

describe('a form of another site', () => {
  it('decides nothing: without the cookie, with another’s token, or from another origin', async () => {
    const { deviceCode, userCode } = await start();
    const fields = { user_code: userCode, email: 'eve@example.test', password };
    const visitor = await visit('/device');
    const stranger = await visit('/device');
    const attempts = [
      await new Visitor().send('/device/decision', { ...fields, form_token: visitor.token }),
      await visitor.send('/device/decision', { ...fields, form_token: stranger.token }),
      await visitor.send('/device/decision', { ...fields, form_token: '' }),
      await visitor.send('/device/decision', fields, { origin: 'https://evil.example' }),
      await visitor.send('/device/decision', fields, { origin: 'null' }),
      await visitor.send('/device/decision', fields, { 'sec-fetch-site': 'cross-site' }),
      await visitor.send('/device/decision', fields, { 'sec-fetch-site': 'same-site' }),
    ];
    expect(attempts.map(({ status }) => status)).toEqual(attempts.map(() => 403));
    expect((await poll(deviceCode)).body).toMatchObject({ error: 'authorization_pending' });
  });

  it('cannot ride on a cookie: it is HttpOnly, Strict, and nothing inline or framed is allowed on the page', async () => {
    const { page, headers } = await new Visitor().open('/device?user_code="><script>alert(1)</script>');
    expect(headers.get('set-cookie')).toMatch(
      /^hks-form=[\w-]{43}; Path=\/; Max-Age=3600; HttpOnly; SameSite=Strict$/,
    );
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).toMatch(/form-action 'self'; frame-ancestors 'none'/);
    expect(policy).not.toMatch(/unsafe|script-src/);
    expect(page).not.toContain('<script');
  });
});

const good = {
  client_id: 'hks',
  response_type: 'code',
  redirect_uri: redirectUri,
  code_challenge: challenge,
  code_challenge_method: 'S256',
  state: 'a state',
};

function authorizePath(change: Record<string, string> = {}): string {
  const query = Object.entries({ ...good, ...change }).filter(([, value]) => value !== '-');
  return `/auth/authorize?${new URLSearchParams(query)}`;
}

async function obtainCode(): Promise<string> {
  const visitor = await visit(authorizePath());
  const { status, headers } = await visitor.send(authorizePath(), { email, password });
  const back = new URL(headers.get('location') ?? '');
  expect([status, back.origin + back.pathname, back.searchParams.get('state')]).toEqual([
    303,
    redirectUri,
    'a state',
  ]);
  return back.searchParams.get('code') ?? '';
}

function redeem(code: string, change: Record<string, string> = {}): Promise<Answer> {
  const fields = {
    grant_type: 'authorization_code',
    client_id: 'hks',
    code,
    redirect_uri: redirectUri,
    code_verifier: verifier,
  };
  return post('/auth/token', { ...fields, ...change });
}

describe('the loopback flow', () => {
  it('signs the program in whose verifier fits', async () => {
    const granted = await redeem(await obtainCode());
    expect(await whoIs(granted.body['access_token'])).toEqual({ status: 200, email });
  });

  it('a code that comes twice is refused, and ends the session it had started', async () => {
    const code = await obtainCode();
    const granted = await redeem(code);
    expect(await redeem(code)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    expect((await whoIs(granted.body['access_token'])).status).toBe(401);
  });

  it('a code is spent by a wrong verifier, address or client, and by time', async () => {
    for (const change of [
      { code_verifier: 'w'.repeat(43) },
      { redirect_uri: 'http://127.0.0.1:41235/callback' },
      { client_id: 'other' },
    ]) {
      const code = await obtainCode();
      expect((await redeem(code, change)).body).toMatchObject({ error: 'invalid_grant' });
      expect((await redeem(code)).body).toMatchObject({ error: 'invalid_grant' });
    }
    const code = await obtainCode();
    later(61);
    expect((await redeem(code)).body).toMatchObject({ error: 'invalid_grant' });
  });

  it('needs PKCE S256 from beginning to end', async () => {
    for (const change of [
      { code_challenge: '-' },
      { code_challenge_method: 'plain' },
      { code_challenge_method: '-' },
    ]) {
      const { status, headers } = await new Visitor().open(authorizePath(change));
      expect(status).toBe(303);
      expect(headers.get('location')).toMatch(
        /^http:\/\/127\.0\.0\.1:41234\/callback\?error=invalid_request&/,
      );
    }
    const withoutVerifier = {
      grant_type: 'authorization_code',
      client_id: 'hks',
      code: await obtainCode(),
      redirect_uri: redirectUri,
    };
    expect((await post('/auth/token', withoutVerifier)).body).toMatchObject({ error: 'invalid_request' });
    expect((await post('/auth/token', { grant_type: 'password' })).body).toMatchObject({
      error: 'unsupported_grant_type',
    });
  });

  it('sends nothing to an address that is not of this machine, and nobody to sign in for one', async () => {
    for (const change of [
      'https://evil.example/callback',
      'http://evil.example:41234/callback',
      'http://127.0.0.1@evil.example:80/callback',
      'http://127.0.0.1:80@evil.example/callback',
      'http://127.0.0.1.evil.example:80/callback',
      'http://127.0.0.1:41234/callback/../evil',
      'http://127.0.0.1:41234/callback?next=evil',
      'http://127.0.0.1:99999/callback',
      'http://localhost/callback',
      '-',
    ]) {
      const { status, headers } = await new Visitor().open(authorizePath({ redirect_uri: change }));
      expect([change, status, headers.get('location')]).toEqual([change, 400, null]);
    }
    expect((await new Visitor().open(authorizePath({ client_id: 'other' }))).status).toBe(400);
    const twice = `${authorizePath()}&redirect_uri=${encodeURIComponent('https://evil.example/')}`;
    expect((await new Visitor().open(twice)).status).toBe(400);
  });

  it('takes no sign-in that another site sent, no matter whose password it carries', async () => {
    const { status, headers } = await new Visitor().send(
      authorizePath(),
      { email, password },
      { origin: 'https://evil.example' },
    );
    expect([status, headers.get('location')]).toEqual([403, null]);
  });

  it('shows what was wrong and keeps the address typed; guessing is slowed down as at /auth/login', async () => {
    const visitor = await visit(authorizePath());
    const statuses: number[] = [];
    let page = '';
    for (let guess = 0; guess < 12; guess++) {
      const answer = await visitor.send(authorizePath(), {
        email: 'victim@example.test',
        password: `guess ${guess}`,
      });
      statuses.push(answer.status);
      page ||= answer.page;
    }
    expect(page).toContain('value="victim@example.test"');
    expect(page).toContain('The e-mail address or the password is wrong.');
    expect(page).not.toContain('guess 0');
    expect(statuses).toEqual([...Array.from({ length: 11 }, () => 401), 429]);
  });

  it('goes back with access_denied when it is cancelled', async () => {
    const visitor = await visit(authorizePath());
    const { headers } = await visitor.send(authorizePath(), { decision: 'deny' });
    expect(headers.get('location')).toMatch(/callback\?error=access_denied&.*state=a\+state$/);
  });
});

describe('behind a public address', () => {
  it('pages and cookies are https only, whatever the proxy in front speaks to us', async () => {
    const publicly = await createHttp({
      execute: () => Promise.reject(new AppError('not_built')),
      authenticate: (token) => identity.authenticate(token),
      allowedHosts: ['hexabase.example'],
      clock,
      log: silentLogger,
      metrics: createMetrics(async () => 0),
      ping: () => test.database.ping(),
      auth: { identity: { ...identity, issuer: 'https://hexabase.example/oidc' } },
      version: '0.0.0',
    });
    const headers = {
      host: 'hexabase.example',
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'http',
    };
    const page = await publicly.inject({ url: '/device', headers });
    expect(page.headers['set-cookie']).toMatch(
      /^__Host-hks-form=[\w-]{43}; Path=\/; Max-Age=3600; HttpOnly; SameSite=Strict; Secure$/,
    );
    const started = await publicly.inject({
      method: 'POST',
      url: '/auth/device',
      headers,
      payload: { client_id: 'hks' },
    });
    expect(started.json()).toMatchObject({ verification_uri: 'https://hexabase.example/device' });
    await publicly.close();
  });
});

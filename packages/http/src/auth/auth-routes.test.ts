import { systemClock } from '@hexabase/kernel/clock.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { newId } from '@hexabase/kernel/id.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { openIdentity, type Identity } from '@hexabase/oidc/identity.ts';
import { createOidcHandler } from '@hexabase/oidc/provider/oidc-handler.ts';
import { createUser } from '@hexabase/oidc/users.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHttp } from '../create-http.ts';
import { createMetrics } from '../metrics.ts';
import { providerPages } from '../pages/provider-pages.ts';

const issuer = 'https://localhost:8443/oidc';
const email = 'ada@example.test';
const password = 'correct horse battery';
const json = { 'content-type': 'application/json' };

let test: TestDatabase;
let identity: Identity;
let app: FastifyInstance;
let url = '';

beforeAll(async () => {
  test = await testDatabase();
  const { database: db, masterKey } = test;
  identity = await openIdentity({ db, masterKey, issuer, clock: systemClock });
  await db.asIdentity((tx) => createUser(tx, { email, displayName: 'Ada', password }, Date.now()));
  app = await createHttp({
    execute: () => Promise.reject(new AppError('not_built')),
    authenticate: (token) => identity.authenticate(token),
    allowedHosts: ['127.0.0.1'],
    clock: systemClock,
    log: silentLogger,
    metrics: createMetrics(async () => 0),
    ping: () => db.ping(),
    auth: {
      identity,
      oidc: createOidcHandler({
        db,
        masterKey,
        keys: identity.keys,
        issuer,
        clock: systemClock,
        log: silentLogger,
        pages: providerPages,
      }),
    },
    version: '0.0.0',
  });
  url = await app.listen({ port: 0, host: '127.0.0.1' });
});

afterAll(async () => {
  await app?.close();
  await identity?.[Symbol.asyncDispose]();
  await test?.close();
});

interface Tokens {
  access_token: string;
  refresh_token: string;
}

function post(path: string, body: unknown, headers: Record<string, string> = json): Promise<Response> {
  return fetch(url + path, {
    method: 'POST',
    headers,
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

async function signIn(): Promise<Tokens> {
  const response = await post('/auth/login', { email, password });
  expect(response.status).toBe(200);
  const tokens: unknown = await response.json();
  if (!isTokens(tokens)) throw new Error('expected tokens');
  return tokens;
}

function isTokens(value: unknown): value is Tokens {
  return typeof value === 'object' && value !== null && 'access_token' in value && 'refresh_token' in value;
}

function get(path: string, token?: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url + path, {
    headers: { ...headers, ...(token !== undefined && { authorization: `Bearer ${token}` }) },
  });
}

describe('POST /auth/login', () => {
  it('answers OAuth’s shape on the top level, for JSON and for forms, and is kept by no cache', async () => {
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    for (const response of [
      await post('/auth/login', { email, password }),
      await post('/auth/login', new URLSearchParams({ email, password }).toString(), form),
      await post('/auth/login', new URLSearchParams({ username: email, password }).toString(), form),
    ]) {
      expect(response.status).toBe(200);
      expect(response.headers.get('cache-control')).toBe('no-store');
      const body: unknown = await response.json();
      expect(body).toMatchObject({
        token_type: 'Bearer',
        expires_in: 900,
        user: { email, displayName: 'Ada' },
      });
      expect(body).toEqual(
        expect.objectContaining({
          token: expect.any(String),
          refresh_token: expect.any(String),
          expires_at: expect.any(String),
        }),
      );
      expect(JSON.stringify(body)).not.toMatch(/password|argon2/);
    }
  });

  it('answers a wrong password and an unknown address byte for byte alike, but for the request id', async () => {
    const answers = [];
    for (const who of [email, 'nobody@example.test']) {
      const response = await post('/auth/login', { email: who, password: 'wrong' });
      expect(response.status).toBe(401);
      answers.push((await response.text()).replace(/"requestId":"[^"]+"/, ''));
    }
    expect(answers[0]).toBe(answers[1]);
  });

  it('refuses bad bodies in the error envelope, without repeating the password', async () => {
    for (const [body, status, headers] of [
      ['{', 400, json],
      ['{}', 400, json],
      [{ email, password: 7 }, 400, json],
      [{ email, password, is_admin: true }, 400, json],
      [{ email: ['a'], password: 'sesame-sesame' }, 400, json],
      [JSON.stringify({ email, password }), 415, { 'content-type': 'text/plain' }],
      [JSON.stringify({ email, password: 'x'.repeat(20_000) }), 413, json],
    ] as const) {
      const response = await post('/auth/login', body, headers);
      expect(response.status).toBe(status);
      const text = await response.text();
      expect(JSON.parse(text)).toMatchObject({
        error: { code: expect.any(String) },
        meta: { requestId: expect.any(String) },
      });
      expect(text).not.toMatch(/sesame|correct horse/);
    }
  });

  it('says when to try again after too many wrong passwords', async () => {
    const statuses: number[] = [];
    let last: Response | undefined;
    for (let guess = 0; guess < 12; guess++) {
      last = await post('/auth/login', { email: 'victim@example.test', password: `guess ${guess}` });
      statuses.push(last.status);
    }
    expect(statuses.slice(0, 11)).toEqual(Array.from({ length: 11 }, () => 401));
    expect(statuses[11]).toBe(429);
    expect(Number(last?.headers.get('retry-after'))).toBeGreaterThan(0);
  });
});

describe('a session', () => {
  it('can be shown, refreshed, listed and ended', async () => {
    const first = await signIn();
    expect(await (await get('/auth/me', first.access_token)).json()).toMatchObject({
      email,
      organizations: [],
    });
    expect(await (await get('/api/v1/auth/validate', first.access_token)).json()).toMatchObject({
      data: { valid: true, user: { email } },
      meta: { requestId: expect.any(String) },
    });
    const refreshed: unknown = await (
      await post('/auth/refresh', { refresh_token: first.refresh_token })
    ).json();
    if (!isTokens(refreshed)) throw new Error('expected tokens');
    const listed: { data: { id: string; current: boolean }[] } = await (
      await get('/api/v1/auth/sessions', refreshed.access_token)
    ).json();
    const current = listed.data.find((session) => session.current);
    const ended = await fetch(`${url}/api/v1/auth/sessions/${current?.id}`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${refreshed.access_token}` },
    });
    expect(ended.status).toBe(204);
    const after = await get('/auth/me', refreshed.access_token);
    expect(after.status).toBe(401);
    expect(await after.json()).toMatchObject({ error: { code: 'session_ended' } });
  });

  it('ends at /auth/logout, with either token', async () => {
    const [one, two] = [await signIn(), await signIn()];
    const bare = await fetch(`${url}/auth/logout`, {
      method: 'POST',
      headers: { authorization: `Bearer ${one.access_token}` },
    });
    expect(bare.status).toBe(204);
    expect((await post('/auth/logout', { refresh_token: two.refresh_token })).status).toBe(204);
    expect((await get('/auth/me', one.access_token)).status).toBe(401);
    expect((await get('/auth/me', two.access_token)).status).toBe(401);
    expect((await post('/auth/logout', {})).status).toBe(401);
  });

  it('ends when its refresh token is used twice', async () => {
    const first = await signIn();
    expect((await post('/auth/refresh', { refresh_token: first.refresh_token })).status).toBe(200);
    const again = await post('/auth/refresh', { refresh_token: first.refresh_token });
    expect([again.status, await again.json()]).toMatchObject([401, { error: { code: 'refresh_reused' } }]);
    expect((await get('/auth/me', first.access_token)).status).toBe(401);
  });
});

describe('who is asking', () => {
  it('comes from the bearer token alone: no magic token, header, cookie or query stands in', async () => {
    const { access_token: token } = await signIn();
    const attempts = [
      get('/auth/me'),
      ...['dev_token_admin', 'dev_token_', 'internal_x', 'ai_agent_x', 'null'].map((magic) =>
        get('/auth/me', magic),
      ),
      get(`/auth/me?access_token=${token}`),
      get('/auth/me', undefined, { cookie: `access_token=${token}; session=${token}` }),
      get('/auth/me', undefined, {
        'x-user-id': 'admin',
        'x-forwarded-user': 'admin',
        'x-remote-user': 'admin',
        'x-internal-api': 'true',
      }),
      get('/auth/me', undefined, { authorization: token }),
      get('/auth/me', undefined, {
        authorization: `Basic ${Buffer.from(`${email}:${password}`).toString('base64')}`,
      }),
    ];
    for (const response of await Promise.all(attempts)) expect(response.status).toBe(401);
  });

  it('is not a workspace token', async () => {
    const actor = await identity.authenticate((await signIn()).access_token);
    const { token } = await identity.mintKubeToken({
      actor,
      workspaceId: newId<'Workspace'>(),
      groups: [],
      epoch: 0,
    });
    expect((await get('/auth/me', token)).status).toBe(401);
  });
});

describe('/oidc', () => {
  it('answers discovery and keys for the issuer through the same server', async () => {
    const document: unknown = await (await get('/oidc/.well-known/openid-configuration')).json();
    expect(document).toMatchObject({ issuer, jwks_uri: `${issuer}/jwks` });
    expect(await (await get('/oidc/jwks')).json()).toEqual(identity.keys.jwks());
  });

  it('answers what it does not know in the error envelope', async () => {
    const response = await get('/oidc/nothing-here');
    expect(response.status).toBe(404);
    expect(await response.json()).toEqual({
      error: { code: 'not_found', message: expect.any(String), details: {} },
      meta: { requestId: response.headers.get('x-request-id') },
    });
  });
});

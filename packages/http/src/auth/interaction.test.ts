import { noProxies, parseTrustedProxies } from '@hexabase/kernel/client-address.ts';
import { systemClock } from '@hexabase/kernel/clock.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { openIdentity, type Identity } from '@hexabase/oidc/identity.ts';
import { registerClient } from '@hexabase/oidc/clients/register-client.ts';
import { createOidcHandler } from '@hexabase/oidc/provider/oidc-handler.ts';
import { createUser } from '@hexabase/oidc/users.ts';
import { appCode } from '@hexabase/testkit/authenticator-app.ts';
import { freePort } from '@hexabase/testkit/free-port.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import * as openid from 'openid-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHttp } from '../create-http.ts';
import { createMetrics } from '../metrics.ts';
import { providerPages } from '../pages/provider-pages.ts';

const issuer = 'https://localhost:8443/oidc';
const email = 'ada@example.test';
const password = 'correct horse battery';
const redirectUri = 'https://grafana.example/login/generic_oauth';

let test: TestDatabase;
let identity: Identity;
let app: FastifyInstance;
let url = '';
let secret = '';

beforeAll(async () => {
  test = await testDatabase();
  // The origin of the pages has to be known before the server listens.
  url = `http://127.0.0.1:${await freePort()}`;
  const { database: db, masterKey } = test;
  identity = await openIdentity({ db, masterKey, issuer, clock: systemClock });
  await db.asIdentity((tx) => createUser(tx, { email, displayName: 'Ada', password }, Date.now()));
  const grafana = {
    name: 'grafana',
    redirectUris: [redirectUri],
    postLogoutRedirectUris: [],
    backchannelLogoutUri: null,
    isPublic: false,
  };
  const made = await db.asIdentity((tx) =>
    registerClient(tx, grafana, { loopbackNotices: true, nowMs: Date.now() }),
  );
  secret = made.secret ?? '';
  app = await createHttp({
    execute: () => Promise.reject(new AppError('not_built')),
    authenticate: (token) => identity.authenticate(token),
    allowedHosts: ['127.0.0.1', 'localhost'],
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
        browserOrigin: url,
        clock: systemClock,
        log: silentLogger,
        pages: providerPages,
      }),
    },
    trustedProxies: parseTrustedProxies('127.0.0.0/8') ?? noProxies,
    version: '0.0.0',
  });
  await app.listen({ port: Number(new URL(url).port), host: '127.0.0.1' });
});

afterAll(async () => {
  await app?.close();
  await identity?.[Symbol.asyncDispose]();
  await test?.close();
});

/** A browser: keeps cookies by path, follows redirects within the server, stops at the client's address. */
class Browser {
  readonly #cookies = new Map<string, { value: string; path: string }>();
  page = '';
  at = '';
  status = 0;
  policy = '';

  go(to: string): Promise<string> {
    return this.#follow(to, { method: 'GET' });
  }

  submit(fields: Record<string, string>, headers: Record<string, string> = {}): Promise<string> {
    const token = /name="form_token" value="([^"]+)"/.exec(this.page)?.[1] ?? '';
    const body = new URLSearchParams({ form_token: token, ...fields });
    return this.#follow(this.at, { method: 'POST', body, headers: { origin: url, ...headers } });
  }

  /** Without the rest of what this browser knows. */
  forget(): void {
    this.#cookies.clear();
  }

  async #follow(
    to: string,
    init: { method: string; body?: URLSearchParams; headers?: Record<string, string> },
  ): Promise<string> {
    const target = new URL(to, url);
    if (target.origin !== url) return target.href;
    const cookie = [...this.#cookies]
      .filter(([, { path }]) => target.pathname.startsWith(path))
      .map(([name, { value }]) => `${name}=${value}`)
      .join('; ');
    const response = await fetch(target, {
      ...init,
      headers: { ...init.headers, cookie, 'x-forwarded-for': '198.51.100.1, 203.0.113.7' },
      redirect: 'manual',
    });
    for (const line of response.headers.getSetCookie()) this.#keep(line);
    this.status = response.status;
    this.at = target.href;
    this.policy = response.headers.get('content-security-policy') ?? '';
    this.page = await response.text();
    const next = response.headers.get('location');
    return next === null ? target.href : this.#follow(new URL(next, target).href, { method: 'GET' });
  }

  #keep(line: string): void {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
    const path = /path=([^;]+)/i.exec(line)?.[1] ?? '/';
    expect(line).toMatch(/httponly/i);
    expect(line).toMatch(/samesite=(lax|strict)/i);
    if (value === '') this.#cookies.delete(name);
    else this.#cookies.set(name, { value, path });
  }
}

/** What TLS would do: the issuer's address leads to this process. */
function atIssuer(target: string, init: object = {}): Promise<Response> {
  return fetch(target.replace('https://localhost:8443', url), init);
}

async function client(): Promise<openid.Configuration> {
  const found = await openid.discovery(
    new URL(issuer),
    'grafana',
    undefined,
    openid.ClientSecretBasic(secret),
    {
      [openid.customFetch]: atIssuer,
    },
  );
  found[openid.customFetch] = atIssuer;
  // Its only address without TLS is the page for people on this machine.
  openid.allowInsecureRequests(found);
  return found;
}

async function begin(): Promise<{
  config: openid.Configuration;
  start: string;
  verifier: string;
  state: string;
  nonce: string;
}> {
  const config = await client();
  const [verifier, state, nonce] = [
    openid.randomPKCECodeVerifier(),
    openid.randomState(),
    openid.randomNonce(),
  ];
  const start = openid.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope: 'openid email groups',
    code_challenge: await openid.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
  });
  return { config, start: start.href, verifier, state, nonce };
}

describe('somebody with a second factor', () => {
  it('shows it before a client hears of them, and the client hears that there were two', async () => {
    const guarded = 'guarded@example.test';
    const fields = { email: guarded, displayName: 'Guarded', password };
    const { id } = await test.database.asIdentity((tx) => createUser(tx, fields, Date.now()));
    const device = { userAgent: null, address: '192.0.2.1', deviceId: null };
    const { accessToken } = await identity.startSession(id, device);
    const owner = await identity.authenticate(accessToken);
    const added = await identity.secondFactors.addTotp(owner, 'telephone');
    const code = appCode(added.secret);
    const { recoveryCodes } = await identity.secondFactors.confirmTotp(owner, { id: added.id, code });

    const { config, start, verifier, state, nonce } = await begin();
    const browser = new Browser();
    await browser.go(start);
    await browser.submit({ email: guarded, password });
    expect(browser.page).toContain('One more step');
    const [, ticket = ''] = /name="second_factor" value="([^"]+)"/.exec(browser.page) ?? [];
    await browser.submit({ second_factor: ticket, code: recoveryCodes[0] ?? '' });
    const back = await browser.submit({ decision: 'allow' });
    const tokens = await openid.authorizationCodeGrant(config, new URL(back), {
      pkceCodeVerifier: verifier,
      expectedState: state,
      expectedNonce: nonce,
    });
    expect(tokens.claims()).toMatchObject({ email: guarded, amr: ['mfa'] });
  });
});

describe('signing in for a client of the provider', () => {
  it('asks who it is, then for consent, and an independent client gets an ID token with groups', async () => {
    const { config, start, verifier, state, nonce } = await begin();
    expect(new URL(start).origin).toBe(url);
    const browser = new Browser();
    await browser.go(start);
    expect(new URL(browser.at).pathname).toMatch(/^\/oidc\/interaction\//);
    expect(browser.page).toContain('to go on to grafana');
    expect(browser.policy).toContain("form-action 'self' https://grafana.example;");
    await browser.submit({ email, password: 'wrong' });
    expect([browser.status, browser.page]).toEqual([401, expect.stringContaining('role="alert"')]);
    await browser.submit({ email, password });
    expect(browser.page).toContain(`You are signed in as ${email}`);
    expect(browser.page).toContain('see the groups you belong to');
    const back = await browser.submit({ decision: 'allow' });
    expect(back.startsWith(redirectUri)).toBe(true);
    const tokens = await openid.authorizationCodeGrant(config, new URL(back), {
      pkceCodeVerifier: verifier,
      expectedState: state,
      expectedNonce: nonce,
    });
    expect(tokens.claims()).toMatchObject({
      iss: issuer,
      aud: 'grafana',
      email,
      groups: [expect.stringMatching(/^hexabase:user:/)],
    });

    const { rows: places } = await test.database.asIdentity((tx) =>
      sql`SELECT DISTINCT host(s.address::inet) AS address FROM hexabase.sessions s
        JOIN hexabase.users u ON u.id = s.user_id WHERE u.email = ${email}`.execute(tx),
    );
    expect(places).toEqual([{ address: '203.0.113.7' }]);

    const again = await begin();
    const straight = await browser.go(again.start);
    expect(straight.startsWith(`${redirectUri}?code=`)).toBe(true);
  });

  it('tells the client when the person cancels or refuses', async () => {
    const { start } = await begin();
    const browser = new Browser();
    await browser.go(start);
    expect(await browser.submit({ decision: 'deny' })).toContain(`${redirectUri}?error=access_denied`);
    const other = new Browser();
    await other.go((await begin()).start);
    await other.submit({ email, password });
    expect(await other.submit({ decision: 'deny' })).toContain(`${redirectUri}?error=access_denied`);
  });

  it('belongs to the browser that began it, and takes no form of another site', async () => {
    const { start } = await begin();
    const victim = new Browser();
    await victim.go(start);
    const interaction = victim.at;
    const attacker = new Browser();
    await attacker.go(interaction);
    expect([attacker.status, attacker.page]).toEqual([404, expect.stringContaining('another browser')]);
    await victim.submit({ email, password }, { origin: 'https://evil.example' });
    expect(victim.status).toBe(403);
    await victim.go(interaction);
    await victim.submit({ email, password, form_token: 'x' });
    expect(victim.status).toBe(403);
    victim.forget();
    await victim.go(interaction);
    expect(victim.status).toBe(404);
  });

  it('leaves no session behind after a wrong password', async () => {
    const browser = new Browser();
    await browser.go((await begin()).start);
    await browser.submit({ email, password: 'wrong' });
    await browser.go((await begin()).start);
    expect(browser.page).toContain('Password');
  });
});

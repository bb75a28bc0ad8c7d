import { createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { SignJWT, UnsecuredJWT, decodeJwt, decodeProtectedHeader, exportJWK, importJWK } from 'jose';
import * as oauth from 'oauth4webapi';
import * as openid from 'openid-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fetchTrusting, PlainBrowser } from '../acceptance/relying-party.ts';
import { exchange } from './exchange.ts';
import {
  addClient,
  addPerson,
  allow,
  begin,
  callback,
  discover,
  password,
  signInAt,
  type Asked,
} from './relying-parties.ts';
import { fresh, startProduct, type Attacked } from './start-product.ts';

let product: Attacked;
let email = '';
let secret = '';
let config: openid.Configuration;

beforeAll(async () => {
  product = await startProduct();
  ({ email } = await addPerson(product, 'ann'));
  secret = await addClient(product, 'portal');
  config = await discover(product, 'portal', secret);
}, 60_000);

afterAll(() => product?.[Symbol.asyncDispose]());

const newBrowser = () => new PlainBrowser(product.api.url);
const secure = (url: string, init?: { method: string; headers?: HeadersInit; body?: unknown }) =>
  fetchTrusting(product.gateway.certificateAuthority ?? '')(url, init);

/** Where the provider sends the browser for a request, without following it. */
async function authorize(
  query: Record<string, string>,
): Promise<{ status: number; location: string | null }> {
  const parameters = new URLSearchParams({
    client_id: 'portal',
    response_type: 'code',
    scope: 'openid',
    redirect_uri: callback('portal'),
    code_challenge: 'a'.repeat(43),
    code_challenge_method: 'S256',
    ...query,
  });
  const answer = await fetch(`${product.api.url}/oidc/auth?${parameters}`, { redirect: 'manual' });
  return { status: answer.status, location: answer.headers.get('location') };
}

function token(body: Record<string, string>, client = 'portal', key = secret): Promise<Response> {
  const authorization = `Basic ${Buffer.from(`${client}:${key}`).toString('base64')}`;
  return secure(`${product.gateway.url}/oidc/token`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(body),
  });
}

async function errorOf(answer: Promise<Response>): Promise<unknown[]> {
  const response = await answer;
  return [response.status, (await response.json()).error];
}

describe('a redirect address that is not the registered one', () => {
  test('B01 a redirect address that is not the registered one is answered with an error and no redirect', async () => {
    expect((await authorize({})).location).toMatch(/\/oidc\/interaction\//);
    for (const uri of [
      `${callback('portal')}/`,
      `${callback('portal')}/../evil`,
      `${callback('portal')}?x=1`,
      `${callback('portal')}#x`,
      callback('portal').replace('https:', 'http:'),
      callback('portal').replace('https:', 'HTTPS:'),
      callback('portal').replace('.example', '.example:443'),
      callback('portal').replace('.example', '.example.evil.example'),
      callback('portal').replace('portal.', 'portal.example@evil.'),
      callback('portal').replace('portal.', 'portal.example@@evil.'),
      callback('portal').replace('.example/', '.example\\.evil.example/'),
      callback('portal').replace('callback', '%63allback'),
      callback('portal').replace('callback', '*'),
      'https://evil.example/callback',
      'http://127.0.0.1/callback',
      'javascript:alert(1)',
      'data:text/html,x',
      '//evil.example',
    ]) {
      const { status, location } = await authorize({ redirect_uri: uri });
      expect([uri, status, location]).toEqual([uri, 400, null]);
    }
  });

  test('B01 a native client’s loopback address may differ by the port and by nothing else', async () => {
    const name = fresh('native');
    await addClient(product, name, {
      isPublic: true,
      redirectUris: ['http://127.0.0.1/back', 'http://localhost:8000'],
    });
    const location = async (uri: string) =>
      (await authorize({ client_id: name, redirect_uri: uri })).location;
    for (const uri of ['http://127.0.0.1/back', 'http://127.0.0.1:1024/back', 'http://localhost:8000'])
      expect([uri, await location(uri)]).toEqual([uri, expect.stringContaining('/oidc/interaction/')]);
    for (const uri of [
      'http://127.0.0.1:1024/back/',
      'http://127.0.0.1:1024/other',
      'http://127.0.0.1:1024@evil.example/back',
      'http://127.0.0.1.evil.example/back',
      'http://127.1/back',
      'http://[::1]:1024/back',
      'http://localhost:1024/back',
      'http://localhost:8001',
      'https://127.0.0.1:1024/back',
    ])
      expect([uri, await location(uri)]).toEqual([uri, null]);
  });

  test('B01 an address that could be taken over cannot be registered', async () => {
    const bad: Asked[] = [
      { redirectUris: [] },
      { redirectUris: ['https://*.example/callback'] },
      { redirectUris: ['http://portal.example/callback'] },
      { redirectUris: ['https://user@portal.example/callback'] },
      { redirectUris: ['https://portal.example/callback#x'] },
      { redirectUris: ['javascript:alert(1)'], isPublic: true },
      { redirectUris: ['com.example.app:/back'] },
      { backchannelLogoutUri: 'http://169.254.169.254/latest' },
      { backchannelLogoutUri: 'file:///etc/passwd' },
      { postLogoutRedirectUris: ['http://evil.example/'] },
    ];
    for (const asked of bad)
      await expect(addClient(product, fresh('bad'), asked), JSON.stringify(asked)).rejects.toMatchObject({
        code: 'validation_failed',
      });
    // A client's name is the audience of its tokens: never one of ours.
    for (const name of ['hexabase-api', 'hks-cli', 'ws:1', 'A', ''])
      await expect(addClient(product, name), name).rejects.toMatchObject({ code: 'validation_failed' });
  });
});

describe('the code flow without its proof', () => {
  test('B02 the code flow without its proof is refused: no challenge, a plain one, no verifier, a wrong one', async () => {
    for (const change of [
      { code_challenge: '', code_challenge_method: '' },
      { code_challenge_method: 'plain' },
      { code_challenge_method: '' },
      { response_type: 'token' },
      { response_type: 'id_token' },
    ]) {
      const { location } = await authorize(change);
      expect([change, location]).toEqual([change, expect.stringMatching(/callback[?#]error=/)]);
    }
    for (const verifier of [undefined, 'b'.repeat(43)]) {
      const { start } = await begin(config, callback('portal'));
      const code = new URL(await allow(newBrowser(), start, { email })).searchParams.get('code') ?? '';
      const grant = { grant_type: 'authorization_code', code, redirect_uri: callback('portal') };
      const answer = token({ ...grant, ...(verifier && { code_verifier: verifier }) });
      expect(await errorOf(answer)).toEqual([400, 'invalid_grant']);
    }
  });
});

describe('a code', () => {
  test('B03 a code is worth nothing to another client, at another address, a second time, or with a wrong secret', async () => {
    const other = fresh('other');
    const otherSecret = await addClient(product, other);
    const redeem = async (change: Record<string, string> = {}, client = 'portal', key = secret) => {
      const { start, checks } = await begin(config, callback('portal'));
      const code = new URL(await allow(newBrowser(), start, { email })).searchParams.get('code') ?? '';
      const grant = {
        grant_type: 'authorization_code',
        code,
        redirect_uri: callback('portal'),
        code_verifier: checks.pkceCodeVerifier,
        ...change,
      };
      return { grant, answer: await token(grant, client, key) };
    };
    expect(await errorOf(redeem({}, other, otherSecret).then((given) => given.answer))).toEqual([
      400,
      'invalid_grant',
    ]);
    expect(await errorOf(redeem({ redirect_uri: callback(other) }).then((given) => given.answer))).toEqual([
      400,
      'invalid_grant',
    ]);
    expect(await errorOf(redeem({}, 'portal', otherSecret).then((given) => given.answer))).toEqual([
      401,
      'invalid_client',
    ]);
    const { grant, answer } = await redeem();
    const tokens = await answer.json();
    expect(answer.status).toBe(200);
    expect(await errorOf(token(grant))).toEqual([400, 'invalid_grant']);
    // Whoever replays it might have had the first answer too: that one is worth nothing any more.
    expect(await openid.tokenIntrospection(config, tokens.access_token)).toEqual({ active: false });
  });

  test('B16 a code of another issuer is not taken by a client that is told so (RFC 9207)', async () => {
    const { start, checks } = await begin(config, callback('portal'));
    const back = new URL(await allow(newBrowser(), start, { email }));
    expect(back.searchParams.get('iss')).toBe(`${product.gateway.url}/oidc`);
    const server = config.serverMetadata();
    const mixed = new URL(back);
    mixed.searchParams.set('iss', 'https://evil.example');
    expect(() =>
      oauth.validateAuthResponse(server, { client_id: 'portal' }, mixed, checks.expectedState),
    ).toThrow();
    const missing = new URL(back);
    missing.searchParams.delete('iss');
    await expect(openid.authorizationCodeGrant(config, missing, checks)).rejects.toThrow();
    await expect(openid.authorizationCodeGrant(config, mixed, checks)).rejects.toThrow();
  });
});

describe('tokens that were made by somebody else', () => {
  test('B06 forged ID tokens sign nobody out and open nothing', async () => {
    const { tokens } = await signInAt(product, newBrowser(), { name: 'portal', secret, email });
    const genuine = tokens.id_token ?? '';
    const claims = decodeJwt(genuine);
    const { kid = '' } = decodeProtectedHeader(genuine);
    const { keys } = await (await secure(`${product.gateway.url}/oidc/jwks`)).json();
    const published = keys.find((key: { kid: string }) => key.kid === kid);
    const pem = createPublicKey({ key: published, format: 'jwk' }).export({ type: 'spki', format: 'pem' });
    const foreign = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const sign = (header: object, change: object = {}) =>
      new SignJWT({ ...claims, ...change })
        .setProtectedHeader({ alg: 'RS256', kid, ...header })
        .sign(foreign.privateKey);
    const now = Math.floor(Date.now() / 1000);
    const forged = [
      new UnsecuredJWT(claims).encode(),
      await new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid }).sign(Buffer.from(String(pem))),
      await new SignJWT(claims)
        .setProtectedHeader({ alg: 'HS256', kid })
        .sign(await importJWK({ kty: 'oct', k: published.n }, 'HS256')),
      await sign({}),
      await sign({ kid: '../../../dev/null' }),
      await sign({ kid: "' OR 1=1 --" }),
      await sign({ jku: 'https://evil.example/jwks' }),
      await sign({ jwk: await exportJWK(foreign.publicKey) }),
      await sign({}, { iss: 'https://evil.example' }),
      await sign({}, { exp: now - 3600, iat: now - 7200 }),
      await sign({}, { nbf: now + 3600 }),
      `${genuine.slice(0, -4)}AAAA`,
    ];
    for (const token of [...forged, genuine, tokens.access_token]) {
      // An ID token and a client's access token are for that client, not for our API or a cluster.
      expect((await exchange(product.api, { path: '/api/v1/organizations', token })).status).toBe(401);
      const cluster = '/k8s/workspaces/0197a9a0-0000-7000-8000-000000000000/api';
      expect((await exchange(product.gateway, { path: cluster, token })).status).toBeGreaterThanOrEqual(401);
    }
    for (const hint of forged) {
      const query = new URLSearchParams({
        id_token_hint: hint,
        post_logout_redirect_uri: 'https://portal.example/',
      });
      const answer = await fetch(`${product.api.url}/oidc/session/end?${query}`, { redirect: 'manual' });
      expect([hint.slice(0, 20), answer.status]).toEqual([hint.slice(0, 20), 400]);
      expect((await secure(`${product.gateway.url}/oidc/me`, bearer(hint))).status).toBe(401);
    }
    // Only the client that a token was made for may be named with it.
    const other = fresh('named');
    await addClient(product, other);
    const query = new URLSearchParams({ id_token_hint: genuine, client_id: other });
    expect((await fetch(`${product.api.url}/oidc/session/end?${query}`)).status).toBe(400);
  });

  test('B06 what another issuer or for another audience signed is refused by independent clients', async () => {
    const other = fresh('audience');
    const otherSecret = await addClient(product, other);
    const { config: otherConfig } = await signInAt(product, newBrowser(), {
      name: other,
      secret: otherSecret,
      email,
    });
    const { start, checks } = await begin(config, callback('portal'));
    const back = new URL(await allow(newBrowser(), start, { email }));
    await expect(openid.authorizationCodeGrant(otherConfig, back, checks)).rejects.toThrow();
    const again = await begin(config, callback('portal'));
    const url = new URL(await allow(newBrowser(), again.start, { email }));
    await expect(
      openid.authorizationCodeGrant(config, url, { ...again.checks, expectedNonce: 'another' }),
    ).rejects.toThrow();
  });
});

describe('signing out', () => {
  test('B12 signing out sends browsers to registered addresses only, and takes no form of another site', async () => {
    const browser = newBrowser();
    const { tokens } = await signInAt(product, browser, { name: 'portal', secret, email });
    for (const uri of [
      'https://evil.example/',
      'https://portal.example/x',
      'https://portal.example@evil.example/',
    ]) {
      const query = new URLSearchParams({
        id_token_hint: tokens.id_token ?? '',
        post_logout_redirect_uri: uri,
      });
      await browser.go(`/oidc/session/end?${query}`);
      expect([uri, browser.status]).toEqual([uri, 400]);
    }
    await browser.go('/oidc/session/end');
    await browser.submit({ xsrf: 'x', logout: 'yes' });
    expect(browser.status).toBe(400);
    expect(await openid.tokenIntrospection(config, tokens.access_token)).toMatchObject({ active: true });
  });
});

describe('the device flow', () => {
  const start = async () => {
    const name = fresh('device');
    await addClient(product, name, { isPublic: true, redirectUris: ['http://127.0.0.1/'] });
    const device = await discover(product, name, '');
    return { name, device, started: await openid.initiateDeviceAuthorization(device, { scope: 'openid' }) };
  };
  const poll = (name: string, code: string) =>
    errorOf(
      secure(`${product.gateway.url}/oidc/token`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({
          client_id: name,
          grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
          device_code: code,
        }),
      }),
    );

  test('B09 a device that asks too fast is slowed, and nothing is given to another client or after a refusal', async () => {
    const { name, started } = await start();
    expect(await poll(name, started.device_code)).toEqual([400, 'authorization_pending']);
    expect(await poll(name, started.device_code)).toEqual([400, 'slow_down']);
    expect(await poll(name, started.device_code)).toEqual([400, 'slow_down']);
    const other = await start();
    expect(await poll(other.name, started.device_code)).toEqual([400, 'invalid_grant']);
    expect(await poll(name, randomBytes(32).toString('base64url'))).toEqual([400, 'invalid_grant']);
    const browser = newBrowser();
    await browser.go('/oidc/device');
    await browser.submit({ user_code: started.user_code });
    await browser.submit({ abort: 'yes' });
    expect(browser.page).toContain('Refused');
    expect(await poll(name, started.device_code)).toEqual([400, 'access_denied']);
    expect(await poll(name, started.device_code)).toEqual([400, 'invalid_grant']);
  });

  test('B09 the device flow gives tokens once, and takes no user code twice', async () => {
    const { name, device, started } = await start();
    const browser = newBrowser();
    await browser.go('/oidc/device');
    await browser.submit({ user_code: started.user_code });
    await browser.submit({ confirm: 'yes' });
    await browser.submit({ email, password });
    await browser.submit({ decision: 'allow' });
    const second = newBrowser();
    await second.go('/oidc/device');
    await second.submit({ user_code: started.user_code });
    expect(second.page).toContain('Nothing waits for that code');
    const tokens = await openid.pollDeviceAuthorizationGrant(device, { ...started, interval: 0.1 });
    expect(tokens.access_token).toBeTruthy();
    expect(await poll(name, started.device_code)).toEqual([400, 'invalid_grant']);
    expect(
      await openid.fetchUserInfo(device, tokens.access_token, openid.skipSubjectCheck).catch(() => null),
    ).toBeNull();
  });

  test('B09 wrong user codes cost more and more time, and no code of an unopened form is shown', async () => {
    const { started } = await start();
    const browser = newBrowser();
    let slowed = false;
    for (let guess = 0; guess < 14 && !slowed; guess += 1) {
      await browser.go('/oidc/device');
      await browser.submit({ user_code: 'BBBB-BBBB' });
      slowed = browser.status === 429;
      if (!slowed) expect(browser.page).toContain('Nothing waits for that code');
    }
    expect(slowed).toBe(true);
    await browser.go('/oidc/device');
    await browser.submit({ user_code: started.user_code });
    expect([browser.status, browser.page]).toEqual([429, expect.stringContaining('Too many wrong codes')]);
  });
});

describe('a client', () => {
  test('B05 a client that is removed or whose secret was replaced is refused at once, without a restart', async () => {
    const { removeClient, rotateClientSecret } = await import('@hexabase/oidc/clients/register-client.ts');
    const name = fresh('rotated');
    const old = await addClient(product, name);
    const { tokens } = await signInAt(product, newBrowser(), { name, secret: old, email });
    const refresh = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token ?? '' };
    const { database } = product.product;
    const renewed = await database.asIdentity((tx) => rotateClientSecret(tx, name));
    expect(await errorOf(token(refresh, name, old))).toEqual([401, 'invalid_client']);
    const next = await (await token(refresh, name, renewed)).json();
    await database.asIdentity((tx) => removeClient(tx, name));
    expect(await errorOf(token({ ...refresh, refresh_token: next.refresh_token }, name, renewed))).toEqual([
      401,
      'invalid_client',
    ]);
    expect(await authorize({ client_id: name, redirect_uri: callback(name) })).toEqual({
      status: 400,
      location: null,
    });
    const [stored] = await product.query("select string_agg(secret_hash, ' ') as hashes from oidc.clients");
    expect(String(stored?.['hashes'])).not.toContain(secret);
  });
});

function bearer(value: string) {
  return { method: 'GET', headers: { authorization: `Bearer ${value}` } };
}

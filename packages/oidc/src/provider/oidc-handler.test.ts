import { createServer, request, type Server } from 'node:http';
import { json } from 'node:stream/consumers';
import { systemClock } from '@hexabase/kernel/clock.ts';
import { newId } from '@hexabase/kernel/id.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import { createRemoteJWKSet, customFetch, jwtVerify } from 'jose';
import * as openid from 'openid-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { registerClient } from '../clients/register-client.ts';
import { openIdentity, type Identity } from '../identity.ts';
import { createKeyVault } from '@hexabase/kernel/key-vault.ts';
import { tenantAuthenticator } from '../tenant-authenticator.ts';
import { createOidcHandler } from './oidc-handler.ts';
import { payloadAdapter } from './payload-adapter.ts';

const issuer = 'https://hexabase.test/oidc';
const workspaceId = newId<'Workspace'>();
const actor = { userId: newId<'User'>(), email: 'ada@example.test', sessionId: newId<'Session'>() };
const groups = ['hexabase:ws-members', `hexabase:user:${actor.userId}`];

const page = () => ({ html: '', contentSecurityPolicy: '' });
const pages = {
  userCode: page,
  userCodeConfirm: page,
  deviceDone: page,
  logout: page,
  loggedOut: page,
  problem: page,
};

let test: TestDatabase;
let identity: Identity;
let server: Server;
let origin = '';

beforeAll(async () => {
  test = await testDatabase();
  identity = await openIdentity({ db: test.database, masterKey: test.masterKey, issuer, clock: systemClock });
  const cli = {
    name: 'cli',
    redirectUris: ['https://cli.example/callback'],
    postLogoutRedirectUris: [],
    backchannelLogoutUri: null,
    isPublic: true,
  };
  await test.database.asIdentity((tx) =>
    registerClient(tx, cli, { loopbackNotices: true, nowMs: Date.now() }),
  );
  const options = {
    db: test.database,
    masterKey: test.masterKey,
    keys: identity.keys,
    issuer,
    clock: systemClock,
    log: silentLogger,
    pages,
    discoveryOrigin: 'https://inside.test:8443',
  };
  const handler = createOidcHandler(options);
  server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  origin = `http://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : 0}`;
});

afterAll(async () => {
  server?.close();
  await identity?.[Symbol.asyncDispose]();
  await test?.close();
});

/** What TLS and a name server would do: the public address leads to this process. */
function atPublicAddress(url: string, init: object = {}): Promise<Response> {
  return fetch(url.replace('https://hexabase.test', origin), init);
}

function mint(): Promise<{ token: string; expiresAt: string }> {
  return identity.mintKubeToken({ actor, workspaceId, groups, epoch: 4 });
}

describe('an independent verifier', () => {
  it('finds the keys by discovery and accepts a workspace token, as an API server does', async () => {
    const client = await openid.discovery(new URL(issuer), 'kubernetes', undefined, undefined, {
      [openid.customFetch]: atPublicAddress,
    });
    const { jwks_uri: jwksUri, issuer: published } = client.serverMetadata();
    expect(published).toBe(issuer);
    const keys = createRemoteJWKSet(new URL(jwksUri ?? ''), { [customFetch]: atPublicAddress });
    const { payload, protectedHeader } = await jwtVerify((await mint()).token, keys, {
      issuer,
      audience: `ws:${workspaceId}`,
      algorithms: ['RS256'],
    });
    expect(protectedHeader.alg).toBe('RS256');
    expect(payload).toMatchObject({
      sub: actor.userId,
      email: actor.email,
      email_verified: true,
      groups,
      sid: actor.sessionId,
      ep: 4,
    });
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(900);
  });

  it('finds new keys after a rotation at the same address', async () => {
    await identity.rotateSigningKeys();
    const keys = createRemoteJWKSet(new URL(`${issuer}/jwks`), { [customFetch]: atPublicAddress });
    await expect(jwtVerify((await mint()).token, keys, { issuer })).resolves.toMatchObject({
      payload: { ep: 4 },
    });
    const answer = await (await atPublicAddress(`${issuer}/jwks`)).text();
    expect(answer).not.toMatch(/"(?:d|p|q)":/);
  });
});

describe('the provider', () => {
  it('A16 the issuer’s addresses are in every answer, whatever host or proxy a request claims', async () => {
    const response = await fetch(`${origin}/oidc/.well-known/openid-configuration`, {
      headers: {
        'x-forwarded-host': 'evil.example',
        'x-forwarded-proto': 'http',
        forwarded: 'host=evil.example',
      },
    });
    const document = await response.text();
    expect(document).not.toContain('evil.example');
    expect(JSON.parse(document)).toMatchObject({
      issuer,
      jwks_uri: `${issuer}/jwks`,
      authorization_endpoint: `${issuer}/auth`,
      id_token_signing_alg_values_supported: ['RS256'],
      code_challenge_methods_supported: ['S256'],
    });
  });

  it('A16 keys are named where API servers of tenants ask for them, to no other Host and with nothing else at that address', async () => {
    const path = '/oidc/.well-known/openid-configuration';
    const documentAt = async (...headers: string[]) =>
      await new Promise((resolve, reject) => {
        const asked = request(`${origin}${path}`, { headers }, (answer) => resolve(json(answer)));
        asked.once('error', reject).end();
      });
    const known = await documentAt('Host', 'hexabase.test');
    expect(known).toMatchObject({ issuer, jwks_uri: `${issuer}/jwks` });
    const there = { ...Object(known), jwks_uri: 'https://inside.test:8443/oidc/jwks' };
    for (const host of ['inside.test:8443', 'INSIDE.test:8443'])
      expect(await documentAt('host', host)).toEqual(there);
    for (const foreign of [
      'inside.test',
      'inside.test:9443',
      'evil.example:8443',
      'inside.test:8443.evil.example',
      'evil.example/inside.test:8443',
      'evil.example@inside.test:8443',
      '',
    ])
      expect(await documentAt('Host', foreign), foreign).toEqual(known);
    const forwarded = ['X-Forwarded-Host', 'inside.test:8443', 'Forwarded', 'host="inside.test:8443"'];
    expect(await documentAt('Host', 'hexabase.test', ...forwarded)).toEqual(known);
    expect(await documentAt('X-A', 'host', 'X-B', 'inside.test:8443', 'Host', 'hexabase.test')).toEqual(
      known,
    );
  });

  it('sets cookies with prefixes where it is served over https alone', async () => {
    const query = new URLSearchParams({
      client_id: 'cli',
      redirect_uri: 'https://cli.example/callback',
      response_type: 'code',
      scope: 'openid',
      code_challenge: 'A'.repeat(43),
      code_challenge_method: 'S256',
    });
    const answer = await fetch(`${origin}/oidc/auth?${query}`, { redirect: 'manual' });
    const cookies = answer.headers.getSetCookie();
    expect(cookies.length).toBeGreaterThan(0);
    for (const cookie of cookies) {
      expect(cookie).toMatch(/^(__Host-hks-provider|__Secure-hks-(interaction|resume))(\.sig)?=/);
      expect(cookie).toMatch(/; secure/i);
      if (cookie.startsWith('__Host-')) expect(cookie).toMatch(/; path=\/(;|$)/i);
    }
  });

  it('redirects nowhere for unknown clients, foreign redirect addresses and flows without PKCE', async () => {
    const good = {
      client_id: 'cli',
      response_type: 'code',
      scope: 'openid',
      redirect_uri: 'https://cli.example/callback',
      code_challenge: 'a'.repeat(43),
      code_challenge_method: 'S256',
    };
    const authorize = (change: Record<string, string>) =>
      fetch(`${origin}/oidc/auth?${new URLSearchParams({ ...good, ...change })}`, { redirect: 'manual' });
    expect((await authorize({})).headers.get('location')).toMatch(/^\/oidc\/interaction\//);
    for (const change of [
      { client_id: 'nobody' },
      { redirect_uri: 'https://cli.example/callback/../evil' },
      { redirect_uri: 'https://cli.example/callback@evil.example' },
      { redirect_uri: 'https://cli.example.evil.example/callback' },
    ]) {
      const response = await authorize(change);
      expect([response.status, response.headers.get('location')]).toEqual([400, null]);
    }
    for (const change of [
      { code_challenge: '', code_challenge_method: '' },
      { code_challenge_method: 'plain' },
    ]) {
      expect((await authorize(change)).headers.get('location')).toMatch(/callback\?error=invalid_request/);
    }
  });
});

describe('codes and grants', () => {
  const open = () =>
    payloadAdapter({ db: test.database, vault: createKeyVault(test.masterKey), clock: systemClock });

  it('survive a restart, and a code is redeemed once even by twenty at the same time', async () => {
    await open()('AuthorizationCode').upsert('the-code', { grantId: 'grant-1', accountId: 'ada' }, 60);
    const codes = open()('AuthorizationCode');
    expect(await codes.find('the-code')).toMatchObject({ grantId: 'grant-1', accountId: 'ada' });
    const attempts = await Promise.allSettled(Array.from({ length: 20 }, () => codes.consume('the-code')));
    expect(attempts.filter((attempt) => attempt.status === 'fulfilled')).toHaveLength(1);
    expect(await codes.find('the-code')).toHaveProperty('consumed');
  });

  it('go together when a grant is revoked, expire, and lie encrypted', async () => {
    const codes = open()('AuthorizationCode');
    const refresh = open()('RefreshToken');
    await codes.upsert('code-2', { grantId: 'grant-2' }, 60);
    await refresh.upsert('refresh-2', { grantId: 'grant-2' }, 60);
    await open()('Interaction').upsert('sign-in', { grantId: 'grant-2' }, 60);
    await codes.upsert('code-3', { grantId: 'grant-3' }, -1);
    expect(await codes.find('code-3')).toBeUndefined();
    await codes.revokeByGrantId('grant-2');
    expect(await codes.find('code-2')).toBeUndefined();
    expect(await refresh.find('refresh-2')).toBeUndefined();
    // Somebody else may be signing in meanwhile, at the client that the grant was for.
    expect(await open()('Interaction').find('sign-in')).toBeDefined();
    expect(await open()('Session').find('the-code')).toBeUndefined();
  });
});

describe('the authenticator of a workspace', () => {
  const request = (token?: string) =>
    Object.assign(Object.create(null), {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    });

  it('answers the user and groups of its own tokens, and nobody for those of another workspace', async () => {
    const authenticatorFor = tenantAuthenticator({ keys: identity.keys, issuer, clock: systemClock });
    const { token } = await mint();
    expect(await authenticatorFor(workspaceId)(request(token))).toMatchObject({
      username: 'hexabase:ada@example.test',
      uid: actor.userId,
      groups,
    });
    expect(await authenticatorFor(newId<'Workspace'>())(request(token))).toBeNull();
    for (const bad of [undefined, '', 'x', `${token}x`])
      expect(await authenticatorFor(workspaceId)(request(bad))).toBeNull();
  });

  it('never meets a group outside our prefix, because none is minted', async () => {
    for (const group of [
      'system:masters',
      'hexabase',
      'hexabase:',
      ' hexabase:x',
      'hexabase:a\nsystem:masters',
    ]) {
      await expect(
        identity.mintKubeToken({ actor, workspaceId, groups: [group], epoch: 0 }),
      ).rejects.toMatchObject({ code: 'internal' });
    }
  });
});

import { disableUser } from '@hexabase/oidc/users.ts';
import { brandId } from '@hexabase/kernel/id.ts';
import { appCode } from '@hexabase/testkit/authenticator-app.ts';
import { createRemoteJWKSet, customFetch, jwtVerify } from 'jose';
import * as oauth from 'oauth4webapi';
import * as openid from 'openid-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fetchTrusting, PlainBrowser } from '../acceptance/relying-party.ts';
import {
  addClient,
  addPerson,
  allow,
  begin,
  callback,
  discover,
  openListener,
  signInAt,
} from './relying-parties.ts';
import { fresh, startProduct, type Attacked } from './start-product.ts';
import { forgetCode } from './things.ts';

let product: Attacked;
let ann: { userId: string; email: string };

beforeAll(async () => {
  product = await startProduct();
  ann = await addPerson(product, 'ann');
}, 60_000);

afterAll(() => product?.[Symbol.asyncDispose]());

const newBrowser = () => new PlainBrowser(product.api.url);
const issuer = () => `${product.gateway.url}/oidc`;

async function verifyLogout(token: string, name: string) {
  const keys = createRemoteJWKSet(new URL(`${issuer()}/jwks`), {
    [customFetch]: fetchTrusting(product.gateway.certificateAuthority ?? ''),
  });
  const { payload } = await jwtVerify(token, keys, {
    issuer: issuer(),
    audience: name,
    typ: 'logout+jwt',
    algorithms: ['RS256'],
  });
  return payload;
}

describe('an independent client signs people in', () => {
  test('by code and PKCE, with the groups of their organizations always as an array', async () => {
    const secret = await addClient(product, 'grafana');
    const browser = newBrowser();
    const alone = await signInAt(product, browser, { name: 'grafana', secret, email: ann.email });
    expect(alone.tokens.claims()).toMatchObject({
      iss: issuer(),
      aud: 'grafana',
      sub: ann.userId,
      email: ann.email,
      email_verified: true,
      groups: [`hexabase:user:${ann.userId}`],
    });
    const session = await product.signIn(ann);
    const made = await session.call('POST', '/api/v1/organizations', { name: 'Acme' });
    const { id, slug } = made.json['data'];
    const group = (await session.call('POST', `/api/v1/organizations/${id}/groups`, { name: 'platform' }))
      .json['data'];
    const member = { user: ann.email };
    const put = await session.call('POST', `/api/v1/organizations/${id}/groups/${group.id}/members`, member);
    expect([put.status, put.text]).toEqual([201, expect.any(String)]);
    const { config, tokens } = await signInAt(product, browser, {
      name: 'grafana',
      secret,
      email: ann.email,
    });
    const groups = [`hexabase:user:${ann.userId}`, `hexabase:group:${group.id}`, `${slug}/platform`];
    expect(tokens.claims()?.['groups']).toEqual(groups);
    expect(await openid.fetchUserInfo(config, tokens.access_token, ann.userId)).toMatchObject({
      email: ann.email,
      email_verified: true,
      groups,
    });
  });

  test('A08 a client learns no groups of an organization that asks for a second factor from a session without one', async () => {
    const secret = await addClient(product, 'strict');
    const [owner, guest] = [await addPerson(product, 'strict-owner'), await addPerson(product, 'guest')];
    const session = await product.signIn(owner);
    const { id, slug } = (await session.call('POST', '/api/v1/organizations', { name: 'Strict' })).json[
      'data'
    ];
    const at = `/api/v1/organizations/${id}`;
    await session.call('POST', `${at}/members`, { email: guest.email, role: 'viewer' });
    const group = (await session.call('POST', `${at}/groups`, { name: 'ops' })).json['data'];
    for (const user of [owner.email, guest.email])
      expect((await session.call('POST', `${at}/groups/${group.id}/members`, { user })).status).toBe(201);
    const all = (userId: string) => [`hexabase:user:${userId}`, `hexabase:group:${group.id}`, `${slug}/ops`];
    const at1 = await signInAt(product, newBrowser(), { name: 'strict', secret, email: guest.email });
    expect(at1.tokens.claims()?.['groups']).toEqual(all(guest.userId));
    const app = (await session.call('POST', '/api/v1/second-factors/totp', {})).json['data'];
    const confirm = `/api/v1/second-factors/${app.id}/confirm`;
    expect((await session.call('POST', confirm, { code: appCode(app.secret) })).status).toBe(200);
    expect((await session.call('PUT', `${at}/second-factor`, { mode: 'required' })).status).toBe(200);

    const own = [`hexabase:user:${guest.userId}`];
    const told = await openid.fetchUserInfo(at1.config, at1.tokens.access_token, guest.userId);
    expect(told['groups']).toEqual(own);
    const again = await openid.refreshTokenGrant(at1.config, at1.tokens.refresh_token ?? '');
    expect(again.claims()?.['groups']).toEqual(own);
    const seen = await openid.tokenIntrospection(at1.config, again.access_token);
    expect([seen.active, JSON.stringify(seen).includes(group.id)]).toEqual([true, false]);
    const anew = await signInAt(product, newBrowser(), { name: 'strict', secret, email: guest.email });
    expect(anew.tokens.claims()?.['groups']).toEqual(own);

    await forgetCode(product, owner);
    const code = appCode(app.secret);
    const both = await signInAt(product, newBrowser(), { name: 'strict', secret, email: owner.email, code });
    expect(both.tokens.claims()?.['groups']).toEqual(all(owner.userId));
    expect(
      (await openid.fetchUserInfo(both.config, both.tokens.access_token, owner.userId))['groups'],
    ).toEqual(all(owner.userId));
  });

  test('finds everything it needs by discovery', async () => {
    const secret = await addClient(product, 'config');
    const metadata = (await discover(product, 'config', secret)).serverMetadata();
    expect(metadata).toMatchObject({
      issuer: issuer(),
      authorization_endpoint: `${product.api.url}/oidc/auth`,
      token_endpoint: `${issuer()}/token`,
      device_authorization_endpoint: `${issuer()}/device/auth`,
      revocation_endpoint: `${issuer()}/token/revocation`,
      introspection_endpoint: `${issuer()}/token/introspection`,
      end_session_endpoint: `${product.api.url}/oidc/session/end`,
      backchannel_logout_supported: true,
      backchannel_logout_session_supported: true,
      authorization_response_iss_parameter_supported: true,
      code_challenge_methods_supported: ['S256'],
      response_types_supported: ['code'],
      id_token_signing_alg_values_supported: ['RS256'],
      subject_types_supported: ['public'],
    });
    // Tokens are not bound to keys, so nobody is told that they could be.
    expect(metadata).not.toHaveProperty('dpop_signing_alg_values_supported');
    expect(metadata.scopes_supported).toEqual(expect.arrayContaining(['openid', 'email', 'groups']));
    expect(metadata.claims_supported).toEqual(expect.arrayContaining(['groups', 'email_verified']));
  });

  test('B04 a client’s spent refresh token ends the whole family', async () => {
    const secret = await addClient(product, 'turns');
    const { config, tokens } = await signInAt(product, newBrowser(), {
      name: 'turns',
      secret,
      email: ann.email,
    });
    const first = tokens.refresh_token ?? '';
    const second = await openid.refreshTokenGrant(config, first);
    expect(second.refresh_token).not.toBe(first);
    expect(second.claims()).toMatchObject({ sub: ann.userId, groups: expect.any(Array) });
    await expect(openid.refreshTokenGrant(config, first)).rejects.toMatchObject({ error: 'invalid_grant' });
    await expect(openid.refreshTokenGrant(config, second.refresh_token ?? '')).rejects.toMatchObject({
      error: 'invalid_grant',
    });
  });

  test('B07 a client learns nothing of the tokens of other clients, and revokes only its own', async () => {
    const [secret, foreign] = [await addClient(product, 'owner'), await addClient(product, 'stranger')];
    const browser = newBrowser();
    const { config, tokens } = await signInAt(product, browser, { name: 'owner', secret, email: ann.email });
    const stranger = await discover(product, 'stranger', foreign);
    const token = tokens.access_token;
    expect(await openid.tokenIntrospection(config, token)).toMatchObject({ active: true, sub: ann.userId });
    expect(await openid.tokenIntrospection(stranger, token)).toEqual({ active: false });
    await openid.tokenRevocation(stranger, token).catch(() => undefined);
    expect((await openid.tokenIntrospection(config, token)).active).toBe(true);
    await openid.tokenRevocation(config, token);
    expect(await openid.tokenIntrospection(config, token)).toEqual({ active: false });
  });

  test('on a person’s machine: a public client of another library, at any port of a loopback address', async () => {
    await addClient(product, 'native', { isPublic: true, redirectUris: ['http://127.0.0.1/callback'] });
    const options = { [oauth.customFetch]: fetchTrusting(product.gateway.certificateAuthority ?? '') };
    const server = await oauth.processDiscoveryResponse(
      new URL(issuer()),
      await oauth.discoveryRequest(new URL(issuer()), options),
    );
    const client = { client_id: 'native' };
    const redirectUri = 'http://127.0.0.1:49152/callback';
    const [verifier, state] = [oauth.generateRandomCodeVerifier(), oauth.generateRandomState()];
    const query = new URLSearchParams({
      client_id: 'native',
      response_type: 'code',
      redirect_uri: redirectUri,
      scope: 'openid groups',
      state,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    });
    const back = new URL(await allow(newBrowser(), `${server.authorization_endpoint}?${query}`, ann));
    expect(back.origin).toBe('http://127.0.0.1:49152');
    const answer = oauth.validateAuthResponse(server, client, back, state);
    const response = await oauth.authorizationCodeGrantRequest(
      server,
      client,
      oauth.None(),
      answer,
      redirectUri,
      verifier,
      options,
    );
    const tokens = await oauth.processAuthorizationCodeResponse(server, client, response);
    expect(oauth.getValidatedIdTokenClaims(tokens)).toMatchObject({ sub: ann.userId, aud: 'native' });
  });

  test('on a device: a code, typed on our page, with consent', async () => {
    await addClient(product, 'device', { isPublic: true, redirectUris: ['http://127.0.0.1/'] });
    const config = await discover(product, 'device', '');
    const started = await openid.initiateDeviceAuthorization(config, { scope: 'openid groups' });
    expect(started.user_code).toMatch(/^[B-Z]{4}-[B-Z]{4}$/);
    expect(started.verification_uri).toBe(`${product.api.url}/oidc/device`);
    const browser = newBrowser();
    await browser.go(started.verification_uri_complete ?? '');
    expect(browser.page).toContain(`value="${started.user_code}"`);
    await browser.submit({ user_code: started.user_code.toLowerCase() });
    expect(browser.page).toContain('Let device sign you in?');
    await browser.submit({ confirm: 'yes' });
    await browser.submit({ email: ann.email, password: 'correct horse battery' });
    expect(browser.page).toContain('go on at your device');
    await browser.submit({ decision: 'allow' });
    expect(browser.page).toContain('is signed in');
    const tokens = await openid.pollDeviceAuthorizationGrant(config, started);
    expect(tokens.claims()).toMatchObject({ sub: ann.userId, groups: expect.any(Array) });
  }, 30_000);
});

describe('signing out', () => {
  test('at a client signs out here, comes back to it, and tells the other clients', async () => {
    const other = await openListener();
    const secret = await addClient(product, 'portal');
    const second = await addClient(product, 'board', { backchannelLogoutUri: other.uri });
    const browser = newBrowser();
    const { config, tokens } = await signInAt(product, browser, { name: 'portal', secret, email: ann.email });
    const board = await signInAt(product, browser, { name: 'board', secret: second, email: ann.email });
    const leave = openid.buildEndSessionUrl(config, {
      id_token_hint: tokens.id_token ?? '',
      post_logout_redirect_uri: 'https://portal.example/',
      state: 'bye',
    });
    await browser.go(leave.href);
    expect(browser.page).toContain('portal asks to sign this browser out');
    expect(await browser.submit({ logout: 'yes' })).toBe('https://portal.example/?state=bye');
    expect(await verifyLogout(other.heard[0] ?? '', 'board')).toMatchObject({
      sub: ann.userId,
      sid: board.tokens.claims()?.['sid'],
      events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
    });
    await browser.go((await begin(config, callback('portal'))).start);
    expect(browser.page).toContain('name="password"');
    await expect(openid.refreshTokenGrant(board.config, board.tokens.refresh_token ?? '')).rejects.toThrow();
    other.close();
  });

  test('B14 a browser that is revoked from the list of sessions is out at once, and its clients hear of it', async () => {
    const listener = await openListener();
    const name = fresh('listed');
    const secret = await addClient(product, name, { backchannelLogoutUri: listener.uri });
    const person = await addPerson(product, name);
    const browser = newBrowser();
    const { config, tokens } = await signInAt(product, browser, { name, secret, email: person.email });
    const api = await product.signIn(person);
    const sessions = (await api.call('GET', '/api/v1/auth/sessions')).json['data'];
    const listed = sessions.filter((session: { current: boolean }) => !session.current);
    expect(listed).toHaveLength(1);
    expect((await api.call('DELETE', `/api/v1/auth/sessions/${listed[0].id}`)).status).toBe(204);
    expect(await openid.tokenIntrospection(config, tokens.access_token)).toEqual({ active: false });
    await expect(openid.refreshTokenGrant(config, tokens.refresh_token ?? '')).rejects.toThrow();
    await browser.go((await begin(config, callback(name))).start);
    expect(browser.page).toContain('name="password"');
    await expect.poll(() => listener.heard.length, { timeout: 10_000 }).toBe(1);
    const told = await verifyLogout(listener.heard[0] ?? '', name);
    expect(told).toMatchObject({ sub: person.userId, sid: tokens.claims()?.['sid'] });
    expect(told['nonce']).toBeUndefined();
    listener.close();
  });

  test('B05 a disabled account is out at every client, with tokens for offline use too', async () => {
    const listener = await openListener();
    const name = fresh('disabled');
    const secret = await addClient(product, name, { backchannelLogoutUri: listener.uri });
    const person = await addPerson(product, name);
    const config = await discover(product, name, secret);
    const offline = { scope: 'openid offline_access', prompt: 'consent' };
    const { start, checks } = await begin(config, callback(name), offline);
    const back = await allow(newBrowser(), start, person);
    const tokens = await openid.authorizationCodeGrant(config, new URL(back), checks);
    const { database, clock } = product.product;
    await database.asIdentity((tx) => disableUser(tx, brandId(person.userId), clock.now()));
    await expect(openid.refreshTokenGrant(config, tokens.refresh_token ?? '')).rejects.toMatchObject({
      error: 'invalid_grant',
    });
    await expect(openid.fetchUserInfo(config, tokens.access_token, person.userId)).rejects.toThrow();
    await expect.poll(() => listener.heard.length, { timeout: 10_000 }).toBe(1);
    expect(await verifyLogout(listener.heard[0] ?? '', name)).toMatchObject({ sub: person.userId });
    listener.close();
  });

  test('C01 a client’s listener that redirects is not followed, and is told again', async () => {
    const listener = await openListener(302);
    const name = fresh('redirects');
    const secret = await addClient(product, name, { backchannelLogoutUri: listener.uri });
    const person = await addPerson(product, name);
    await signInAt(product, newBrowser(), { name, secret, email: person.email });
    const { database, clock } = product.product;
    await database.asIdentity((tx) => disableUser(tx, brandId(person.userId), clock.now()));
    await expect.poll(() => listener.heard.length, { timeout: 10_000 }).toBe(1);
    const [waiting] = await product.query(
      'select attempts::integer as attempts, next_at > now() as later from oidc.logout_notices where client_id = $1',
      [name],
    );
    expect(waiting).toEqual({ attempts: 1, later: true });
    listener.close();
  });
});

import { createServer, type Server } from 'node:http';
import { text } from 'node:stream/consumers';
import { registerClient, type NewClient } from '@hexabase/oidc/clients/register-client.ts';
import { createUser } from '@hexabase/oidc/users.ts';
import * as openid from 'openid-client';
import { fetchTrusting, PlainBrowser } from '../acceptance/relying-party.ts';
import type { Attacked } from './start-product.ts';

export const password = 'correct horse battery';

/** Where clients of these tests are sent back; nothing listens there. */
export const callback = (name: string): string => `https://${name}.example/callback`;

export type Asked = Partial<Omit<NewClient, 'name'>>;

/** Registers a client as `hexabase-cli client add` does; answers its secret. */
export async function addClient(product: Attacked, name: string, asked: Asked = {}): Promise<string> {
  const client = {
    name,
    redirectUris: [callback(name)],
    postLogoutRedirectUris: [`https://${name}.example/`],
    backchannelLogoutUri: null,
    isPublic: false,
    ...asked,
  };
  const rules = { loopbackNotices: true, nowMs: product.product.clock.now() };
  const { secret } = await product.product.database.asIdentity((tx) => registerClient(tx, client, rules));
  return secret ?? '';
}

/** Somebody who signs in by password. */
export async function addPerson(product: Attacked, name: string): Promise<{ userId: string; email: string }> {
  const email = `${name}@example.test`;
  const { database, clock } = product.product;
  const user = await database.asIdentity((tx) =>
    createUser(tx, { email, displayName: name, password }, clock.now()),
  );
  return { userId: user.id, email };
}

/** An independent client that knows nothing but issuer, name and secret. */
export async function discover(product: Pick<Attacked, 'gateway'>, name: string, secret: string) {
  const trusted = fetchTrusting(product.gateway.certificateAuthority ?? '');
  const authentication = secret === '' ? openid.None() : openid.ClientSecretBasic(secret);
  const issuer = new URL(`${product.gateway.url}/oidc`);
  const config = await openid.discovery(issuer, name, undefined, authentication, {
    [openid.customFetch]: trusted,
  });
  config[openid.customFetch] = trusted;
  // On this machine pages for people are http, so that nobody meets a certificate warning.
  openid.allowInsecureRequests(config);
  return config;
}

export interface Flow {
  config: openid.Configuration;
  start: string;
  checks: { pkceCodeVerifier: string; expectedState: string; expectedNonce: string };
}

/** The first half of a sign-in: what the client remembers and where it sends the browser. */
export async function begin(
  config: openid.Configuration,
  redirectUri: string,
  more: Record<string, string> = {},
): Promise<Flow> {
  const checks = {
    pkceCodeVerifier: openid.randomPKCECodeVerifier(),
    expectedState: openid.randomState(),
    expectedNonce: openid.randomNonce(),
  };
  const start = openid.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope: 'openid email profile groups',
    code_challenge: await openid.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
    code_challenge_method: 'S256',
    state: checks.expectedState,
    nonce: checks.expectedNonce,
    ...more,
  });
  return { config, start: start.href, checks };
}

/** Signs in and agrees, whatever of it is asked; answers the client's address with the code. */
export async function allow(
  browser: PlainBrowser,
  start: string,
  { email, code = '' }: { email: string; code?: string },
): Promise<string> {
  let at = await browser.go(start);
  if (browser.page.includes('name="password"')) at = await browser.submit({ email, password });
  if (browser.page.includes('One more step')) at = await browser.submit({ code });
  if (browser.page.includes('name="decision"')) at = await browser.submit({ decision: 'allow' });
  return at;
}

/** A whole sign-in at a client. */
export async function signInAt(
  product: Attacked,
  browser: PlainBrowser,
  given: {
    name: string;
    secret: string;
    email: string;
    /** Of the authenticator app. */
    code?: string;
  },
) {
  const config = await discover(product, given.name, given.secret);
  const { start, checks } = await begin(config, callback(given.name));
  const back = await allow(browser, start, given);
  const tokens = await openid.authorizationCodeGrant(config, new URL(back), checks);
  return { config, tokens };
}

/** A client that listens for logouts on this machine, and answers with `status`. */
export async function openListener(status = 200): Promise<{ uri: string; heard: string[]; close(): void }> {
  const heard: string[] = [];
  const server: Server = createServer((request, response) => {
    void text(request).then((body) => {
      heard.push(new URLSearchParams(body).get('logout_token') ?? '');
      response.writeHead(status, status === 302 ? { location: 'http://127.0.0.1:1/elsewhere' } : {}).end();
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  return { uri: `http://127.0.0.1:${port}/logout`, heard, close: () => server.close() };
}

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fixedClock } from '@hexabase/kernel/clock.ts';
import { createKeyVault, type KeyVault } from '@hexabase/kernel/key-vault.ts';
import { awayAtProvider, startRealProvider, type RealProvider } from '@hexabase/testkit/real-provider.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import { generateKeyPair, exportJWK, SignJWT, UnsecuredJWT } from 'jose';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createUser, disableUser, findUserByEmail } from '../users.ts';
import { readProvider } from './provider-input.ts';
import { listProviders, removeProvider, saveProvider, switchProvider } from './provider-store.ts';
import { openUpstream, type Upstream, type UpstreamDeps } from './upstream.ts';

const origin = 'http://localhost:8080';
const returnTo = '/auth/authorize?client_id=hks';
const clock = fixedClock(Date.now());

interface Person {
  sub: string;
  email: string;
  email_verified: unknown;
  name?: string;
}

let test: TestDatabase;
let vault: KeyVault;
let upstream: Upstream;
let real: RealProvider;
let hostile: HostileIssuer;
let deps: UpstreamDeps;
let organizations: string[] = [];
/** Who sits at the providers. */
let person: Person;
let count = 0;

beforeAll(async () => {
  test = await testDatabase();
  vault = createKeyVault(test.masterKey);
  real = await startRealProvider({ origin, names: ['acme', 'leaving', 'moving'], who: () => person });
  hostile = await startHostileIssuer(() => person);
  deps = {
    db: test.database,
    vault,
    clock,
    signUp: true,
    makeOrganization: async ({ email }) => void organizations.push(email),
  };
  upstream = openUpstream(deps);
  for (const [name, issuer] of [
    ['acme', real.url],
    ['mallory', hostile.url],
  ])
    await save({ name, issuer, clientId: 'hexabase', clientSecret: 'a secret of the client' });
});

afterAll(async () => {
  real?.close();
  hostile?.server.close();
  await test?.close();
});

beforeEach(() => {
  count += 1;
  organizations = [];
  hostile.how = {};
  person = { sub: `subject-${count}`, email: `p${count}@example.test`, email_verified: true, name: 'Pat' };
});

async function save(given: object): Promise<void> {
  const input = readProvider(given, { fromFile: false });
  await test.database.asIdentity((tx) => saveProvider(tx, vault, { input, nowMs: clock.now() }));
}

function account(email: string) {
  const user = { email, displayName: email, password: 'correct horse battery' };
  return test.database.asIdentity((tx) => createUser(tx, user, clock.now()));
}

const away = (url: string): Promise<string> => awayAtProvider(url, origin);

async function begin(provider: string, browser = 'browser'): Promise<string> {
  return away(await upstream.start({ provider, browser, returnTo, origin }));
}

async function through(provider: string, browser = `browser-${count}`) {
  const query = await begin(provider, browser);
  await upstream.finish({ provider, browser, query });
  return { outcome: await upstream.outcome({ browser, returnTo }), page: { browser, returnTo } };
}

/** What a chain of the audit log says, sorted: entries of one millisecond have no order. */
async function logged(chain: string): Promise<string[]> {
  const { rows } = await test.database.asWorker((tx) =>
    sql<{ said: string }>`select action || ' ' || outcome as said from audit_entries
      where chain = ${chain}`.execute(tx),
  );
  return rows.map((row) => row.said).sort();
}

describe('signing in through a real OpenID provider', () => {
  it('makes an account with an organization the first time, and knows the same subject again whatever its address', async () => {
    const { outcome, page } = await through('acme');
    expect(outcome).toEqual({ state: 'proven', email: person.email, label: 'acme' });
    expect(organizations).toEqual([person.email]);
    const first = await upstream.take(page);
    person = { ...person, email: 'other@example.test', email_verified: false };
    const again = await through('acme', 'another browser');
    expect(await upstream.take(again.page)).toEqual(first);
    expect(organizations).toHaveLength(1);
  });

  it('says clearly that an address is nobody’s here, and lets in who is known whatever their address became', async () => {
    await through('acme');
    for (const email of ['not an address', 'x@acme.serviceaccounts.hexabase.local']) {
      person = { ...person, email, email_verified: true };
      expect((await through('acme', `again ${email}`)).outcome?.state).toBe('proven');
      const stranger = { ...person, sub: `${email}-${count}` };
      const known = person;
      person = stranger;
      await expect(through('acme', `stranger ${email}`)).rejects.toMatchObject({
        code: 'forbidden',
        message: expect.stringContaining('The e-mail address that acme says is yours cannot be'),
      });
      person = known;
    }
  });

  it.each([
    ['a name that no database takes', 'P\u0000at\u202e', 'Pat'],
    ['no name to be seen', '\u0000 \u200b', null],
    ['a name longer than a line', '👩‍👧'.repeat(300), expect.stringMatching(/^[👩👧]{50}$/u)],
  ])('takes %s', async (_what, name, expected) => {
    person = { ...person, name };
    const { outcome } = await through('acme');
    expect(outcome?.state).toBe('proven');
    const user = await test.database.asIdentity((tx) => findUserByEmail(tx, person.email));
    expect(user?.displayName).toEqual(expected ?? person.email.split('@')[0]);
  });

  it('is in the log of the person, and a refusal in that of the platform without saying who was refused', async () => {
    const { page } = await through('acme');
    const proven = await upstream.take(page);
    expect(await logged(`person:${proven?.userId}`)).toEqual([
      'auth.link allowed',
      'auth.proof allowed',
      'auth.provider allowed',
    ]);
    const before = await logged('');
    person = { ...person, sub: `stranger-${count}`, email: `x${count}@example.test`, email_verified: false };
    await expect(through('acme', 'third browser')).rejects.toMatchObject({ code: 'forbidden' });
    expect(await logged('')).toEqual([...before, 'auth.provider denied'].sort());
  });

  it('asks for the code with PKCE S256, state and nonce, and a callback of its own', async () => {
    const url = new URL(await upstream.start({ provider: 'acme', browser: 'b', returnTo, origin }));
    const asked = Object.fromEntries(url.searchParams);
    expect(asked).toMatchObject({
      code_challenge_method: 'S256',
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      state: expect.stringMatching(/^[\w-]{43}$/),
      nonce: expect.stringMatching(/^[\w-]{43}$/),
      redirect_uri: `${origin}/auth/idp/acme/callback`,
      response_type: 'code',
    });
  });

  it('makes the organization at the next sign-in when it failed the first time', async () => {
    const failing = openUpstream({
      ...deps,
      makeOrganization: () => Promise.reject(new Error('down')),
    });
    const url = await failing.start({ provider: 'acme', browser: 'b', returnTo, origin });
    await expect(
      failing.finish({ provider: 'acme', browser: 'b', query: await away(url) }),
    ).rejects.toThrow();
    await through('acme');
    expect(organizations).toEqual([person.email]);
  });

  it('a proof is good once, for one page, in one browser, for five minutes', async () => {
    const { page } = await through('acme');
    expect(await upstream.take({ ...page, browser: 'stranger' })).toBeNull();
    expect(await upstream.take({ ...page, returnTo: '/device?user_code=X' })).toBeNull();
    expect(await upstream.take(page)).not.toBeNull();
    expect(await upstream.take(page)).toBeNull();
    const late = await through('acme');
    clock.advance(301_000);
    expect(await upstream.take(late.page)).toBeNull();
  });
});

describe('an account is never linked silently', () => {
  it('an address that has an account proves nothing until that account has signed in on the same page', async () => {
    const { id: userId } = await account(person.email);
    const { outcome, page } = await through('acme');
    expect(outcome).toMatchObject({ state: 'confirm', email: person.email });
    expect(await upstream.take(page)).toBeNull();
    const stranger = await account(`stranger-${count}@example.test`);
    await upstream.confirm({ ...page, userId: stranger.id });
    await upstream.confirm({ ...page, browser: 'elsewhere', userId });
    expect((await through('acme', 'b2')).outcome).toMatchObject({ state: 'confirm' });
    await upstream.confirm({ ...page, userId });
    const linked = await through('acme', 'b3');
    expect(await upstream.take(linked.page)).toEqual({ userId, secondFactor: false, proof: 0 });
  });

  it('an address is the account’s in whatever script a provider writes its domain', async () => {
    const { id: userId, email } = await account(`p${count}@bücher.example`);
    person = { ...person, email: `P${count}@BU\u0308CHER.example.` };
    expect((await through('acme')).outcome).toMatchObject({ state: 'confirm', email });
    const stranger = { ...person, sub: `stranger-${count}`, email: `new-${count}@ｂücher.example` };
    person = stranger;
    const { outcome, page } = await through('acme', 'b2');
    expect(outcome).toMatchObject({ state: 'proven', email: `new-${count}@xn--bcher-kva.example` });
    expect((await upstream.take(page))?.userId).not.toBe(userId);
  });

  it('a second provider that names the same address does not reach the account of the first', async () => {
    const mine = await through('acme');
    const person = await upstream.take(mine.page);
    if (person === null) throw new Error('nobody signed in');
    const other = await through('mallory', 'b2');
    expect(other.outcome).toMatchObject({ state: 'confirm' });
    expect(await upstream.take(other.page)).toBeNull();
    // Signing in with the first provider on that page connects the second.
    await through('acme', 'b2');
    expect(await upstream.take(other.page)).toEqual(person);
    await upstream.confirm({ ...other.page, userId: person.userId });
    expect(await upstream.take((await through('mallory', 'b3')).page)).toEqual(person);
  });

  it.each([false, 'true', undefined, 1])('an address verified as %j is refused', async (verified) => {
    person = { ...person, email_verified: verified };
    await expect(through('mallory')).rejects.toMatchObject({ code: 'forbidden' });
    expect(organizations).toEqual([]);
  });

  it.each(['a@x@example.test', '', 'not an address'])('the address %j is refused', async (email) => {
    person = { ...person, email };
    await expect(through('mallory')).rejects.toThrow();
  });

  it('the same subject at another issuer under the same name is somebody else', async () => {
    await save({ name: 'moving', issuer: real.url, clientId: 'hexabase', clientSecret: 's' });
    await save({ name: 'moving', issuer: hostile.url, clientId: 'hexabase', clientSecret: 's' });
    await through('acme');
    expect((await through('moving', 'b2')).outcome).toMatchObject({ state: 'confirm' });
  });

  it('nobody gets an account where signing up is off', async () => {
    const closed = openUpstream({ ...deps, signUp: false });
    const query = await away(await closed.start({ provider: 'acme', browser: 'b', returnTo, origin }));
    await expect(closed.finish({ provider: 'acme', browser: 'b', query })).rejects.toThrow(
      'Ask to be invited',
    );
  });

  it('a disabled account stays out', async () => {
    const { page } = await through('acme');
    const { userId } = (await upstream.take(page)) ?? {};
    if (userId === undefined) throw new Error('nobody signed in');
    await test.database.asIdentity((tx) => disableUser(tx, userId, clock.now()));
    expect(await upstream.take((await through('acme', 'b2')).page)).toBeNull();
  });
});

describe('a second factor that was shown at the provider', () => {
  const fields = { issuer: '', clientId: 'hexabase', clientSecret: 'a secret of the client' };
  it.each([
    ['ask', ['mfa'], false],
    ['amr', ['pwd', 'mfa'], true],
    ['amr', ['hwk'], true],
    ['amr', ['pwd'], false],
    ['amr', 'mfa', false],
    ['amr', undefined, false],
    ['given', ['pwd'], true],
  ])('is believed of a provider set to %s that says %j: %j', async (secondFactor, amr, counts) => {
    await save({ ...fields, issuer: hostile.url, name: 'trusted', secondFactor });
    hostile.how = { claims: { amr } };
    expect(await upstream.take((await through('trusted')).page)).toMatchObject({ secondFactor: counts });
  });

  it('cannot be read from GitHub, which does not say', async () => {
    await expect(save({ ...fields, name: 'github', kind: 'github', secondFactor: 'amr' })).rejects.toThrow();
  });
});

describe('an answer that does not fit is refused', () => {
  const refused = { code: 'forbidden' };

  it('one that was used already', async () => {
    const query = await begin('acme');
    await upstream.finish({ provider: 'acme', browser: 'browser', query });
    await expect(upstream.finish({ provider: 'acme', browser: 'browser', query })).rejects.toMatchObject(
      refused,
    );
  });

  it('one for another browser, whose state is spent by nobody else', async () => {
    const query = await begin('acme');
    await expect(upstream.finish({ provider: 'acme', browser: 'victim', query })).rejects.toMatchObject(
      refused,
    );
    await upstream.finish({ provider: 'acme', browser: 'browser', query });
  });

  it('one that is older than ten minutes', async () => {
    const query = await begin('acme');
    clock.advance(601_000);
    await expect(upstream.finish({ provider: 'acme', browser: 'browser', query })).rejects.toMatchObject(
      refused,
    );
  });

  it('one of another provider (mix-up), by its address and by its iss', async () => {
    const query = await begin('acme');
    await expect(upstream.finish({ provider: 'mallory', browser: 'browser', query })).rejects.toMatchObject(
      refused,
    );
    const mixed = new URLSearchParams(await begin('acme'));
    expect(mixed.get('iss')).toBe(real.url);
    mixed.set('iss', hostile.url);
    await expect(
      upstream.finish({ provider: 'acme', browser: 'browser', query: mixed.toString() }),
    ).rejects.toMatchObject(refused);
    const without = new URLSearchParams(await begin('acme'));
    without.delete('iss');
    await expect(
      upstream.finish({ provider: 'acme', browser: 'browser', query: without.toString() }),
    ).rejects.toMatchObject(refused);
  });

  it('a code that was given for another sign-in', async () => {
    const stolen = new URLSearchParams(await begin('acme', 'victim')).get('code') ?? '';
    const mine = new URLSearchParams(await begin('acme', 'attacker'));
    mine.set('code', stolen);
    await expect(
      upstream.finish({ provider: 'acme', browser: 'attacker', query: mine.toString() }),
    ).rejects.toMatchObject(refused);
  });

  it.each<[string, HostileIssuer['how']]>([
    ['another nonce', { claims: { nonce: 'x'.repeat(43) } }],
    ['no nonce', { claims: { nonce: undefined } }],
    ['another issuer', { claims: { iss: 'https://accounts.google.com' } }],
    ['another client', { claims: { aud: 'another-client' } }],
    ['a time that is past', { claims: { exp: 1_000_000 } }],
    ['alg none', { sign: 'none' }],
    ['a key of nobody', { sign: 'foreign' }],
    ['HS256 with the client secret', { sign: 'HS256' }],
    ['nothing', { sign: 'no token' }],
  ])('an ID token with %s', async (_name, how) => {
    hostile.how = how;
    await expect(through('mallory')).rejects.toMatchObject(refused);
    expect(await upstream.outcome({ browser: `browser-${count}`, returnTo })).toBeNull();
  });

  it('one of a provider that was disabled or removed meanwhile', async () => {
    await save({
      name: 'leaving',
      issuer: real.url,
      clientId: 'hexabase',
      clientSecret: 'a secret of the client',
    });
    const query = await begin('leaving');
    await test.database.asIdentity((tx) => switchProvider(tx, 'leaving', false));
    const answer = { provider: 'leaving', browser: 'browser', query };
    await expect(upstream.finish(answer)).rejects.toMatchObject({ code: 'not_found' });
    expect((await upstream.providers()).map(({ name }) => name)).not.toContain('leaving');
    await test.database.asIdentity((tx) => removeProvider(tx, 'leaving'));
    await expect(upstream.finish(answer)).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('providers', () => {
  it('are listed without their secret, which lies sealed in the database', async () => {
    const listed = await test.database.asIdentity((tx) => listProviders(tx));
    expect(JSON.stringify(listed)).not.toContain('a secret of the client');
    const { rows } = await test.database
      .openPool('hexabase_identity', 1)
      .query('select * from hexabase.identity_providers');
    expect(JSON.stringify(rows)).not.toContain('a secret of the client');
  });

  it.each([
    { name: 'x', clientId: 'a', clientSecret: 'b' },
    { name: 'x', clientId: 'a', clientSecret: 'b', issuer: 'http://idp.example' },
    { name: 'Up per', clientId: 'a', clientSecret: 'b', issuer: 'https://idp.example' },
    { name: 'x', clientId: 'a', clientSecret: 'b', issuer: 'https://idp.example', extra: 1 },
  ])('are refused when they lack something or are not on https: %j', (given) => {
    expect(() => readProvider(given, { fromFile: false })).toThrow();
  });
});

interface HostileIssuer {
  url: string;
  server: Server;
  /** What is wrong with its next ID token. */
  how: { claims?: Record<string, unknown>; sign?: 'none' | 'foreign' | 'HS256' | 'no token' };
}

/** An issuer that can say anything. */
async function startHostileIssuer(who: () => Person): Promise<HostileIssuer> {
  const server = createServer();
  const issuer: HostileIssuer = { url: await listen(server), server, how: {} };
  const [own, foreign] = await Promise.all([generateKeyPair('RS256'), generateKeyPair('RS256')]);
  const jwk = { ...(await exportJWK(own.publicKey)), kid: 'one', alg: 'RS256', use: 'sig' };
  const nonces = new Map<string, string>();

  async function idToken(nonce: string): Promise<string | undefined> {
    const nowSeconds = Math.floor(Date.now() / 1000);
    const { how, url: iss } = issuer;
    const claims = {
      iss,
      aud: 'hexabase',
      iat: nowSeconds,
      exp: nowSeconds + 300,
      nonce,
      ...who(),
      ...how.claims,
    };
    if (how.sign === 'no token') return undefined;
    if (how.sign === 'none') return new UnsecuredJWT(claims).encode();
    if (how.sign === 'HS256')
      return new SignJWT(claims)
        .setProtectedHeader({ alg: 'HS256' })
        .sign(Buffer.from('a secret of the client'));
    const { privateKey } = how.sign === 'foreign' ? foreign : own;
    return new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: 'one' }).sign(privateKey);
  }

  const answers: Record<string, (url: URL, body: URLSearchParams) => unknown> = {
    '/.well-known/openid-configuration': () => ({
      issuer: issuer.url,
      authorization_endpoint: `${issuer.url}/authorize`,
      token_endpoint: `${issuer.url}/token`,
      jwks_uri: `${issuer.url}/jwks`,
      id_token_signing_alg_values_supported: ['RS256', 'HS256', 'none'],
    }),
    '/jwks': () => ({ keys: [jwk] }),
    '/token': async (_url, body) => ({
      access_token: 'token',
      token_type: 'Bearer',
      id_token: await idToken(nonces.get(body.get('code') ?? '') ?? ''),
    }),
  };
  server.on('request', (request, response) => {
    const url = new URL(request.url ?? '/', issuer.url);
    if (url.pathname === '/authorize') {
      const code = `code-${nonces.size}`;
      nonces.set(code, url.searchParams.get('nonce') ?? '');
      const query = new URLSearchParams({ code, state: url.searchParams.get('state') ?? '' });
      response.writeHead(303, { location: `${url.searchParams.get('redirect_uri')}?${query}` }).end();
      return;
    }
    void (async () => {
      let body = '';
      for await (const chunk of request) body += chunk;
      const answer = await answers[url.pathname]?.(url, new URLSearchParams(body));
      response.writeHead(answer ? 200 : 404, { 'content-type': 'application/json' });
      response.end(JSON.stringify(answer ?? {}));
    })();
  });
  return issuer;
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  const { port }: AddressInfo = address;
  return `http://127.0.0.1:${port}`;
}

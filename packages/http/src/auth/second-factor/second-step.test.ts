import { createHash, randomBytes } from 'node:crypto';
import { systemClock } from '@hexabase/kernel/clock.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { createKeyVault } from '@hexabase/kernel/key-vault.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { openIdentity, type Identity } from '@hexabase/oidc/identity.ts';
import { readProvider } from '@hexabase/oidc/upstream/provider-input.ts';
import { saveProvider } from '@hexabase/oidc/upstream/provider-store.ts';
import { openUpstream } from '@hexabase/oidc/upstream/upstream.ts';
import { createUser } from '@hexabase/oidc/users.ts';
import { appCode } from '@hexabase/testkit/authenticator-app.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createHttp } from '../../create-http.ts';
import { createMetrics } from '../../metrics.ts';

const password = 'correct horse battery';
const page = `/auth/authorize?${new URLSearchParams({
  client_id: 'hks',
  redirect_uri: 'http://127.0.0.1:4000/callback',
  response_type: 'code',
  code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
  code_challenge_method: 'S256',
})}`;

let test: TestDatabase;
let identity: Identity;
let app: FastifyInstance;
let url = '';
let count = 0;
let person: { id: string; email: string; secret: string };

beforeAll(async () => {
  test = await testDatabase();
  const { database: db, masterKey } = test;
  const issuer = 'https://localhost:8443/oidc';
  identity = await openIdentity({ db, masterKey, issuer, clock: systemClock });
  const vault = createKeyVault(masterKey);
  const upstream = openUpstream({
    db,
    vault,
    clock: systemClock,
    signUp: true,
    makeOrganization: async () => undefined,
  });
  const given = { name: 'acme', issuer: 'https://acme.example', clientId: 'c', clientSecret: 's' };
  const input = readProvider(given, { fromFile: false });
  await db.asIdentity((tx) => saveProvider(tx, vault, { input, nowMs: Date.now() }));
  app = await createHttp({
    execute: () => Promise.reject(new AppError('not_built')),
    authenticate: (token) => identity.authenticate(token),
    allowedHosts: ['127.0.0.1'],
    clock: systemClock,
    log: silentLogger,
    metrics: createMetrics(async () => 0),
    ping: () => db.ping(),
    auth: { identity, upstream },
    version: '0.0.0',
  });
  url = await app.listen({ port: 0, host: '127.0.0.1' });
});
beforeEach(async () => {
  count += 1;
  const email = `person-${count}@example.test`;
  const fields = { email, displayName: 'Person', password };
  const { id } = await test.database.asIdentity((tx) => createUser(tx, fields, Date.now()));
  const device = { userAgent: null, address: '192.0.2.1', deviceId: null };
  const { accessToken } = await identity.startSession(id, device);
  const owner = await identity.authenticate(accessToken);
  const added = await identity.secondFactors.addTotp(owner, 'telephone');
  await identity.secondFactors.confirmTotp(owner, { id: added.id, code: appCode(added.secret) });
  await forgetCode(id);
  person = { id, email, secret: added.secret };
});
afterAll(async () => {
  await app?.close();
  await identity?.[Symbol.asyncDispose]();
  await test?.close();
});

/** As if half a minute had passed: each code works once. */
async function forgetCode(userId: string): Promise<void> {
  await test.database.asIdentity((tx) =>
    sql`UPDATE hexabase.second_factors SET last_step = 0 WHERE user_id = ${userId}`.execute(tx),
  );
}

/** A browser that was away at a provider, and what came of it. */
async function visitor(outcome: { state: 'proven' | 'confirm'; secondFactor: boolean; groups?: string[] }) {
  const secret = randomBytes(32).toString('base64url');
  const browserHash = createHash('sha256').update(`upstream browser:${secret}`).digest('base64url');
  await test.database.asIdentity((tx) =>
    sql`INSERT INTO hexabase.upstream_sign_ins (id, provider_id, state, browser_hash, return_to, redirect_uri,
        secrets_sealed, user_id, subject, email, second_factor, groups, expires_at)
      SELECT ${browserHash}, id, ${outcome.state}, ${browserHash}, ${page}, 'x', '', ${person.id},
        ${`subject-${count}`}, ${person.email}, ${outcome.secondFactor},
        ${JSON.stringify({ values: outcome.groups ?? [], unfit: 0 })}::jsonb, now() + interval '5 minutes'
      FROM hexabase.identity_providers`.execute(tx),
  );
  const opened = await fetch(url + page);
  const cookie = `${opened.headers.get('set-cookie')?.split(';')[0]}; hks-browser=${secret}`;
  const fieldIn = (text: string, name: string) =>
    new RegExp(`name="${name}" value="([^"]+)"`).exec(text)?.[1] ?? '';
  let fields: Record<string, string> = { form_token: fieldIn(await opened.text(), 'form_token') };
  return async (typed: Record<string, string>) => {
    const body = new URLSearchParams({ ...fields, ...typed });
    const headers = { cookie, origin: url };
    const answer = await fetch(url + page, { method: 'POST', body, headers, redirect: 'manual' });
    const text = await answer.text();
    fields = { ...fields, second_factor: fieldIn(text, 'second_factor') };
    return { location: answer.headers.get('location'), asks: text.includes('One more step') };
  };
}

async function links(): Promise<number> {
  const { rows } = await test.database.asIdentity((tx) =>
    sql`SELECT 1 FROM hexabase.external_identities WHERE user_id = ${person.id}`.execute(tx),
  );
  return rows.length;
}

/** Binds the provider's groups to an organization with a group `team` and this person in it. */
async function bindGroups(): Promise<void> {
  await test.database.asIdentity(async (tx) => {
    const id = `organization-${count}`;
    await sql`INSERT INTO hexabase.organizations (id, slug, name, plan) VALUES (${id}, ${id}, 'Acme', 'starter')`.execute(
      tx,
    );
    await sql`INSERT INTO hexabase.memberships (organization_id, user_id, role) VALUES (${id}, ${person.id}, 'viewer')`.execute(
      tx,
    );
    await sql`INSERT INTO hexabase.groups (id, organization_id, name) VALUES (${`team-${count}`}, ${id}, 'team')`.execute(
      tx,
    );
    await sql`UPDATE hexabase.identity_providers SET groups_claim = 'groups', groups_organization_id = ${id},
      groups_map = '[{"value": "team", "group": "team"}]'`.execute(tx);
  });
}

async function memberships(): Promise<unknown[]> {
  const { rows } = await test.database.asWorker((tx) =>
    sql`SELECT group_id, provider FROM group_members WHERE user_id = ${person.id}`.execute(tx),
  );
  return rows;
}

const asked = { location: null, asks: true };
const signedIn = { location: expect.stringContaining('code='), asks: false };

describe('the second step after another identity provider', () => {
  it('is asked when the provider’s word does not count as two factors', async () => {
    const send = await visitor({ state: 'proven', secondFactor: false });
    expect(await send({})).toEqual(asked);
    expect(await send({ code: '000000' })).toEqual(asked);
    expect(await send({ code: appCode(person.secret) })).toEqual(signedIn);
  });

  it('is left out when it does', async () => {
    const send = await visitor({ state: 'proven', secondFactor: true });
    expect(await send({})).toEqual(signedIn);
  });

  it('comes before the provider’s word on groups counts, in its own sign-in and in one that connects it', async () => {
    await bindGroups();
    const inTeam = [{ group_id: `team-${count}`, provider: 'acme' }];
    const send = await visitor({ state: 'proven', secondFactor: false, groups: ['team'] });
    expect(await send({})).toEqual(asked);
    expect(await send({ code: '000000' })).toEqual(asked);
    expect(await memberships()).toEqual([]);
    expect(await send({ code: appCode(person.secret) })).toEqual(signedIn);
    expect(await memberships()).toEqual(inTeam);
    const connecting = await visitor({ state: 'confirm', secondFactor: false, groups: [] });
    expect(await connecting({ email: person.email, password })).toEqual(asked);
    expect(await memberships()).toEqual(inTeam);
    expect(await connecting({ code: appCode(person.secret, Date.now() + 30_000) })).toEqual(signedIn);
    expect(await memberships()).toEqual([]);
  });

  it('comes before a provider is connected: a password alone connects none', async () => {
    const send = await visitor({ state: 'confirm', secondFactor: true });
    expect(await send({ email: person.email, password })).toEqual(asked);
    expect(await links()).toBe(0);
    expect(await send({ code: appCode(person.secret) })).toEqual(signedIn);
    expect(await links()).toBe(1);
  });
});

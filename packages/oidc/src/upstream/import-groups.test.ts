import { fixedClock } from '@hexabase/kernel/clock.ts';
import { brandId, newId, type UserId } from '@hexabase/kernel/id.ts';
import { createKeyVault, type KeyVault } from '@hexabase/kernel/key-vault.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { awayAtProvider, startRealProvider, type RealProvider } from '@hexabase/testkit/real-provider.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import { sql, type RawBuilder } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createUser } from '../users.ts';
import { readProvider } from './provider-input.ts';
import { removeProvider, saveProvider, switchProvider } from './provider-store.ts';
import { openUpstream, type Upstream } from './upstream.ts';

const origin = 'http://localhost:8080';
const returnTo = '/auth/authorize?client_id=hks';
const clock = fixedClock(Date.now());

let test: TestDatabase;
let vault: KeyVault;
let upstream: Upstream;
let issuer: RealProvider;
/** Who sits at the provider, with whatever claims it has of them. */
let person: { sub: string; email: string; email_verified: true; groups?: unknown };
let organization: string;
let other: string;
let provider: string;
let count = 0;
const revoked: string[] = [];

beforeAll(async () => {
  test = await testDatabase();
  vault = createKeyVault(test.masterKey);
  const names = Array.from({ length: 200 }, (_, index) => `idp-${index + 1}`);
  issuer = await startRealProvider({ origin, names, who: () => person });
  upstream = openUpstream({
    db: test.database,
    vault,
    clock,
    signUp: true,
    makeOrganization: async () => undefined,
  });
  await test.database.listen('hexabase_revocation', (userId) => void revoked.push(userId));
});

afterAll(async () => {
  issuer?.close();
  await test?.close();
});

beforeEach(async () => {
  count += 1;
  revoked.length = 0;
  provider = `idp-${count}`;
  person = { sub: `subject-${count}`, email: `p${count}@example.test`, email_verified: true };
  organization = await makeOrganization(`acme-${count}`);
  other = await makeOrganization(`other-${count}`);
  await save({ parent: 'everyone' });
});

describe('groups of an identity provider', () => {
  it('bring a member of the organization into groups at each sign-in, and out of them', async () => {
    const userId = await member();
    person.groups = ['platform', 'ops'];
    await signIn();
    expect(await groupsOf(userId)).toEqual([`ops ${provider}`, `platform ${provider}`]);
    expect(await groupNamed('platform')).toMatchObject({ parent: 'everyone' });
    person.groups = ['ops', 'new'];
    await signIn();
    expect(await groupsOf(userId)).toEqual([`new ${provider}`, `ops ${provider}`]);
    expect((await logged()).at(-1)).toEqual({ provider, added: ['new'], removed: ['platform'] });
    person.groups = [];
    await signIn();
    expect(await groupsOf(userId)).toEqual([]);
  });

  it('take a right with the sign-in: the epoch rises and every gateway is told, and neither when nothing changed', async () => {
    const userId = await member();
    person.groups = ['platform'];
    await signIn();
    const before = await epochOf(userId);
    await signIn();
    expect(await epochOf(userId)).toBe(before);
    revoked.length = 0;
    person.groups = [];
    await signIn();
    expect(await epochOf(userId)).toBe(before + 1);
    await expect.poll(() => revoked).toContain(userId);
  });

  it('change nothing before the sign-in is wholly proven, nor for somebody else, nor too late', async () => {
    const userId = await member();
    const stranger = await makeAccount(`stranger-${count}@example.test`, organization);
    person.groups = ['platform'];
    const page = await prove();
    expect(await upstream.take(page)).toMatchObject({ userId });
    expect(await upstream.outcome(page)).toBeNull();
    expect(await groupsOf(userId)).toEqual([]);
    await upstream.confirm({ ...page, userId: stranger });
    await upstream.confirm({ ...page, browser: 'another', userId });
    expect([await groupsOf(userId), await groupsOf(stranger)]).toEqual([[], []]);
    clock.advance(361_000);
    await upstream.confirm({ ...page, userId });
    expect(await groupsOf(userId)).toEqual([]);
  });

  it('what an unfinished sign-in said counts no more after a newer one', async () => {
    const userId = await member();
    person.groups = ['platform'];
    const page = await prove();
    await upstream.take(page);
    person.groups = ['ops'];
    const again = await prove();
    await upstream.take(again);
    await upstream.confirm({ ...again, userId });
    expect(await groupsOf(userId)).toEqual([`ops ${provider}`]);
  });

  it('come with the first sign-in of an account that was there before, once it is linked', async () => {
    const userId = await makeAccount(person.email, organization);
    person.groups = ['platform'];
    const page = await prove();
    expect(await upstream.take(page)).toBeNull();
    expect(await groupsOf(userId)).toEqual([]);
    await upstream.confirm({ ...page, userId });
    expect(await groupsOf(userId)).toEqual([`platform ${provider}`]);
  });

  it('leave alone what a person was given by hand, also in the same group', async () => {
    const userId = await member();
    const byHand = await makeGroup(organization, 'platform-team');
    await save({ parent: 'everyone', map: { platform: 'Platform-Team' } });
    await inGroup(byHand, { organization, userId });
    person.groups = ['platform', 'ops'];
    await signIn();
    expect(await groupsOf(userId)).toEqual([`ops ${provider}`, 'platform-team by hand']);
    person.groups = [];
    await signIn();
    expect(await groupsOf(userId)).toEqual(['platform-team by hand']);
  });

  it('with a map alone, values that are not in it mean nothing, and make no group', async () => {
    const userId = await member();
    await makeGroup(organization, 'platform-team');
    await save({ map: { 'CN=platform,DC=acme': 'platform-team', gone: 'no-such-group' } });
    person.groups = ['CN=platform,DC=acme', 'everyone else', 'gone'];
    await signIn();
    expect(await groupsOf(userId)).toEqual([`platform-team ${provider}`]);
    expect(await namesIn(organization)).toEqual(['everyone', 'platform-team']);
    expect((await logged()).at(-1)).toEqual({
      provider,
      added: ['platform-team'],
      skipped: [{ value: 'gone', why: 'no such group' }],
    });
  });

  it.each([
    ['is missing', undefined, 'missing'],
    ['is a text', 'platform', 'not an array of texts'],
    ['is null', null, 'not an array of texts'],
    ['is an object', { 0: 'platform', length: 1 }, 'not an array of texts'],
    ['has something else than texts in it', ['platform', 7], 'not an array of texts'],
    ['has arrays in it', [['platform']], 'not an array of texts'],
    ['is huge', Array.from({ length: 501 }, (_, index) => `g${index}`), 'too many values'],
  ])('a claim that %s changes nothing and is in the log', async (_how, groups, problem) => {
    const userId = await member();
    person.groups = ['platform'];
    await signIn();
    person.groups = groups;
    await signIn();
    expect(await groupsOf(userId)).toEqual([`platform ${provider}`]);
    expect((await logged()).at(-1)).toEqual({ provider, problem });
  });
});

describe('groups of an identity provider cannot', () => {
  it('bring anybody into an organization, or say there who else signs in through it', async () => {
    person.groups = ['platform'];
    await signIn();
    expect(await namesIn(organization)).toEqual(['everyone']);
    const rows = await rowsOf(sql`select user_id from memberships where organization_id = ${organization}`);
    expect(rows).toHaveLength(0);
    expect(await logged()).toEqual([]);
  });

  it('reach a group of another organization, by its name or by a map', async () => {
    const userId = await member();
    await asIdentity((tx) => join(tx, other, userId));
    await makeGroup(other, 'treasury');
    const foreign = await makeGroup(other, 'foreign-admins');
    await save({ parent: 'everyone', map: { boss: 'foreign-admins', id: foreign } });
    person.groups = ['treasury', 'boss', 'id', 'foreign-admins'];
    await signIn();
    expect(await groupsOf(userId)).toEqual([`foreign-admins ${provider}`, `treasury ${provider}`]);
    expect(await groupsOf(userId, other)).toEqual([]);
    expect((await logged()).at(-1)).toMatchObject({
      skipped: [
        { value: 'boss', why: 'no such group' },
        { value: 'id', why: 'no such group' },
      ],
    });
  });

  it('be a group that was made by hand, nor a twin of one in other letters', async () => {
    const userId = await member();
    await makeGroup(organization, 'admins');
    person.groups = ['admins', 'ADMINS', 'Platform', 'platform', 'everyone'];
    await signIn();
    expect(await groupsOf(userId)).toEqual([`Platform ${provider}`]);
    const why = 'name taken, or too many groups';
    expect((await logged()).at(-1)).toMatchObject({
      skipped: ['ADMINS', 'admins', 'everyone', 'platform'].map((value) => ({ value, why })),
    });
    // The twin of one that was imported is not it either, whoever brings it.
    person = { ...person, sub: `twin-${count}`, email: `twin-${count}@example.test`, groups: ['platform'] };
    const twin = await member();
    await signIn();
    expect(await groupsOf(twin)).toEqual([]);
  });

  it.each([
    'system:masters',
    'hexabase:ws-admins',
    'my-team.WSAdmins',
    ' platform',
    '../platform',
    "x'; drop table groups; --",
    '0190b2c4-0000-7000-8000-000000000000',
    'ρlatform',
    'x'.repeat(61),
  ])('be called %j', async (value) => {
    const userId = await member();
    person.groups = [value];
    await signIn();
    expect(await groupsOf(userId)).toEqual([]);
    expect(await namesIn(organization)).toEqual(['everyone']);
    expect((await logged()).at(-1)).toEqual({
      provider,
      skipped: [{ value, why: 'not a name for a group' }],
    });
  });

  it.each([
    'a\u0000b',
    'plat\u202eform',
    'zero\u200bwidth',
    'line\nfeed',
    '\ud800half',
    '',
    ' ',
    'x'.repeat(257),
  ])('carry %j any further, not even into the log', async (value) => {
    const userId = await member();
    person.groups = [value, 'platform'];
    await signIn();
    expect(await groupsOf(userId)).toEqual([`platform ${provider}`]);
    expect((await logged()).at(-1)).toEqual({ provider, added: ['platform'], unfit: 1 });
  });

  it('be more than 500 at once or fill the log', async () => {
    const userId = await member();
    person.groups = Array.from({ length: 500 }, (_, index) => `g-${index}`);
    await signIn();
    expect(await groupsOf(userId)).toHaveLength(500);
    const entry: { added?: unknown[]; addedTotal?: number } = (await logged()).at(-1) ?? {};
    expect([entry.added?.length, entry.addedTotal]).toEqual([50, 500]);
  });
});

describe('what came from a provider goes', () => {
  const imported = async () => {
    const userId = await member();
    await makeGroup(organization, 'platform-team');
    await save({ parent: 'everyone', map: { platform: 'platform-team' } });
    person.groups = ['platform', 'ops'];
    await signIn();
    expect(await groupsOf(userId)).toHaveLength(2);
    revoked.length = 0;
    return userId;
  };

  it('with the provider, and its groups too unless somebody was put into them by hand', async () => {
    const userId = await imported();
    person.groups = ['ops', 'kept'];
    await signIn();
    const colleague = await makeAccount(`colleague-${count}@example.test`, organization);
    await inGroup((await groupNamed('kept'))?.id ?? '', { organization, userId: colleague });
    await asIdentity((tx) => removeProvider(tx, provider));
    expect(await groupsOf(userId)).toEqual([]);
    expect(await namesIn(organization)).toEqual(['everyone', 'kept', 'platform-team']);
    expect(await groupsOf(colleague)).toEqual(['kept by hand']);
    await expect.poll(() => revoked).toContain(userId);
  });

  it('when its groups are taken from another claim, go to another organization, or are taken no more', async () => {
    for (const change of [{ claim: 'roles' }, { organization: `other-${count}` }, null]) {
      const userId = await member();
      await save({ parent: 'everyone' });
      person.groups = ['ops'];
      await signIn();
      expect(await groupsOf(userId)).toEqual([`ops ${provider}`]);
      await save(change && { parent: 'everyone', ...change });
      expect([change, await groupsOf(userId)]).toEqual([change, []]);
    }
  });

  it('from a group that is mapped no more, and from that alone', async () => {
    const userId = await imported();
    await save({ parent: 'everyone', map: { another: 'everyone' } });
    expect(await groupsOf(userId)).toEqual([`ops ${provider}`]);
    await expect.poll(() => revoked).toContain(userId);
  });

  it('not when it is saved as it was, as a file is at each start, nor when it is disabled', async () => {
    const userId = await imported();
    await save({ parent: 'everyone', map: { platform: 'platform-team' } });
    await asIdentity((tx) => switchProvider(tx, provider, false));
    expect(await groupsOf(userId)).toHaveLength(2);
  });
});

function asIdentity<T>(run: (tx: Tx) => Promise<T>): Promise<T> {
  return test.database.asIdentity(run);
}

async function makeOrganization(slug: string): Promise<string> {
  const id = newId<'Organization'>();
  await asIdentity((tx) =>
    sql`insert into hexabase.organizations (id, slug, name, plan) values (${id}, ${slug}, ${slug}, 'starter')`.execute(
      tx,
    ),
  );
  await makeGroup(id, 'everyone');
  return id;
}

async function makeGroup(organizationId: string, name: string): Promise<string> {
  const id = newId<'Group'>();
  await asIdentity((tx) =>
    sql`insert into hexabase.groups (id, organization_id, name) values (${id}, ${organizationId}, ${name})`.execute(
      tx,
    ),
  );
  return id;
}

async function save(groups: object | null): Promise<void> {
  const given = {
    name: provider,
    issuer: issuer.url,
    clientId: 'hexabase',
    clientSecret: 'a secret of the client',
    scopes: 'openid email groups',
    ...(groups && { groups: { claim: 'groups', organization: `acme-${count}`, ...groups } }),
  };
  const input = readProvider(given, { fromFile: false });
  await asIdentity((tx) => saveProvider(tx, vault, { input, nowMs: clock.now() }));
}

async function join(tx: Tx, organizationId: string, userId: string): Promise<void> {
  await sql`insert into hexabase.memberships (organization_id, user_id, role)
    values (${organizationId}, ${userId}, 'viewer') on conflict do nothing`.execute(tx);
}

async function makeAccount(email: string, organizationId: string): Promise<UserId> {
  return asIdentity(async (tx) => {
    const { id } = await createUser(tx, { email, displayName: email, password: null }, clock.now());
    await join(tx, organizationId, id);
    return id;
  });
}

async function inGroup(groupId: string, who: { organization: string; userId: string }): Promise<void> {
  await asIdentity((tx) =>
    sql`insert into hexabase.group_members (group_id, user_id, organization_id)
      values (${groupId}, ${who.userId}, ${who.organization})`.execute(tx),
  );
}

/** The person has an account that is linked to the provider, and is in the organization. */
async function member(): Promise<UserId> {
  const { groups, ...rest } = person;
  person = rest;
  const { userId } = await signIn();
  await asIdentity((tx) => join(tx, organization, userId));
  person = { ...rest, ...(groups !== undefined && { groups }) };
  return userId;
}

/** Goes to the provider as a browser does and comes back with its answer. */
async function prove(browser = `browser-${count}`): Promise<{ browser: string; returnTo: string }> {
  const url = await upstream.start({ provider, browser, returnTo, origin });
  await upstream.finish({ provider, browser, query: await awayAtProvider(url, origin) });
  return { browser, returnTo };
}

/** A whole sign-in, as the pages do one. */
async function signIn() {
  clock.advance(1_000);
  const page = await prove();
  const { userId } = (await upstream.take(page)) ?? {};
  if (userId === undefined) throw new Error('nobody signed in');
  await upstream.confirm({ ...page, userId });
  return { ...page, userId };
}

async function rowsOf<Row>(query: RawBuilder<Row>): Promise<Row[]> {
  return (await test.database.asWorker((tx) => query.execute(tx))).rows;
}

async function groupsOf(userId: string, organizationId = organization): Promise<string[]> {
  const rows = await rowsOf(sql<{ shown: string }>`
    select g.name || ' ' || coalesce(m.provider, 'by hand') as shown
    from group_members m join groups g on g.id = m.group_id
    where m.user_id = ${userId} and g.organization_id = ${organizationId} order by g.name collate "C"`);
  return rows.map((row) => row.shown);
}

function groupsIn(organizationId: string) {
  return rowsOf(sql<{ id: string; name: string; parent: string | null }>`
    select g.id, g.name, p.name as parent from groups g left join groups p on p.id = g.parent_id
    where g.organization_id = ${organizationId} order by g.name`);
}

async function namesIn(organizationId: string): Promise<string[]> {
  return (await groupsIn(organizationId)).map(({ name }) => name);
}

async function groupNamed(name: string) {
  return (await groupsIn(organization)).find((group) => group.name === name);
}

async function epochOf(userId: string): Promise<number> {
  const scope = { userId: brandId<'User'>(userId), organizationIds: [brandId<'Organization'>(organization)] };
  const { rows } = await test.database.asTenant(scope, (tx) =>
    sql<{ epoch: string }>`select epoch from organization_epochs where user_id = ${userId}`.execute(tx),
  );
  return Number(rows[0]?.epoch ?? 0);
}

/** What the log of the organization says about groups that were imported. */
async function logged(): Promise<object[]> {
  const rows = await rowsOf(sql<{ details: object }>`
    select details from audit_entries where chain = ${organization} and action = 'auth.groups' order by created_at`);
  return rows.map((row) => row.details);
}

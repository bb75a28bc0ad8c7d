import { newId, type OrganizationId } from '@hexabase/kernel/id.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { givenOrganization } from '@hexabase/testkit/given.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findShutOut } from './withheld-store.ts';

/** Who reaches nothing in an organization that asks for a second factor. */
const nowMs = Date.UTC(2030, 0, 1);
const [earlier, later] = [new Date(nowMs - 1), new Date(nowMs + 1)];
let test: TestDatabase;
let organizationId: OrganizationId;

beforeAll(async () => {
  test = await testDatabase();
  organizationId = await givenOrganization(test.database);
  await asking(true);
});
afterAll(() => test.close());

const asking = (asks: boolean) =>
  test.database.asTenant({ userId: null, organizationIds: [organizationId] }, (tx) =>
    sql`update organizations set require_second_factor = ${asks} where id = ${organizationId}`.execute(tx),
  );

async function person(tx: Tx, kind: 'person' | 'service-account' = 'person'): Promise<string> {
  const id = newId<'User'>();
  const of = kind === 'person' ? null : organizationId;
  await sql`insert into users (id, email, display_name, kind, organization_id)
    values (${id}, ${`${id}@example.test`}, 'P', ${kind}, ${of})`.execute(tx);
  return id;
}

async function factor(tx: Tx, userId: string, confirmedAt: Date | null): Promise<void> {
  await sql`insert into second_factors (id, user_id, kind, name, secret_sealed, created_at, confirmed_at)
    values (${newId()}, ${userId}, 'totp', 'app', 'x', ${earlier}, ${confirmedAt})`.execute(tx);
}

async function session(
  tx: Tx,
  userId: string,
  {
    shown = earlier,
    ended = null,
    expires = later,
  }: { shown?: Date | null; ended?: Date | null; expires?: Date },
): Promise<void> {
  await sql`insert into sessions (id, user_id, created_at, last_used_at, expires_at, ended_at, second_factor_at)
    values (${newId()}, ${userId}, ${earlier}, ${earlier}, ${expires}, ${ended}, ${shown})`.execute(tx);
}

/** Whether somebody with that is shut out. */
async function isShutOut(having: (tx: Tx) => Promise<string>): Promise<boolean> {
  const userId = await test.database.asIdentity(having);
  const scope = { userId: null, organizationIds: [organizationId] };
  const asked = { organizationId, userIds: [userId] };
  return (await test.database.asTenant(scope, (tx) => findShutOut(tx, asked, nowMs))).has(userId);
}

const withFactor = (confirmedAt: Date | null) => async (tx: Tx) => {
  const id = await person(tx);
  await factor(tx, id, confirmedAt);
  return id;
};
const withSession = (how: Parameters<typeof session>[2]) => async (tx: Tx) => {
  const id = await person(tx);
  await session(tx, id, how);
  return id;
};

describe('an organization that asks for a second factor', () => {
  it.each([
    ['with nothing', (tx: Tx) => person(tx)],
    ['with a factor that was never confirmed', withFactor(null)],
    ['whose session has shown none', withSession({ shown: null })],
    ['whose session that showed one has ended', withSession({ ended: earlier })],
    ['whose session that showed one has expired', withSession({ expires: earlier })],
  ])('shuts out somebody %s', async (_what, having) => {
    expect(await isShutOut(having)).toBe(true);
  });

  it.each([
    ['with a factor, whatever their sessions have shown', withFactor(earlier)],
    ['for whom a provider has seen one in a session that lives', withSession({})],
    ['who is a program', (tx: Tx) => person(tx, 'service-account')],
  ])('lets in somebody %s', async (_what, having) => {
    expect(await isShutOut(having)).toBe(false);
  });

  it('shuts out nobody as soon as it asks no more', async () => {
    await asking(false);
    expect(await isShutOut((tx) => person(tx))).toBe(false);
    await asking(true);
  });
});

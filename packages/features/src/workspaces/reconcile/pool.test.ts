import { sql } from 'kysely';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ClusterDriver } from '@hexabase/cluster/port.ts';
import { systemClock } from '@hexabase/kernel/clock.ts';
import type { OrganizationId } from '@hexabase/kernel/id.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { startEngine } from '@hexabase/reconcile/engine.ts';
import { register } from '@hexabase/reconcile/registration.ts';
import { givenOrganization, requestWorkspace, until } from '@hexabase/testkit/given.ts';
import { memoryCluster } from '@hexabase/testkit/memory-cluster.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import { claimPoolMember } from '../store.ts';
import { poolMemberReconciler } from './pool-member-reconciler.ts';
import { poolReconciler } from './pool-reconciler.ts';
import { agreePoolSizes, refillPool } from './pool-store.ts';

let test1: TestDatabase;
let organizationId: OrganizationId;

beforeEach(async () => {
  test1 = await testDatabase();
  organizationId = await givenOrganization(test1.database);
});
afterEach(() => test1.close());

const refill = (sizes: Record<string, number>): Promise<void> =>
  test1.database.asWorker((tx) => refillPool(tx, { sizes, defaultRegion: 'local' }));

/** The plans of what is there and stays. */
async function plans(): Promise<string[]> {
  return test1.database.asWorker(async (tx) => {
    const { rows } = await sql<{ plan: string }>`
      select plan from pool_members where deletion_requested_at is null order by plan`.execute(tx);
    return rows.map(({ plan }) => plan);
  });
}

const ready = (plan: string): Promise<unknown> =>
  test1.database.asWorker((tx) =>
    sql`update pool_members set ready_at = clock_timestamp() where plan = ${plan}`.execute(tx),
  );

async function claimed(plan: string): Promise<boolean> {
  const wanted = { hostClusterId: null, isolation: 'shared', organizationId, plan } as const;
  return (await test1.database.asWorker((tx) => claimPoolMember(tx, wanted))) !== null;
}

test('the pool keeps what is wanted of each plan, and no more', async () => {
  await refill({ starter: 2, pro: 1, enterprise: 0 });
  expect(await plans()).toEqual(['pro', 'starter', 'starter']);
  await refill({ starter: 2, pro: 1 });
  expect(await plans()).toEqual(['pro', 'starter', 'starter']);
  await refill({ starter: 1, enterprise: 1 });
  expect(await plans()).toEqual(['enterprise', 'starter']);
  await refill({ starter: 0 });
  expect(await plans()).toEqual([]);
});

test('a workspace takes the member of its own size, which needs no restart, and else the nearest', async () => {
  await refill({ starter: 1, pro: 1, enterprise: 1 });
  // The order in which they came decides nothing between sizes.
  for (const plan of ['enterprise', 'starter', 'pro']) await ready(plan);
  expect(await claimed('pro')).toBe(true);
  expect(await plans()).toEqual(['enterprise', 'starter']);
  expect(await claimed('pro')).toBe(true);
  expect(await plans()).toEqual(['enterprise']);
  expect(await claimed('starter')).toBe(true);
  expect(await claimed('starter')).toBe(false);
});

test('a plan that there is not any more keeps the members of others from nobody', async () => {
  await refill({ starter: 1, huge: 1 });
  expect(await plans()).toEqual(['starter']);
  await refill({ pro: 1, huge: 1 });
  expect(await plans()).toEqual(['pro']);
});

test('members stay while no server has told how many there are to be', async () => {
  await refill({ starter: 1 });
  let ended = 0;
  await using _engine = await startEngine({
    database: test1.database,
    registrations: [register(poolReconciler('local'))],
    clock: systemClock,
    log: silentLogger,
    observer: { runEnded: () => void ended++ },
  });
  await until(async () => ended > 0);
  expect(await plans()).toEqual(['starter']);
});

test('the pool follows the setting of the server that started last, within seconds', async () => {
  const agree = (sizes: Record<string, number>) => test1.database.asWorker((tx) => agreePoolSizes(tx, sizes));
  const wishes = async () =>
    (await database(sql<{ wishes: string }>`select wishes from reconcile_queue where kind = 'pool'`))[0]
      ?.wishes;
  await agree({ starter: 1, pro: 0 });
  const registrations = [register(poolReconciler('local'))];
  await using _engine = await startEngine({
    database: test1.database,
    registrations,
    clock: systemClock,
    log: silentLogger,
  });
  await until(async () => (await plans()).join() === 'starter');
  const asked = await wishes();
  await Promise.all([agree({ starter: 1 }), agree({ pro: 0, starter: 1 })]);
  expect(await wishes()).toBe(asked);
  await agree({ pro: 2 });
  await until(async () => (await plans()).join() === 'pro,pro');
  await agree({ starter: 0 });
  await until(async () => (await plans()).length === 0);
});

const database = <T>(query: ReturnType<typeof sql<T>>): Promise<T[]> =>
  test1.database.asWorker(async (tx) => (await query.execute(tx)).rows);

/** Releases of what is there and stays, the youngest last; null for one that is being made. */
async function releases(): Promise<(string | null)[]> {
  const rows = await database(sql<{ release: string | null }>`
    select release from pool_members where deletion_requested_at is null order by created_at, id`);
  return rows.map(({ release }) => release);
}

/** All that were begun are ready with this release. */
const madeWith = (release: string) =>
  database(sql`update pool_members set release = ${release}, ready_at = now() where ready_at is null`);

test('members with another release than is offered are replaced, one after the other', async () => {
  await refill({ starter: 3 });
  await madeWith('old');
  await database(sql`insert into release_offers (host_cluster_id, release) values (null, 'old')`);
  await refill({ starter: 3 });
  expect(await releases()).toEqual(['old', 'old', 'old']);
  await database(sql`insert into release_offers (host_cluster_id, release, first_offered_at)
    values (null, 'new', now() + interval '1 second')`);
  // A server that was not updated yet may have made them just now, and would make the next ones too.
  await refill({ starter: 3 });
  expect(await releases()).toEqual(['old', 'old', 'old']);
  await database(sql`update pool_members set created_at = created_at - interval '11 minutes'`);
  await refill({ starter: 3 });
  await refill({ starter: 3 });
  expect(await releases()).toEqual(['old', 'old', null]);
  await madeWith('new');
  await refill({ starter: 3 });
  expect(await releases()).toEqual(['old', 'new', null]);
  await madeWith('new');
  await refill({ starter: 3 });
  await madeWith('new');
  await refill({ starter: 3 });
  expect(await releases()).toEqual(['new', 'new', 'new']);
});

test('a release that a workspace had to go back from is given to nobody new, also not by the pool', async () => {
  await refill({ starter: 2 });
  await madeWith('broken');
  await database(sql`insert into release_offers (host_cluster_id, release) values (null, 'broken')`);
  const id = await requestWorkspace(test1.database, organizationId);
  await database(sql`update workspaces set refused_release = 'broken' where id = ${id}`);
  // As long as no other one is known they would be made with it again and again.
  await refill({ starter: 2 });
  expect(await releases()).toEqual(['broken', 'broken']);
  await database(sql`update workspaces set settled_release = 'old' where id = ${id}`);
  await refill({ starter: 2 });
  expect(await claimed('starter')).toBe(false);
  expect(await releases()).toEqual([null, null]);
  // They were made with one that works, and stay although another is offered.
  await madeWith('old');
  await refill({ starter: 2 });
  expect(await releases()).toEqual(['old', 'old']);
});

test('a member that does not answer any more is given to nobody until it does', async () => {
  await using stack = new AsyncDisposableStack();
  const cluster = stack.use(await memoryCluster(test1.admin));
  let isDown = false;
  const driver: ClusterDriver = {
    ...cluster.driver,
    async observeTenant(id, call) {
      const state = await cluster.driver.observeTenant(id, call);
      return state.kind === 'present' && isDown ? { ...state, ready: false } : state;
    },
  };
  cluster.releases.newest = 'first';
  const deps = { driver, issuer: 'https://hexabase.example/oidc', clock: systemClock };
  const registrations = [register(poolMemberReconciler(deps))];
  const engine = await startEngine({
    database: test1.database,
    registrations,
    clock: systemClock,
    log: silentLogger,
  });
  stack.use(engine);
  const look = () =>
    database(sql`update reconcile_queue set due_at = now() where kind = 'pool-member'`).then(() =>
      engine.wake(),
    );
  const seen = (condition: ReturnType<typeof sql>) =>
    until(async () => (await database(sql`select 1 from pool_members where ${condition}`))[0]);
  await refill({ starter: 1 });
  await look();
  await seen(sql`ready_at is not null and release = 'first'`);
  isDown = true;
  await look();
  await seen(sql`ready_at is null and unready_since is not null`);
  expect(await claimed('starter')).toBe(false);
  // It is not late yet, however long ago it was made.
  await database(sql`update pool_members set created_at = now() - interval '2 days'`);
  await refill({ starter: 1 });
  expect(await releases()).toEqual(['first']);
  isDown = false;
  await look();
  await seen(sql`ready_at is not null and unready_since is null`);
  expect(await claimed('starter')).toBe(true);
});

import { sql } from 'kysely';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { OrganizationId } from '@hexabase/kernel/id.ts';
import { givenOrganization } from '@hexabase/testkit/given.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import { claimPoolMember } from '../store.ts';
import { refillPool } from './pool-store.ts';

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

test('a plan that there is not is told by its name, and nothing is made', async () => {
  await expect(refill({ starter: 1, huge: 1 })).rejects.toThrow('HKS_WARM_POOL names the plan huge');
  expect(await plans()).toEqual([]);
});

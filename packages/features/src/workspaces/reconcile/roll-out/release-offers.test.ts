import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '@hexabase/kernel/clock.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { givenOrganization, requestWorkspace } from '@hexabase/testkit/given.ts';
import { memoryCluster, type MemoryCluster } from '@hexabase/testkit/memory-cluster.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import { runRollOut } from './roll-out.ts';

let test1: TestDatabase;
let cluster: MemoryCluster;

beforeAll(async () => {
  test1 = await testDatabase();
  cluster = await memoryCluster(test1.admin);
  const organization = await givenOrganization(test1.database);
  await requestWorkspace(test1.database, organization);
  await sitsAt('old');
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  await test1[Symbol.asyncDispose]();
});

/** It was brought there, and is well. */
async function sitsAt(release: string): Promise<void> {
  await test1.database.asWorker((tx) =>
    sql`update workspaces set release = ${release}, settled_release = ${release}, phase = 'active',
      observed_generation = generation`.execute(tx),
  );
}

/** A look of a server whose settings give this release: how many workspaces it begins to bring there. */
async function serverWith(release: string): Promise<number> {
  const driver = { ...cluster.driver, newestRelease: async () => release };
  const begun = await runRollOut({
    database: test1.database,
    driver,
    clock: systemClock,
    log: silentLogger,
  });
  if (begun > 0) await sitsAt(release);
  return begun;
}

/** Nobody had it for so long that it is forgotten. */
async function isForgotten(release: string): Promise<void> {
  await test1.database.asWorker((tx) =>
    sql`update release_offers set last_offered_at = now() - interval '11 minutes' where release = ${release}`.execute(
      tx,
    ),
  );
}

test('of two servers with different settings one wins, and old settings win again when the new ones are gone', async () => {
  expect(await serverWith('old')).toBe(0);
  expect(await serverWith('new')).toBe(1);
  for (let round = 0; round < 3; round++) {
    expect(await serverWith('old')).toBe(0);
    expect(await serverWith('new')).toBe(0);
  }
  await isForgotten('new');
  expect(await serverWith('old')).toBe(1);
  // What nobody had any more is new when somebody brings it again, also beside the other.
  expect(await serverWith('new')).toBe(1);
  expect(await serverWith('old')).toBe(0);
});

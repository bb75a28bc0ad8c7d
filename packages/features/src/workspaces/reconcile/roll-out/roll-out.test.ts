import { sql } from 'kysely';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { TenantConflictError, type ClusterDriver } from '@hexabase/cluster/port.ts';
import { systemClock } from '@hexabase/kernel/clock.ts';
import { createKeyVault } from '@hexabase/kernel/key-vault.ts';
import { newId, type OrganizationId, type WorkspaceId } from '@hexabase/kernel/id.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { startEngine } from '@hexabase/reconcile/engine.ts';
import { register } from '@hexabase/reconcile/registration.ts';
import { givenOrganization, requestOfWorkspace, requestWorkspace, until } from '@hexabase/testkit/given.ts';
import { brokenRelease, memoryCluster, type MemoryCluster } from '@hexabase/testkit/memory-cluster.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import { workspaceReconciler } from '../workspace-reconciler.ts';
import { runRollOut } from './roll-out.ts';

let test1: TestDatabase;
let cluster: MemoryCluster;
let stack: AsyncDisposableStack;
let organization: OrganizationId;
/** A release that does not have what runs. */
const lacking = 'lacking';
/** How far the reconcilers' clock is ahead. */
let aheadMs = 0;
const clock = { now: () => systemClock.now() + aheadMs };

beforeEach(async () => {
  aheadMs = 0;
  stack = new AsyncDisposableStack();
  test1 = stack.use(await testDatabase());
  const { database, admin, masterKey } = test1;
  cluster = stack.use(await memoryCluster(admin));
  cluster.releases.newest = 'first';
  organization = await givenOrganization(database);
  const issuer = 'https://hexabase.example/oidc';
  const driver: ClusterDriver = {
    ...cluster.driver,
    async ensureTenant(spec, call) {
      if (spec.release === lacking)
        throw new TenantConflictError('It does not offer 1.34.', { reason: 'VersionNotOffered' });
      await cluster.driver.ensureTenant(spec, call);
    },
  };
  const deps = { driver, issuer, clock, vault: createKeyVault(masterKey), database };
  const registrations = [register(workspaceReconciler(deps))];
  stack.use(await startEngine({ database, registrations, clock, log: silentLogger }));
});
afterEach(() => stack.disposeAsync());

/** Stands where there is none; no test gets there. */
const brandless = newId<'Workspace'>();

const pass = () => runRollOut({ database: test1.database, driver: cluster.driver, clock, log: silentLogger });

async function read<T>(query: ReturnType<typeof sql<T>>): Promise<T[]> {
  return test1.database.asWorker(async (tx) => (await query.execute(tx)).rows);
}

async function settled(id: WorkspaceId, release: string): Promise<void> {
  await until(
    async () =>
      (
        await read(sql`select 1 from workspaces where id = ${id} and settled_release = ${release} and release = ${release}
          and phase = 'active' and generation = observed_generation`)
      )[0],
  );
}

/** Made one after the other: that is the order in which they are taken. */
async function workspaces(count: number): Promise<WorkspaceId[]> {
  const ids: WorkspaceId[] = [];
  while (ids.length < count) {
    const id = await requestWorkspace(test1.database, organization);
    await settled(id, 'first');
    ids.push(id);
  }
  return ids;
}

async function having(release: string): Promise<string[]> {
  const call = { signal: AbortSignal.timeout(10_000) };
  const ids = (await cluster.driver.listTenants(call)).map(({ workspaceId }) => workspaceId);
  const states = await Promise.all(ids.map((id) => cluster.driver.observeTenant(id, call)));
  return ids.filter((_, at) => Object(states[at]).release === release).toSorted();
}

test('settings that changed change nothing that runs: not by drift repair, a new plan, sleep or waking', async () => {
  const [id] = await workspaces(1);
  if (!id) throw new Error('there is no workspace');
  cluster.releases.newest = 'second';
  const writes = (await cluster.writes()).length;
  await read(sql`select hexabase.enqueue('workspace', ${id})`);
  await until(async () => (await cluster.writes()).length > writes);
  await requestOfWorkspace(test1.database, id, { plan: 'enterprise' });
  await settled(id, 'first');
  await requestOfWorkspace(test1.database, id, 'sleep');
  await until(async () => (await read(sql`select 1 from workspaces where phase = 'asleep'`))[0]);
  expect(await pass()).toBe(0);
  await requestOfWorkspace(test1.database, id, 'wake');
  await settled(id, 'first');
  expect(await having('first')).toEqual([id]);
});

test('a new release goes to one workspace first and to others when that one is well', async () => {
  const ids = await workspaces(5);
  cluster.releases.newest = 'second';
  expect(await pass()).toBe(1);
  // The first one may still be under way.
  expect((await having('second')).length).toBeLessThanOrEqual(1);
  await until(async () => (await having('second')).includes(ids[0] ?? ''));
  await settled(ids[0] ?? brandless, 'second');
  expect(await pass()).toBe(3);
  for (const id of ids.slice(1, 4)) await settled(id, 'second');
  expect(await having('first')).toEqual([ids[4]]);
  expect(await pass()).toBe(1);
  await settled(ids[4] ?? brandless, 'second');
  expect(await pass()).toBe(0);
});

test('a release that is not healthy goes back, says why, and goes to nobody else until it is another one', async () => {
  const [one = brandless, other = brandless] = await workspaces(2);
  cluster.releases.newest = brokenRelease;
  expect(await pass()).toBe(1);
  await until(
    async () => (await read(sql`select 1 from workspaces where conditions @> '[{"type": "Upgraded"}]'`))[0],
  );
  aheadMs = 11 * 60_000;
  await settled(one, 'first');
  const [operation] = await read(sql`select state, message from operations where kind = 'workspace.upgrade'`);
  expect(operation).toEqual({
    state: 'failed',
    message: expect.stringMatching(
      /^release broken of the control plane was not healthy after 11 minutes \(.*\); going back to release first$/,
    ),
  });
  expect(await having(brokenRelease)).toEqual([]);
  expect(await pass()).toBe(0);
  expect(await having('first')).toEqual([one, other].toSorted());
  cluster.releases.newest = 'second';
  expect(await pass()).toBe(1);
  await settled(one, 'second');
  expect(await pass()).toBe(1);
  await settled(other, 'second');
});

test('a new version of Kubernetes that fails takes its release back and does not stop that for others', async () => {
  const [one = brandless] = await workspaces(2);
  cluster.releases.newest = 'second';
  await requestOfWorkspace(test1.database, one, { upgradeTo: '1.36' });
  await read(sql`update workspaces set release = 'second' where id = ${one}`);
  await until(
    async () => (await read(sql`select 1 from workspaces where conditions @> '[{"type": "Upgraded"}]'`))[0],
  );
  aheadMs = 11 * 60_000;
  await settled(one, 'first');
  expect(await pass()).toBe(1);
});

test('a release that a workspace cannot have stops there too, with the reason', async () => {
  const [one = brandless] = await workspaces(2);
  cluster.releases.newest = lacking;
  expect(await pass()).toBe(1);
  await settled(one, 'first');
  const [row] = await read(
    sql<{ conditions: { type: string }[] }>`select conditions from workspaces where id = ${one}`,
  );
  expect(row?.conditions.find(({ type }) => type === 'Upgraded')).toMatchObject({
    status: 'False',
    reason: 'RolledBack',
    message:
      'release lacking of the control plane was refused (It does not offer 1.34); going back to release first',
  });
  expect(await pass()).toBe(0);
});

import { sql } from 'kysely';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  TenantConflictError,
  type ClusterDriver,
  type TenantSpec,
  type Unsettled,
} from '@hexabase/cluster/port.ts';
import { systemClock } from '@hexabase/kernel/clock.ts';
import type { OrganizationId, WorkspaceId } from '@hexabase/kernel/id.ts';
import { createKeyVault } from '@hexabase/kernel/key-vault.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { startEngine } from '@hexabase/reconcile/engine.ts';
import { register } from '@hexabase/reconcile/registration.ts';
import {
  givenOrganization,
  requestWorkspace,
  requestWorkspaceUpdate,
  until,
} from '@hexabase/testkit/given.ts';
import { memoryCluster, type MemoryCluster } from '@hexabase/testkit/memory-cluster.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import { takeAnew } from '../../life-cycle/take-anew-store.ts';
import { workspaceReconciler } from '../workspace-reconciler.ts';
import { runRollOut } from './roll-out.ts';

let db: TestDatabase;
let cluster: MemoryCluster;
let stack: AsyncDisposableStack;
let organization: OrganizationId;
/** What the host refuses to write; the rest is as the memory cluster has it. */
let obstacle: (spec: TenantSpec) => Error | null;
/** What tenants with the second release lack. */
let lacks: (id: WorkspaceId) => Unsettled | null;
let aheadMs = 0;
const clock = { now: () => systemClock.now() + aheadMs };
const call = () => ({ signal: AbortSignal.timeout(10_000) });

beforeEach(async () => {
  aheadMs = 0;
  obstacle = () => null;
  lacks = () => null;
  stack = new AsyncDisposableStack();
  db = stack.use(await testDatabase());
  const { database, admin, masterKey } = db;
  cluster = stack.use(await memoryCluster(admin));
  cluster.releases.newest = 'first';
  organization = await givenOrganization(database);
  const driver: ClusterDriver = {
    ...cluster.driver,
    async ensureTenant(spec, how) {
      const error = obstacle(spec);
      if (error) throw error;
      await cluster.driver.ensureTenant(spec, how);
    },
    async unsettled(id, how) {
      const state = await cluster.driver.observeTenant(id, how);
      return state.kind === 'present' && state.release === 'second' ? lacks(id) : null;
    },
  };
  const deps = { driver, issuer: 'https://hexabase.example/oidc', clock };
  const registrations = [
    register(workspaceReconciler({ ...deps, vault: createKeyVault(masterKey), database })),
  ];
  stack.use(await startEngine({ database, registrations, clock, log: silentLogger }));
});
afterEach(() => stack.disposeAsync());

const pass = () => runRollOut({ database: db.database, driver: cluster.driver, clock, log: silentLogger });
const read = <T>(query: ReturnType<typeof sql<T>>): Promise<T[]> =>
  db.database.asWorker(async (tx) => (await query.execute(tx)).rows);

async function settled(id: WorkspaceId, release: string): Promise<void> {
  await until(
    async () =>
      (
        await read(sql`select 1 from workspaces where id = ${id} and settled_release = ${release}
          and release = ${release} and phase = 'active' and generation = observed_generation`)
      )[0],
  );
}

async function given(): Promise<WorkspaceId> {
  const id = await requestWorkspace(db.database, organization);
  await settled(id, 'first');
  return id;
}

/** The next one gets the release, and has not its DNS when its time is over. */
async function goesBackWithoutDns(id: WorkspaceId): Promise<void> {
  expect(await pass()).toBe(1);
  await until(
    async () =>
      (
        await read(sql`select 1 from workspaces where id = ${id}
          and conditions @> '[{"type": "Upgraded", "status": "Unknown", "reason": "Progressing"}]'`)
      )[0],
  );
  aheadMs = 11 * 60_000;
  await settled(id, 'first');
  aheadMs = 0;
}

const notes = (id: WorkspaceId) =>
  read(sql`select refused_release as refused, too_far_for as "tooFar",
    jsonb_path_query_first(conditions, '$[*] ? (@.type == "Upgraded")') ->> 'reason' as reason
    from workspaces where id = ${id}`);

test('a lost tenant that a release should go to holds it up for nobody, and is made anew with the newest', async () => {
  const one = await given();
  const other = await given();
  await cluster.driver.removeTenant(one, Number.MAX_SAFE_INTEGER, call());
  cluster.releases.newest = 'second';
  expect(await pass()).toBe(1);
  await until(
    async () =>
      (
        await read(sql`select 1 from workspaces where id = ${one} and phase in ('failed', 'degraded')
          and conditions @> '[{"type": "Synced", "reason": "TenantLost"}, {"type": "Stalled", "status": "True"}]'`)
      )[0],
  );
  expect(await notes(one)).toEqual([{ refused: null, tooFar: 'second', reason: 'TenantLost' }]);
  expect(await pass()).toBe(1);
  await settled(other, 'second');
  await settled(await requestWorkspace(db.database, organization), 'second');

  // As on another host cluster: nothing there knows the release that it had.
  obstacle = ({ release }) =>
    release === 'first'
      ? new TenantConflictError('There is no record of release first.', { reason: 'ReleaseGone' })
      : null;
  await db.database.asWorker((tx) => takeAnew(tx, one));
  await requestWorkspaceUpdate(db.database, one);
  await settled(one, 'second');
  expect(await notes(one)).toMatchObject([{ refused: null, tooFar: null }]);
});

test('one whose DNS is not well keeps its release and holds up nobody; a second one stops the roll-out there', async () => {
  const [one, other, third, last] = [await given(), await given(), await given(), await given()];
  cluster.releases.newest = 'second';
  lacks = (id) => (id === other ? null : { why: 'its DNS does not run', isOurs: false });
  await goesBackWithoutDns(one);
  expect(await notes(one)).toEqual([{ refused: null, tooFar: 'second', reason: 'DnsNotWell' }]);
  expect(await pass()).toBe(1);
  await settled(other, 'second');
  await read(sql`update workspaces set asleep = true where id = ${last}`);
  await goesBackWithoutDns(third);
  expect(await notes(third)).toEqual([{ refused: 'second', tooFar: 'second', reason: 'DnsNotWell' }]);
  await read(sql`update workspaces set asleep = false where id = ${last}`);
  expect(await pass()).toBe(0);
});

test('a release whose own image of the DNS cannot be had is refused with the first one', async () => {
  const one = await given();
  await given();
  cluster.releases.newest = 'second';
  lacks = () => ({ why: 'its DNS does not run', isOurs: true });
  await goesBackWithoutDns(one);
  expect(await notes(one)).toEqual([{ refused: 'second', tooFar: null, reason: 'RolledBack' }]);
  expect(await pass()).toBe(0);
});

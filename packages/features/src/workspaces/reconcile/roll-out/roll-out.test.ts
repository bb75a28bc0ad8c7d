import { sql } from 'kysely';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { KubeCallError, KubeRefusal } from '@hexabase/cluster/kube-api/call-errors.ts';
import { TenantConflictError, type ClusterDriver, type TenantSpec } from '@hexabase/cluster/port.ts';
import { adviceFor } from '@hexabase/contract/advice/condition-advice.ts';
import { systemClock } from '@hexabase/kernel/clock.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
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
/** What stands between the product and the host: an error for what is not to be written. */
let obstacle: (spec: TenantSpec) => Error | null = () => null;
/** Sentences of the log. */
const logged: string[] = [];
/** How far the reconcilers' clock is ahead. */
let aheadMs = 0;
const clock = { now: () => systemClock.now() + aheadMs };

beforeEach(async () => {
  aheadMs = 0;
  obstacle = () => null;
  logged.length = 0;
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
      const error = obstacle(spec);
      if (error) throw error;
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

const note = (_fields: unknown, sentence: string) => void logged.push(sentence);
const log = { ...silentLogger, warn: note, error: note };

const pass = () => runRollOut({ database: test1.database, driver: cluster.driver, clock, log });

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

/** An upgrade has been begun, and its time runs. */
async function underWay(): Promise<void> {
  await until(
    async () => (await read(sql`select 1 from workspaces where conditions @> '[{"type": "Upgraded"}]'`))[0],
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
  await underWay();
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

/** The first of two workspaces is too far behind for the chart of `far`, the newest release, and was put back. */
async function oneTooFar(): Promise<[WorkspaceId, WorkspaceId]> {
  const [one = brandless, other = brandless] = await workspaces(2);
  cluster.releases.newest = 'far';
  obstacle = ({ workspaceId, release }) =>
    workspaceId === one && release === 'far'
      ? new TenantConflictError('Bring the one between first.', { reason: 'ChartTooFar' })
      : null;
  expect(await pass()).toBe(1);
  await settled(one, 'first');
  return [one, other];
}

test('one that is too far behind for the chart of a release keeps what it has, says so, and holds up nobody', async () => {
  const [one, other] = await oneTooFar();
  const [said] = await read<{ conditions: { type: string }[] }>(
    sql`select conditions from workspaces where id = ${one}`,
  );
  expect(said?.conditions.find(({ type }) => type === 'Upgraded')).toMatchObject({
    status: 'False',
    reason: 'ChartTooFar',
    message:
      'release far of the control plane was refused (Bring the one between first); going back to release first',
  });
  expect(await pass()).toBe(1);
  await settled(other, 'far');
  await settled(await requestWorkspace(test1.database, organization), 'far');
  expect(await pass()).toBe(0);
  cluster.releases.newest = 'between';
  // Others show that it works before the one that was left behind.
  expect(await pass()).toBe(1);
  expect(await read(sql`select id from workspaces where release = 'between'`)).toEqual([{ id: other }]);
  await brought(one, 'between');
  // From there the newest is no more than one step away.
  obstacle = () => null;
  cluster.releases.newest = 'far';
  await test1.database.asWorker((tx) =>
    sql`delete from release_offers where release = 'between'`.execute(tx),
  );
  await brought(one, 'far');
});

/** However many passes it takes. */
async function brought(id: WorkspaceId, release: string): Promise<void> {
  await until(async () => {
    await pass();
    return (await having(release)).includes(id);
  });
  await settled(id, release);
}

test('one that falls asleep on its way to the chart between stops nothing when the newest comes again', async () => {
  const [one, other] = await oneTooFar();
  obstacle = ({ release }) =>
    release === 'between' ? new KubeCallError('unreachable', 'the host does not answer') : null;
  await read(sql`update workspaces set release = 'between', generation = generation + 1 where id = ${one}`);
  await requestOfWorkspace(test1.database, one, 'sleep');
  cluster.releases.newest = 'far';
  expect(await pass()).toBe(1);
  await settled(other, 'far');
  expect(logged).not.toContain('a roll-out has stopped: a workspace went back from it');
});

test('one that went back from a release and is being deleted does not stop it for others', async () => {
  const [one = brandless, other = brandless] = await workspaces(2);
  await read(
    sql`update workspaces set refused_release = 'second', deletion_requested_at = now() where id = ${one}`,
  );
  cluster.releases.newest = 'second';
  expect(await pass()).toBe(1);
  await settled(other, 'second');
});

test('a new version of Kubernetes that fails takes its release back and does not stop that for others', async () => {
  const [one = brandless] = await workspaces(2);
  cluster.releases.newest = 'second';
  await requestOfWorkspace(test1.database, one, { upgradeTo: '1.36' });
  await read(sql`update workspaces set release = 'second' where id = ${one}`);
  await underWay();
  aheadMs = 11 * 60_000;
  await settled(one, 'first');
  expect(await pass()).toBe(1);
});

test('a release that a workspace cannot have stops there too, with the reason', async () => {
  const [one = brandless] = await workspaces(2);
  cluster.releases.newest = 'second';
  obstacle = ({ release }) =>
    release === 'second'
      ? new TenantConflictError('It does not offer 1.34.', { reason: 'VersionNotOffered' })
      : null;
  expect(await pass()).toBe(1);
  await settled(one, 'first');
  expect(await upgradedOf(one)).toMatchObject({
    status: 'False',
    reason: 'RolledBack',
    message:
      'release second of the control plane was refused (It does not offer 1.34); going back to release first',
  });
  expect(await pass()).toBe(0);
});

async function upgradedOf(id: WorkspaceId): Promise<unknown> {
  const [row] = await read(
    sql<{ conditions: { type: string }[] }>`select conditions from workspaces where id = ${id}`,
  );
  return row?.conditions.find(({ type }) => type === 'Upgraded');
}

/** As the driver says what its host answered, or that nothing came. */
function ofHost(cause: Error): AppError {
  return new AppError('cluster_unavailable', { message: 'The host cluster stand says no', cause });
}

/** Lets all that failed be tried again now. */
async function tryAgain(): Promise<void> {
  await read(sql`select hexabase.enqueue('workspace', id) from workspaces`);
}

const invalid = 'StatefulSet "x" is invalid: spec.serviceName: field is immutable';
const forbidden = 'clusterroles "x" is forbidden: attempting to grant RBAC permissions not currently held';

/** What the host answers to whoever brings the second release. */
function refuses(status: number, message: string): (spec: TenantSpec) => Error | null {
  const error = ofHost(new KubeRefusal('ClusterRole x', { status, body: { message } }));
  return ({ release }) => (release === 'second' ? error : null);
}

/** Has been tried twice and is not given up. */
async function isTriedAgain(id: WorkspaceId, reason: string): Promise<void> {
  await until(async () => {
    await tryAgain();
    return (
      await read(sql`select 1 from workspaces w join reconcile_queue q on q.key = w.id and q.attempts > 1
        where w.id = ${id} and release = 'second' and conditions @> ${JSON.stringify([{ type: 'Synced', reason }])}::jsonb`)
    )[0];
  });
}

test('a release that the host finds invalid goes back at once', async () => {
  const [one = brandless] = await workspaces(2);
  cluster.releases.newest = 'second';
  obstacle = refuses(422, invalid);
  expect(await pass()).toBe(1);
  await settled(one, 'first');
  expect(await upgradedOf(one)).toMatchObject({
    status: 'False',
    message: `release second of the control plane was refused (ClusterRole x: ${invalid}); going back to release first`,
  });
  logged.length = 0;
  expect(await pass()).toBe(0);
  expect(logged).toEqual(['a roll-out has stopped: a workspace went back from it']);
});

test('a release that the host does not permit goes back when it still does not two minutes later', async () => {
  const [one = brandless] = await workspaces(2);
  cluster.releases.newest = 'second';
  obstacle = refuses(403, forbidden);
  expect(await pass()).toBe(1);
  await isTriedAgain(one, 'StepFailed');
  aheadMs = 3 * 60_000;
  await tryAgain();
  await settled(one, 'first');
  expect(await upgradedOf(one)).toMatchObject({
    status: 'False',
    message: `release second of the control plane was refused (ClusterRole x: ${forbidden}); going back to release first`,
  });
  expect(await pass()).toBe(0);
});

test.each([
  ['permits nothing when it has just started', refuses(403, forbidden)],
  ['fails when it has just started', refuses(500, 'etcdserver: leader changed')],
])('a host that was away for long and %s is no fault of the release', async (_what, justStarted) => {
  const [one = brandless] = await workspaces(1);
  cluster.releases.newest = 'second';
  obstacle = ({ release }) =>
    release === 'second' ? ofHost(new KubeCallError('unreachable', 'no route')) : null;
  expect(await pass()).toBe(1);
  await isTriedAgain(one, 'HostAway');
  aheadMs = 60 * 60_000;
  obstacle = justStarted;
  await isTriedAgain(one, 'StepFailed');
  obstacle = () => null;
  await tryAgain();
  await settled(one, 'second');
});

test('a release that cannot be written for another reason goes back after ten minutes, and the log says who is waited for', async () => {
  const [one = brandless] = await workspaces(2);
  cluster.releases.newest = 'second';
  obstacle = ({ release }) =>
    release === 'second'
      ? ofHost(new KubeRefusal('Secret x', { status: 500, body: 'a webhook is away' }))
      : null;
  expect(await pass()).toBe(1);
  await until(async () => {
    await tryAgain();
    return (await read(sql`select 1 from workspaces where id = ${one} and phase = 'degraded'`))[0];
  });
  logged.length = 0;
  expect(await pass()).toBe(0);
  expect(logged).toEqual(['a roll-out waits for a workspace that is not well']);
  aheadMs = 11 * 60_000;
  await until(async () => {
    await tryAgain();
    return (await read(sql`select 1 from workspaces where id = ${one} and refused_release = 'second'`))[0];
  });
  await settled(one, 'first');
});

test('a host that does not answer is no fault of the release that it should get', async () => {
  const [one = brandless] = await workspaces(1);
  cluster.releases.newest = 'second';
  let calls = 0;
  obstacle = ({ release }) => {
    if (release === 'second') calls++;
    return release === 'second' ? ofHost(new KubeCallError('unreachable', 'no route')) : null;
  };
  expect(await pass()).toBe(1);
  await until(async () => calls > 0 || undefined);
  aheadMs = 60 * 60_000;
  const before = calls;
  await until(async () => {
    await tryAgain();
    return calls > before + 1 || undefined;
  });
  obstacle = () => null;
  await until(async () => {
    await tryAgain();
    return (await read(sql`select 1 from workspaces where id = ${one} and settled_release = 'second'`))[0];
  });
});

test('one that is put to sleep in the middle of its upgrade holds up nobody, and goes on when it wakes', async () => {
  const [one = brandless, other = brandless] = await workspaces(2);
  cluster.releases.newest = brokenRelease;
  expect(await pass()).toBe(1);
  await underWay();
  await requestOfWorkspace(test1.database, one, 'sleep');
  await until(async () => (await read(sql`select 1 from workspaces where phase = 'asleep'`))[0]);
  cluster.releases.newest = 'second';
  expect(await pass()).toBe(1);
  await settled(other, 'second');
  await requestOfWorkspace(test1.database, one, 'wake');
  await until(async () => (await read(sql`select 1 from workspaces where id = ${one} and not asleep`))[0]);
  aheadMs = 11 * 60_000;
  await settled(one, 'first');
  expect(await pass()).toBe(1);
  await settled(one, 'second');
});

test.each([
  ['woken', 'wake'],
  ['given another plan', { plan: 'enterprise' }],
] as const)(
  'a workspace whose release is recorded nowhere any more is mended by the newest one, also when it is %s',
  async (_what, wish) => {
    const [one = brandless] = await workspaces(1);
    if (wish === 'wake') {
      await requestOfWorkspace(test1.database, one, 'sleep');
      await until(async () => (await read(sql`select 1 from workspaces where phase = 'asleep'`))[0]);
    }
    cluster.releases.newest = 'second';
    obstacle = ({ release }) =>
      release === 'first'
        ? new TenantConflictError('There is no record of release first.', { reason: 'ReleaseGone' })
        : null;
    await requestOfWorkspace(test1.database, one, wish);
    await until(
      async () =>
        (await read(sql`select 1 from workspaces where conditions @> '[{"reason": "ReleaseGone"}]'`))[0],
    );
    expect(await pass()).toBe(1);
    await settled(one, 'second');
    const [row] = await read(sql`select plan, settled_plan from workspaces where id = ${one}`);
    const plan = wish === 'wake' ? 'pro' : 'enterprise';
    expect(row).toEqual({ plan, settled_plan: plan });
  },
);

test('a workspace whose release is recorded nowhere and that is too far behind says both, and what waits for whom', async () => {
  const [one = brandless] = await workspaces(1);
  cluster.releases.newest = 'far';
  const refusals: Readonly<Record<string, TenantConflictError>> = {
    first: new TenantConflictError('There is no record of release first.', { reason: 'ReleaseGone' }),
    far: new TenantConflictError('Bring the one between first.', { reason: 'ChartTooFar' }),
  };
  obstacle = ({ release }) => refusals[release ?? ''] ?? null;
  await requestOfWorkspace(test1.database, one, { plan: 'enterprise' });
  const says = async (...reasons: string[]) => {
    const told = JSON.stringify(reasons.map((reason) => ({ reason, status: 'False' })));
    return (await read(sql`select 1 from workspaces where conditions @> ${told}::jsonb`))[0];
  };
  await until(() => says('ReleaseGone'));
  expect(await pass()).toBe(1);
  await until(() => says('ReleaseGone', 'ChartTooFar'));
  const workspace = { id: one, slug: 'x', isolation: 'shared' } as const;
  expect(adviceFor({ type: 'Synced', status: 'False', reason: 'ReleaseGone' }, workspace)).toMatch(
    /ChartTooFar is told too, waiting does not help/,
  );
  expect(await pass()).toBe(0);
  cluster.releases.newest = 'between';
  await brought(one, 'between');
  expect(await says('ReleaseGone')).toBeUndefined();
});

test('workspaces that were made with the new release do not stand for those that must get there', async () => {
  await workspaces(4);
  cluster.releases.newest = 'second';
  await settled(await requestWorkspace(test1.database, organization), 'second');
  expect(await pass()).toBe(1);
});

test('a release that somebody went back from is not given to new workspaces there', async () => {
  const [one = brandless] = await workspaces(1);
  cluster.releases.newest = brokenRelease;
  expect(await pass()).toBe(1);
  await underWay();
  aheadMs = 11 * 60_000;
  await settled(one, 'first');
  await settled(await requestWorkspace(test1.database, organization), 'first');
  cluster.releases.newest = 'second';
  await settled(await requestWorkspace(test1.database, organization), 'second');
});

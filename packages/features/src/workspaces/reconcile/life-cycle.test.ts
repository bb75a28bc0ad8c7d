import { sql } from 'kysely';
import { Client } from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '@hexabase/kernel/clock.ts';
import { createKeyVault } from '@hexabase/kernel/key-vault.ts';
import type { Condition } from '@hexabase/kernel/conditions.ts';
import type { OrganizationId, WorkspaceId } from '@hexabase/kernel/id.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { startEngine } from '@hexabase/reconcile/engine.ts';
import { register } from '@hexabase/reconcile/registration.ts';
import {
  givenOrganization,
  requestOfWorkspace,
  requestProject,
  requestWorkspace,
  requestWorkspaceDeletion,
  until,
} from '@hexabase/testkit/given.ts';
import { brokenVersion, memoryCluster, type MemoryCluster } from '@hexabase/testkit/memory-cluster.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import { accessReconciler } from '../../access/reconcile/access-reconciler.ts';
import { namespacesReconciler } from '../../projects/reconcile/namespaces-reconciler.ts';
import { projectReconciler } from '../../projects/reconcile/project-reconciler.ts';
import { noteUse } from '../store.ts';
import { runWorkspaceClock } from './clock.ts';
import { workspaceReconciler } from './workspace-reconciler.ts';

let test1: TestDatabase;
let cluster: MemoryCluster;
let stack: AsyncDisposableStack;
let organization: OrganizationId;
/** How far the reconcilers' clock is ahead. */
let aheadMs = 0;

beforeEach(async () => {
  aheadMs = 0;
  stack = new AsyncDisposableStack();
  test1 = stack.use(await testDatabase());
  const { database } = test1;
  cluster = stack.use(await memoryCluster(test1.admin));
  organization = await givenOrganization(database);
  const clock = { now: () => systemClock.now() + aheadMs };
  const deps = { driver: cluster.driver, issuer: 'https://hexabase.example/oidc', clock };
  const registrations = [
    register(workspaceReconciler({ ...deps, vault: createKeyVault(test1.masterKey), database })),
    register(projectReconciler(deps)),
    register(namespacesReconciler(deps)),
    register(accessReconciler(deps)),
  ];
  stack.use(await startEngine({ database, registrations, clock, log: silentLogger }));
});
afterEach(() => stack.disposeAsync());

async function read<T>(query: ReturnType<typeof sql<T>>): Promise<T[]> {
  return test1.database.asWorker(async (tx) => (await query.execute(tx)).rows);
}

interface Row {
  phase: string;
  conditions: Condition[];
  kubernetes_version: string | null;
  running_version: string | null;
  settled_version: string | null;
  plan: string;
  settled_plan: string | null;
}

async function inPhase(id: WorkspaceId, phase: string): Promise<Row> {
  return until(
    async () =>
      (
        await read(
          sql<Row>`select * from workspaces where id = ${id} and phase = ${phase} and observed_generation = generation`,
        )
      )[0],
  );
}

async function activeWorkspace(): Promise<WorkspaceId> {
  const id = await requestWorkspace(test1.database, organization);
  await inPhase(id, 'active');
  return id;
}

async function operationEnded(kind: string): Promise<{ state: string; message: string; report: unknown }> {
  return until(
    async () =>
      (
        await read(
          sql<{
            state: string;
            message: string;
            report: unknown;
          }>`select * from operations where kind = ${kind} and state <> 'running'`,
        )
      )[0],
  );
}

/** Nobody works on it any more: the clock leaves out what somebody is just writing, until its next pass. */
async function settled(): Promise<void> {
  const atRest = sql`select 1 from reconcile_queue
    having bool_and(lease_owner is null and due_at > now() + interval '1 minute')`;
  await until(async () => (await read(atRest))[0]);
}

const conditionOf = (row: Row, type: string) => row.conditions.find((one) => one.type === type);

test('a workspace falls asleep, keeps what is in it, and wakes', async () => {
  const id = await activeWorkspace();
  await requestProject(test1.database, id, 'shop');
  await until(async () => (await read(sql`select 1 from projects where phase = 'active'`))[0]);
  await requestOfWorkspace(test1.database, id, 'sleep');
  const asleep = await inPhase(id, 'asleep');
  expect(conditionOf(asleep, 'Asleep')).toMatchObject({ status: 'True', reason: 'Asked' });
  expect(conditionOf(asleep, 'Ready')).toMatchObject({ status: 'False', reason: 'Asleep' });
  expect(await cluster.driver.observeTenant(id, { signal: AbortSignal.timeout(1000) })).toMatchObject({
    asleep: true,
    ready: false,
  });
  await requestOfWorkspace(test1.database, id, 'wake');
  const awake = await inPhase(id, 'active');
  expect(conditionOf(awake, 'Asleep')).toMatchObject({ status: 'False' });
  expect((await cluster.kubectl(id, { method: 'GET', path: '/api/v1/namespaces/shop' })).status).toBe(200);
  expect((await operationEnded('workspace.wake')).state).toBe('succeeded');
});

/** Why a step of it failed. */
async function failureIn(kind: string): Promise<string | undefined> {
  const [failure] = await read(sql<{ message: string }>`
    select e.message from operation_events e join operations o on o.id = e.operation_id
    where o.kind = ${kind} and e.kind = 'failed'`);
  return failure?.message;
}

test('a workspace that wakes is never said to be out of order', async () => {
  const id = await activeWorkspace();
  await requestOfWorkspace(test1.database, id, 'sleep');
  await inPhase(id, 'asleep');
  const phases = await phasesFromNow();
  await requestOfWorkspace(test1.database, id, 'wake');
  await inPhase(id, 'active');
  expect(await phases()).toEqual(['asleep', 'updating', 'active']);
});

test('idleness is counted from when a workspace has woken, however long that took', async () => {
  const id = await activeWorkspace();
  await requestOfWorkspace(test1.database, id, 'sleep');
  await inPhase(id, 'asleep');
  await read(sql`update workspaces set idle_minutes = 5`);
  // Its first request came ten minutes ago.
  await test1.database.asWorker((tx) => noteUse(tx, [id], Date.now()));
  aheadMs = 10 * 60_000;
  await requestOfWorkspace(test1.database, id, 'wake');
  await inPhase(id, 'active');
  const clock = { now: () => systemClock.now() + aheadMs };
  const pass = () => runWorkspaceClock({ database: test1.database, clock, log: silentLogger });
  await settled();
  expect(await pass()).toBe(0);
  aheadMs += 6 * 60_000;
  expect(await pass()).toBe(1);
});

test('a sleeping workspace is not woken by its own reconcilers, nor do they fail', async () => {
  const id = await activeWorkspace();
  const project = await requestProject(test1.database, id, 'shop');
  await until(async () => (await read(sql`select 1 from projects where phase = 'active'`))[0]);
  await requestOfWorkspace(test1.database, id, 'sleep');
  await inPhase(id, 'asleep');
  await read(sql`select hexabase.enqueue(kind, key) from (values
    ('workspace', ${id}), ('project', ${project}), ('workspace-namespaces', ${id}), ('workspace-access', ${id})) as k (kind, key)`);
  await settled();
  expect(await read(sql`select kind, last_error from reconcile_queue where last_error is not null`)).toEqual(
    [],
  );
  expect(await cluster.driver.observeTenant(id, { signal: AbortSignal.timeout(1000) })).toMatchObject({
    asleep: true,
  });
  await inPhase(id, 'asleep');
  expect(await read(sql`select phase from projects`)).toEqual([{ phase: 'active' }]);
});

test('a sleeping workspace can be deleted, and the report names clusters, projects and groups', async () => {
  const id = await activeWorkspace();
  await requestProject(test1.database, id, 'shop');
  await until(async () => (await read(sql`select 1 from projects where phase = 'active'`))[0]);
  await requestOfWorkspace(test1.database, id, 'sleep');
  await inPhase(id, 'asleep');
  await requestWorkspaceDeletion(test1.database, id);
  const { state, report } = await operationEnded('workspace.delete');
  expect(state).toBe('succeeded');
  expect(report).toMatchObject({
    left: [],
    removed: expect.arrayContaining([
      { kind: 'kubernetes-cluster', key: id },
      { kind: 'project', key: 'shop' },
      { kind: 'group', key: 'WSAdmins' },
    ]),
    checked: expect.arrayContaining(['clusters that carry our label']),
  });
});

test('an upgrade that is healthy stays', async () => {
  const id = await activeWorkspace();
  expect(await inPhase(id, 'active')).toMatchObject({
    kubernetes_version: '1.34',
    running_version: 'v1.34.0',
  });
  await requestOfWorkspace(test1.database, id, { upgradeTo: '1.35' });
  expect((await operationEnded('workspace.upgrade')).state).toBe('succeeded');
  expect(await inPhase(id, 'active')).toMatchObject({
    kubernetes_version: '1.35',
    running_version: 'v1.35.0',
  });
});

test('an upgrade that does not become healthy in its time goes back, and the operation says why', async () => {
  const id = await activeWorkspace();
  await requestOfWorkspace(test1.database, id, { upgradeTo: brokenVersion });
  await until(
    async () => (await read(sql`select 1 from workspaces where conditions @> '[{"type": "Upgraded"}]'`))[0],
  );
  aheadMs = 11 * 60_000;
  const { state, message } = await operationEnded('workspace.upgrade');
  expect({ state, message }).toEqual({
    state: 'failed',
    message: expect.stringMatching(/1\.36 was not healthy after 11 minutes .* going back to 1\.34/),
  });
  const row = await inPhase(id, 'active');
  expect(row).toMatchObject({ kubernetes_version: '1.34', running_version: 'v1.34.0' });
  expect(conditionOf(row, 'Upgraded')).toMatchObject({ status: 'False', reason: 'RolledBack' });
  expect(conditionOf(row, 'Stalled')).toMatchObject({ status: 'False' });
});

test('a smaller plan is taken when what runs fits, else the old one stays and the operation says why', async () => {
  const id = await activeWorkspace();
  const quota = (used: Record<string, string>) => ({
    method: 'POST' as const,
    path: '/api/v1/resourcequotas',
    body: { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'seen' }, status: { used } },
  });
  await cluster.kubectl(id, quota({ 'requests.cpu': '3500m', 'requests.memory': '1Gi' }));
  await requestOfWorkspace(test1.database, id, { plan: 'starter' });
  expect(await operationEnded('workspace.update')).toMatchObject({
    state: 'failed',
    message: expect.stringContaining('3.5 of 2 CPU'),
  });
  expect(await inPhase(id, 'active')).toMatchObject({ plan: 'pro', settled_plan: 'pro' });
  await requestOfWorkspace(test1.database, id, { plan: 'enterprise' });
  const larger = await inPhase(id, 'active');
  expect(larger).toMatchObject({ plan: 'enterprise', settled_plan: 'enterprise' });
  expect(conditionOf(larger, 'PlanFits')).toMatchObject({ status: 'True' });
});

test('a plan that was refused is compared again whenever the workspace is looked at, until it fits', async () => {
  const id = await activeWorkspace();
  const said = async (words: string) => {
    await read(sql`select hexabase.enqueue('workspace', ${id})`);
    return until(async () => {
      const row = await inPhase(id, 'active');
      return conditionOf(row, 'PlanFits')?.message.includes(words) && conditionOf(row, 'PlanFits');
    });
  };
  await useCpu(id, '3500m');
  await requestOfWorkspace(test1.database, id, { plan: 'starter' });
  expect(await said('3.5 of 2 CPU')).toMatchObject({ status: 'False' });
  await useCpu(id, '2500m');
  expect(await said('2.5 of 2 CPU')).toMatchObject({ status: 'False' });
  await useCpu(id, '500m');
  expect(await said('fits into the plan starter by now')).toMatchObject({ status: 'True' });
});

test('a quota that people have set beside ours does not count what runs again', async () => {
  const id = await activeWorkspace();
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } };
  await cluster.kubectl(id, { method: 'POST', path: '/api/v1/namespaces', body: namespace });
  for (const [name, cpu] of [
    ['ours', '1500m'],
    ['theirs', '1500m'],
    ['of some pods', '500m'],
  ]) {
    const quota = { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name } };
    const body = { ...quota, status: { used: { 'requests.cpu': cpu } } };
    await cluster.kubectl(id, { method: 'POST', path: '/api/v1/namespaces/shop/resourcequotas', body });
  }
  await requestOfWorkspace(test1.database, id, { plan: 'starter' });
  expect(await inPhase(id, 'active')).toMatchObject({ plan: 'starter', settled_plan: 'starter' });
});

test('a plan that is too small for what runs does not come in while the workspace sleeps', async () => {
  const id = await activeWorkspace();
  await useCpu(id, '3500m');
  await requestOfWorkspace(test1.database, id, 'sleep');
  await inPhase(id, 'asleep');
  await requestOfWorkspace(test1.database, id, { plan: 'starter' });
  await inPhase(id, 'asleep');
  await requestOfWorkspace(test1.database, id, 'wake');
  // It is awake: the refusal stands in what was done, and is no end of it.
  expect(await operationEnded('workspace.wake')).toMatchObject({
    state: 'succeeded',
    message: 'The workspace is awake',
  });
  expect(await failureIn('workspace.wake')).toContain('3.5 of 2 CPU');
  const awake = await inPhase(id, 'active');
  expect(awake).toMatchObject({ plan: 'pro', settled_plan: 'pro' });
  expect(conditionOf(awake, 'PlanFits')).toMatchObject({ status: 'False' });
});

test('a plan that is too small for what runs does not come in with an upgrade, and does not take it back', async () => {
  const id = await activeWorkspace();
  await useCpu(id, '3500m');
  await requestOfWorkspace(test1.database, id, { upgradeTo: '1.35', plan: 'starter' });
  expect(await operationEnded('workspace.upgrade')).toMatchObject({ state: 'succeeded' });
  expect(await failureIn('workspace.upgrade')).toContain('3.5 of 2 CPU');
  expect(await inPhase(id, 'active')).toMatchObject({
    plan: 'pro',
    settled_plan: 'pro',
    running_version: 'v1.35.0',
    settled_version: '1.35',
  });
});

test('a plan that was asked for of a sleeping workspace comes when it wakes, if what runs fits', async () => {
  const id = await activeWorkspace();
  await requestOfWorkspace(test1.database, id, 'sleep');
  await inPhase(id, 'asleep');
  await requestOfWorkspace(test1.database, id, { plan: 'starter' });
  await requestOfWorkspace(test1.database, id, 'wake');
  expect(await inPhase(id, 'active')).toMatchObject({ plan: 'starter', settled_plan: 'starter' });
});

test('an upgrade that goes back while the workspace wakes never says that it answers: requests wait', async () => {
  const id = await activeWorkspace();
  await requestOfWorkspace(test1.database, id, { upgradeTo: brokenVersion });
  await until(
    async () => (await read(sql`select 1 from workspaces where conditions @> '[{"type": "Upgraded"}]'`))[0],
  );
  await requestOfWorkspace(test1.database, id, 'sleep');
  await inPhase(id, 'asleep');
  await requestOfWorkspace(test1.database, id, 'wake');
  await until(
    async () =>
      (
        await read(
          sql`select 1 from operations o join operation_events e on e.operation_id = o.id
            where o.kind = 'workspace.wake' and e.step = 'wait-upgraded'`,
        )
      )[0],
  );
  const phases = await phasesFromNow();
  aheadMs = 11 * 60_000;
  expect(await operationEnded('workspace.wake')).toMatchObject({ state: 'failed' });
  await inPhase(id, 'active');
  expect(await phases()).toEqual(['asleep', 'active']);
});

/** From now on every phase that is written is kept; answers them, each once in a row. */
async function phasesFromNow(): Promise<() => Promise<string[]>> {
  const client = new Client({ connectionString: test1.adminUrl });
  await client.connect();
  stack.defer(() => client.end());
  await client.query(`
    create table public.phases (at bigint generated always as identity, phase text);
    create function public.keep_phase() returns trigger language plpgsql security definer as
      $$ begin insert into public.phases (phase) values (new.phase); return new; end $$;
    create trigger keep_phase after update on hexabase.workspaces for each row execute function public.keep_phase()`);
  return async () => {
    const { rows } = await client.query<{ phase: string }>('select phase from public.phases order by at');
    return rows.map(({ phase }) => phase).filter((phase, index, all) => phase !== all[index - 1]);
  };
}

test('a plan that is asked for while a workspace wakes is brought, and not only said to be, when bringing it fails once', async () => {
  const id = await activeWorkspace();
  await requestOfWorkspace(test1.database, id, 'sleep');
  await inPhase(id, 'asleep');
  const { driver } = cluster;
  const { ensureTenant, observeTenant } = driver;
  let isSlow = true;
  let isRefused = true;
  const brought: number[] = [];
  driver.observeTenant = async (...given) => {
    const state = await observeTenant(...given);
    return state.kind === 'present' && isSlow ? { ...state, ready: false } : state;
  };
  driver.ensureTenant = async (spec, call) => {
    const isNewPlan = spec.size.cpuMilli === 64_000;
    if (isNewPlan && isRefused) {
      isRefused = false;
      throw new Error('the host answered 500');
    }
    await ensureTenant(spec, call);
    brought.push(spec.size.cpuMilli);
  };
  await requestOfWorkspace(test1.database, id, 'wake');
  await requestOfWorkspace(test1.database, id, { plan: 'enterprise' });
  await until(
    async () =>
      (await read(sql`select 1 from workspaces where conditions @> '[{"type": "ControlPlaneReady"}]'`))[0],
  );
  isSlow = false;
  expect(await inPhase(id, 'active')).toMatchObject({ settled_plan: 'enterprise' });
  expect(isRefused).toBe(false);
  expect(brought.at(-1)).toBe(64_000);
});

async function useCpu(id: WorkspaceId, cpu: string): Promise<void> {
  const quota = { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'seen' } };
  const body = { ...quota, status: { used: { 'requests.cpu': cpu } } };
  const path = '/api/v1/resourcequotas';
  await cluster.kubectl(id, { method: 'DELETE', path: `${path}/seen` });
  await cluster.kubectl(id, { method: 'POST', path, body });
}

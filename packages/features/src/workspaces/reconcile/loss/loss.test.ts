import { sql } from 'kysely';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '@hexabase/kernel/clock.ts';
import type { Condition } from '@hexabase/kernel/conditions.ts';
import { newId, type WorkspaceId } from '@hexabase/kernel/id.ts';
import { createKeyVault } from '@hexabase/kernel/key-vault.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { startEngine } from '@hexabase/reconcile/engine.ts';
import { register } from '@hexabase/reconcile/registration.ts';
import {
  givenOrganization,
  requestProject,
  requestWorkspace,
  requestWorkspaceDeletion,
  requestWorkspaceUpdate,
  until,
} from '@hexabase/testkit/given.ts';
import { memoryCluster, type MemoryCluster } from '@hexabase/testkit/memory-cluster.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import { namespacesReconciler } from '../../../projects/reconcile/namespaces-reconciler.ts';
import { loadProject, saveProject } from '../../../projects/reconcile/store.ts';
import { projectReconciler } from '../../../projects/reconcile/project-reconciler.ts';
import { lossToldBy, takeAnew } from '../../life-cycle/take-anew-store.ts';
import { workspaceReconciler } from '../workspace-reconciler.ts';

let db: TestDatabase;
let cluster: MemoryCluster;
let stack: AsyncDisposableStack;
const call = () => ({ signal: AbortSignal.timeout(10_000) });

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  db = stack.use(await testDatabase());
  cluster = stack.use(await memoryCluster(db.admin));
  const { database, masterKey } = db;
  const deps = { driver: cluster.driver, issuer: 'https://hexabase.example/oidc' };
  const registrations = [
    register(workspaceReconciler({ ...deps, vault: createKeyVault(masterKey), database })),
    register(projectReconciler(deps)),
    register(namespacesReconciler(deps)),
  ];
  stack.use(await startEngine({ database, registrations, clock: systemClock, log: silentLogger }));
});
afterEach(() => stack.disposeAsync());

const read = <T>(query: ReturnType<typeof sql<T>>): Promise<T[]> =>
  db.database.asWorker(async (tx) => (await query.execute(tx)).rows);
const look = (kind: string, id: string) => read(sql`select hexabase.enqueue(${kind}, ${id})`);
const conditionsOf = async (id: WorkspaceId): Promise<Condition[]> =>
  (await read(sql<{ conditions: Condition[] }>`select conditions from workspaces where id = ${id}`))[0]
    ?.conditions ?? [];
const projects = () =>
  read(sql<{ name: string; phase: string }>`select name, phase from projects where deleted_at is null`);
const shop = { name: 'shop', phase: 'active' };
const hasShop = async (id: WorkspaceId): Promise<boolean> =>
  (await cluster.kubectl(id, { method: 'GET', path: '/api/v1/namespaces/shop' })).status === 200;

/** With a project, and after its namespaces were looked at. */
async function givenLiving(): Promise<WorkspaceId> {
  const id = await requestWorkspace(db.database, await givenOrganization(db.database));
  await until(async () => (await read(sql`select from workspaces where phase = 'active'`))[0]);
  await requestProject(db.database, id, 'shop');
  await until(async () => (await projects())[0]?.phase === 'active');
  await look('workspace-namespaces', id);
  await until(async () => (await read(sql`select from workspaces where content_uid is not null`))[0]);
  return id;
}

test('a tenant that was lost is told and never made anew until somebody asks; its projects are made again then, not ended', async () => {
  const id = await givenLiving();
  await cluster.driver.removeTenant(id, Number.MAX_SAFE_INTEGER, call());
  await look('workspace', id);
  const told = await until(async () => {
    const conditions = await conditionsOf(id);
    return lossToldBy(conditions) === 'tenant' && conditions;
  });
  for (const type of ['Ready', 'Stalled', 'Synced'])
    expect(told.find((one) => one.type === type)).toMatchObject({
      reason: 'TenantLost',
      message: expect.stringMatching(/is not there any more: .* lost/),
    });
  expect(await cluster.driver.observeTenant(id, call())).toEqual({ kind: 'absent' });
  expect(await projects()).toEqual([shop]);

  await db.database.asWorker((tx) => takeAnew(tx, id));
  await requestWorkspaceUpdate(db.database, id);
  await until(() => hasShop(id));
  await until(async () => (await projects())[0]?.phase === 'active');
  await until(async () => (await read(sql`select from workspaces where phase = 'active'`))[0]);
  await look('workspace-namespaces', id);
  await until(async () => (await read(sql`select from workspaces where content_uid is not null`))[0]);
  expect(await projects()).toEqual([shop]);
});

test('a project that somebody was at work on when its tenant was lost is made again too, not ended', async () => {
  const id = await givenLiving();
  const [project] = await read(sql<{ id: string }>`select id from projects where deleted_at is null`);
  const proven = () =>
    read(sql`select observed_generation > 0 as proven from projects where id = ${project?.id}`);
  expect(await proven()).toEqual([{ proven: true }]);
  await db.database.asWorker(async (tx) => {
    const subject = await loadProject(tx, project?.id ?? '');
    if (!subject) throw new Error('there is no project');
    await takeAnew(tx, id);
    const { conditions, generation } = subject;
    await saveProject(tx, subject, { conditions, observedGeneration: generation, progress: null, fence: 1 });
  });
  expect(await proven()).toEqual([{ proven: false }]);
});

test('a tenant that has begun anew with nothing ends no project: they are made again, and the loss is told until it was seen', async () => {
  const id = await givenLiving();
  const path = '/api/v1/namespaces';
  for (const name of ['shop', 'kube-system'])
    await cluster.kubectl(id, { method: 'DELETE', path: `${path}/${name}` });
  await cluster.kubectl(id, { method: 'POST', path, body: { metadata: { name: 'kube-system' } } });
  await look('workspace-namespaces', id);
  await until(() => hasShop(id));
  await until(async () => lossToldBy(await conditionsOf(id)) === 'contents');
  await until(async () => (await projects())[0]?.phase === 'active');
  expect(await projects()).toEqual([shop]);
});

test('what is on a host cluster that has never answered is deleted without asking it, and the report says so', async () => {
  const silent = async () => {
    throw new Error('nobody may ask');
  };
  Object.assign(cluster.driver, { ensureTenant: silent, observeTenant: silent, removeTenant: silent });
  const host = newId<'HostCluster'>();
  await read(sql`insert into host_clusters (id, name, region) values (${host}, 'dead', 'dead')`);
  const id = await requestWorkspace(db.database, await givenOrganization(db.database));
  await read(sql`update workspaces set host_cluster_id = ${host} where id = ${id}`);
  await until(async () => (await read(sql`select from operation_events where kind = 'failed'`))[0]);
  await requestWorkspaceDeletion(db.database, id);
  const [operation] = await until(async () => {
    const ended = await read(
      sql<{
        report: unknown;
      }>`select report from operations where kind = 'workspace.delete' and state = 'succeeded'`,
    );
    return ended.length > 0 && ended;
  });
  expect(operation?.report).toMatchObject({ left: [] });
  expect(JSON.stringify(operation)).toContain('nothing was ever made there');
});

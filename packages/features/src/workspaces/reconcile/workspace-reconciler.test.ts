import { sql } from 'kysely';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { TenantConflictError } from '@hexabase/cluster/port.ts';
import { systemClock } from '@hexabase/kernel/clock.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { createKeyVault } from '@hexabase/kernel/key-vault.ts';
import type { Condition } from '@hexabase/kernel/conditions.ts';
import type { OrganizationId, WorkspaceId } from '@hexabase/kernel/id.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { startEngine } from '@hexabase/reconcile/engine.ts';
import { register } from '@hexabase/reconcile/registration.ts';
import {
  givenOrganization,
  requestProject,
  requestProjectDeletion,
  requestWorkspace,
  requestWorkspaceDeletion,
  until,
} from '@hexabase/testkit/given.ts';
import { memoryCluster, type MemoryCluster } from '@hexabase/testkit/memory-cluster.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import {
  namespacesReconciler,
  wakeOnNamespaceChanges,
} from '../../projects/reconcile/namespaces-reconciler.ts';
import { projectReconciler } from '../../projects/reconcile/project-reconciler.ts';
import { workspaceReconciler } from './workspace-reconciler.ts';

let test1: TestDatabase;
let cluster: MemoryCluster;
let stack: AsyncDisposableStack;
let organization: OrganizationId;

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  test1 = stack.use(await testDatabase());
  const { database } = test1;
  cluster = stack.use(await memoryCluster(test1.admin));
  organization = await givenOrganization(database);
  const { driver } = cluster;
  const deps = { driver, issuer: 'https://hexabase.example/oidc' };
  const registrations = [
    register(workspaceReconciler({ ...deps, vault: createKeyVault(test1.masterKey), database })),
    register(projectReconciler(deps)),
    register(namespacesReconciler(deps)),
  ];
  stack.use(await startEngine({ database, registrations, clock: systemClock, log: silentLogger }));
  stack.use(wakeOnNamespaceChanges({ driver, database, log: silentLogger }));
});
afterEach(() => stack.disposeAsync());

async function read<T>(query: ReturnType<typeof sql<T>>): Promise<T[]> {
  return test1.database.asWorker(async (tx) => (await query.execute(tx)).rows);
}

const active = (id: WorkspaceId) =>
  until(async () => (await read(sql`select 1 from workspaces where id = ${id} and phase = 'active'`))[0]);
const projectNamed = (name: string, phase: string) =>
  until(
    async () =>
      (
        await read(
          sql<{
            id: string;
          }>`select id from projects where name = ${name} and phase = ${phase} and deleted_at is null`,
        )
      )[0],
  );

test('a workspace becomes active, with roles and groups in its cluster', async () => {
  const id = await requestWorkspace(test1.database, organization);
  await active(id);
  const [row] = await read(
    sql<{ conditions: Condition[]; observed_generation: number }>`select * from workspaces where id = ${id}`,
  );
  expect(row?.observed_generation).toBe(1);
  expect(Object.fromEntries(row?.conditions.map(({ type, status }) => [type, status]) ?? [])).toMatchObject({
    Accepted: 'True',
    ControlPlaneReady: 'True',
    IdentityReady: 'True',
    AccessReady: 'True',
    Ready: 'True',
  });
  const binding = await cluster.kubectl(id, {
    method: 'GET',
    path: '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/hexabase:ws-admins',
  });
  expect(binding.body).toMatchObject({
    roleRef: { name: 'hexabase:workspace-admin' },
    subjects: [{ name: 'hexabase:ws-admins' }, { name: expect.stringContaining('hexabase:group:') }],
  });
  expect(await read(sql`select action from audit_entries`)).toEqual([{ action: 'workspace.ready' }]);
});

test('a role that somebody changed in the cluster is put back', async () => {
  const id = await requestWorkspace(test1.database, organization);
  await active(id);
  const path = '/apis/rbac.authorization.k8s.io/v1/clusterroles/hexabase:workspace-viewer';
  const role = await cluster.kubectl(id, { method: 'GET', path });
  await cluster.kubectl(id, { method: 'PUT', path, body: { ...Object(role.body), rules: [] } });
  await read(sql`select hexabase.enqueue('workspace', ${id})`);
  await until(async () =>
    JSON.stringify(await cluster.kubectl(id, { method: 'GET', path })).includes('pods/log'),
  );
});

test('what nobody can get round by trying again is told under its own reason, and waits for somebody', async () => {
  const message = 'The vCluster chart is not the one that was pinned.';
  cluster.driver.ensureTenant = async () => {
    throw new TenantConflictError(message, { reason: 'ChartUnusable' });
  };
  const id = await requestWorkspace(test1.database, organization);
  const failed = await until(
    async () =>
      (
        await read(
          sql<{
            conditions: Condition[];
          }>`select conditions from workspaces where id = ${id} and phase = 'failed'`,
        )
      )[0],
  );
  for (const type of ['Synced', 'Stalled', 'Ready'])
    expect(failed.conditions.find((one) => one.type === type)).toMatchObject({
      reason: 'ChartUnusable',
      message,
    });
});

test('a refusal that has passed is told as what was, not as what is, while something later is waited for', async () => {
  const { ensureTenant, observeTenant } = cluster.driver;
  const message = 'The host cluster refuses us something: namespaces is forbidden.';
  let refusals = 1;
  cluster.driver.ensureTenant = async (spec, call) => {
    if (refusals-- > 0) throw new AppError('cluster_unavailable', { message });
    return ensureTenant(spec, call);
  };
  cluster.driver.observeTenant = async (id, call) => {
    const state = await observeTenant(id, call);
    return state.kind === 'absent' ? state : { ...state, ready: false };
  };
  const id = await requestWorkspace(test1.database, organization);
  const waiting = await until(async () => {
    const [row] = await read(
      sql<{ conditions: Condition[] }>`select conditions from workspaces where id = ${id}`,
    );
    return row?.conditions.some(({ reason }) => reason === 'Starting') && row.conditions;
  });
  const told = waiting.map(({ type, status, reason }) => `${type}=${status} ${reason}`);
  expect(told).toContain('Synced=Unknown Retrying');
  expect(JSON.stringify(waiting)).not.toContain('refuses');
  const events = await read(sql`select step, message from operation_events where kind = 'failed'`);
  expect(events).toEqual([{ step: 'tenant-cluster', message }]);
  cluster.driver.observeTenant = observeTenant;
  await active(id);
});

test('a deletion leaves nothing and its report names what was removed', async () => {
  const id = await requestWorkspace(test1.database, organization);
  await active(id);
  await requestProject(test1.database, id, 'shop');
  await projectNamed('shop', 'active');
  await requestWorkspaceDeletion(test1.database, id);
  const operation = await until(
    async () =>
      (
        await read(
          sql<{
            report: unknown;
          }>`select * from operations where kind = 'workspace.delete' and state = 'succeeded'`,
        )
      )[0],
  );
  expect(operation.report).toMatchObject({ left: [] });
  expect(JSON.stringify(operation.report)).toContain(`${id}/shop`);
  expect(JSON.stringify(operation.report)).toContain('kubernetes-cluster');
  expect(await cluster.driver.listTenants({ signal: AbortSignal.timeout(1000) })).toEqual([]);
  expect(await read(sql`select * from inventory`)).toEqual([]);
  expect(await read(sql`select 1 from projects where deleted_at is null`)).toEqual([]);
});

test('a project gets a namespace with quota, limits and network policy, and loses it again', async () => {
  const id = await requestWorkspace(test1.database, organization);
  await active(id);
  const project = await requestProject(test1.database, id, 'shop');
  await projectNamed('shop', 'active');
  const namespace = await cluster.kubectl(id, { method: 'GET', path: '/api/v1/namespaces/shop' });
  expect(namespace.body).toMatchObject({
    metadata: {
      labels: {
        'workspace-id': id,
        'project-name': 'shop',
        'pod-security.kubernetes.io/enforce': 'baseline',
      },
    },
  });
  for (const path of [
    '/api/v1/namespaces/shop/resourcequotas/hexabase',
    '/api/v1/namespaces/shop/limitranges/hexabase',
    '/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies/hexabase-default-deny',
  ]) {
    expect((await cluster.kubectl(id, { method: 'GET', path })).status, path).toBe(200);
  }
  await requestProjectDeletion(test1.database, project);
  await until(
    async () => (await read(sql`select 1 from projects where id = ${project} and deleted_at is not null`))[0],
  );
  expect((await cluster.kubectl(id, { method: 'GET', path: '/api/v1/namespaces/shop' })).status).toBe(404);
});

test('a namespace made with kubectl becomes a project, and one deleted with kubectl ends it', async () => {
  const id = await requestWorkspace(test1.database, organization);
  await active(id);
  await cluster.kubectl(id, {
    method: 'POST',
    path: '/api/v1/namespaces',
    body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'lab' } },
  });
  const project = await projectNamed('lab', 'active');
  expect(
    (await cluster.kubectl(id, { method: 'GET', path: '/api/v1/namespaces/lab/resourcequotas/hexabase' }))
      .status,
  ).toBe(200);
  await cluster.kubectl(id, { method: 'DELETE', path: '/api/v1/namespaces/lab' });
  await until(
    async () =>
      (await read(sql`select 1 from projects where id = ${project.id} and deleted_at is not null`))[0],
  );
  expect((await cluster.kubectl(id, { method: 'GET', path: '/api/v1/namespaces/lab' })).status).toBe(404);
  expect(
    await read(sql`select name from projects where name in ('default', 'kube-system', 'kube-public')`),
  ).toEqual([]);
});

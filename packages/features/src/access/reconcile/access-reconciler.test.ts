import { systemClock } from '@hexabase/kernel/clock.ts';
import { createKeyVault } from '@hexabase/kernel/key-vault.ts';
import { newId } from '@hexabase/kernel/id.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { startEngine } from '@hexabase/reconcile/engine.ts';
import { register } from '@hexabase/reconcile/registration.ts';
import { givenOrganization, requestProject, requestWorkspace, until } from '@hexabase/testkit/given.ts';
import { memoryCluster } from '@hexabase/testkit/memory-cluster.ts';
import { testDatabase } from '@hexabase/testkit/test-database.ts';
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { projectReconciler } from '../../projects/reconcile/project-reconciler.ts';
import { workspaceReconciler } from '../../workspaces/reconcile/workspace-reconciler.ts';
import { insertAssignment, deleteAssignmentRow } from '../../assignments/store.ts';
import { wakeAccess } from '../public.ts';
import { accessReconciler } from './access-reconciler.ts';

const rbac = '/apis/rbac.authorization.k8s.io/v1';

test('what is given is in the cluster by the group’s id, is put back when it is changed there, and goes when it is taken', async () => {
  await using stack = new AsyncDisposableStack();
  const { database, admin } = stack.use(await testDatabase());
  const cluster = stack.use(await memoryCluster(admin));
  const organizationId = await givenOrganization(database);
  const { driver } = cluster;
  const registrations = [
    register(
      workspaceReconciler({
        driver,
        issuer: 'https://hexabase.example/oidc',
        vault: createKeyVault(Buffer.alloc(32)),
        database,
      }),
    ),
    register(projectReconciler({ driver })),
    register(accessReconciler({ driver })),
  ];
  stack.use(await startEngine({ database, registrations, clock: systemClock, log: silentLogger }));
  const workspaceId = await requestWorkspace(database, organizationId);
  const get = async (path: string) => cluster.kubectl(workspaceId, { method: 'GET', path });
  const read = async (path: string): Promise<string> => JSON.stringify((await get(path)).body);
  const bindings = `${rbac}/namespaces/shop/rolebindings`;
  const projectId = await until(async () => {
    const { rows } = await database.asWorker((tx) =>
      sql`select 1 from workspaces where id = ${workspaceId} and phase = 'active'`.execute(tx),
    );
    return rows.length > 0 && requestProject(database, workspaceId, 'shop');
  });
  await until(async () => (await read(`${bindings}/hexabase:ws-developers`)).includes('project-developer'));

  const [id, groupId] = [newId(), newId()];
  const scope = { userId: null, organizationIds: [organizationId] };
  await database.asTenant(scope, async (tx) => {
    await sql`insert into groups (id, organization_id, name) values (${groupId}, ${organizationId}, 'team')`.execute(
      tx,
    );
    const given = {
      id,
      organizationId,
      workspaceId,
      projectId,
      preset: 'admin',
      roleId: null,
      groupId,
      userId: null,
    };
    await insertAssignment(tx, { ...given, createdBy: '', createdAt: new Date() });
    await wakeAccess(tx, [workspaceId]);
  });
  const path = `${bindings}/hexabase:assignment:${id}`;
  await until(async () => (await read(path)).includes(`hexabase:group:${groupId}`));
  expect(await read(path)).toContain('hexabase:project-admin');

  const wake = () => database.asWorker((tx) => wakeAccess(tx, [workspaceId]));
  const changed = JSON.parse(await read(path));
  const roleRef = { ...changed.roleRef, name: 'cluster-admin' };
  await cluster.kubectl(workspaceId, { method: 'PUT', path, body: { ...changed, roleRef } });
  await wake();
  await until(async () => (await read(path)).includes('hexabase:project-admin'));
  await cluster.kubectl(workspaceId, { method: 'DELETE', path, body: {} });
  await wake();
  await until(async () => (await get(path)).status === 200);
  const role = `${rbac}/clusterroles/hexabase:project-viewer`;
  const aggregated = JSON.parse(await read(role));
  aggregated.metadata.labels['rbac.authorization.k8s.io/aggregate-to-admin'] = 'true';
  await cluster.kubectl(workspaceId, { method: 'PUT', path: role, body: aggregated });
  await wake();
  await until(async () => !(await read(role)).includes('aggregate-to'));

  await database.asTenant(scope, async (tx) => {
    await deleteAssignmentRow(tx, id);
    await wakeAccess(tx, [workspaceId]);
  });
  await until(async () => (await get(path)).status === 404);
  expect((await get(`${bindings}/hexabase:ws-developers`)).status).toBe(200);
});

test('workspaces whose webhooks are slow leave places of every worker for what is asked of others', async () => {
  await using stack = new AsyncDisposableStack();
  const { admin } = stack.use(await testDatabase());
  const { driver } = stack.use(await memoryCluster(admin));
  const [mirror, projects] = [
    register(accessReconciler({ driver })),
    register(projectReconciler({ driver })),
  ];
  expect(mirror.share + projects.share).toBeLessThan(1);
});

import { systemClock } from '@hexabase/kernel/clock.ts';
import { createKeyVault } from '@hexabase/kernel/key-vault.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { startEngine } from '@hexabase/reconcile/engine.ts';
import { register } from '@hexabase/reconcile/registration.ts';
import { givenOrganization, requestWorkspace, until } from '@hexabase/testkit/given.ts';
import { memoryCluster } from '@hexabase/testkit/memory-cluster.ts';
import { testDatabase } from '@hexabase/testkit/test-database.ts';
import { sql } from 'kysely';
import { expect, it } from 'vitest';
import { noticeWrites } from '../../run/notice-writes.ts';
import { workspaceReconciler } from '../../workspaces/reconcile/workspace-reconciler.ts';
import { namespacesReconciler } from './namespaces-reconciler.ts';
import { namespaceChanges } from './notice-namespaces.ts';
import { projectReconciler } from './project-reconciler.ts';

it('a namespace that somebody makes or deletes with kubectl is a project soon, also where the driver tells nothing', async () => {
  await using stack = new AsyncDisposableStack();
  const { database, admin, masterKey } = stack.use(await testDatabase());
  const { driver, kubectl } = stack.use(await memoryCluster(admin));
  const deps = { driver, issuer: 'https://hexabase.example/oidc' };
  const registrations = [
    register(workspaceReconciler({ ...deps, vault: createKeyVault(masterKey), database })),
    register(projectReconciler(deps)),
    register(namespacesReconciler(deps)),
  ];
  stack.use(await startEngine({ database, registrations, clock: systemClock, log: silentLogger }));
  const id = await requestWorkspace(database, await givenOrganization(database));
  const phaseOf = (name: string) =>
    database.asWorker(async (tx) => {
      const { rows } = await sql<{ phase: string }>`
        select phase from projects where name = ${name} and deleted_at is null`.execute(tx);
      return rows[0]?.phase ?? null;
    });
  await until(() =>
    database.asWorker(
      async (tx) => (await sql`select from workspaces where phase = 'active'`.execute(tx)).rows.length > 0,
    ),
  );
  const sink = { write: async () => undefined };
  const audit = noticeWrites(sink, { database, log: silentLogger }, [namespaceChanges]);
  const tell = (action: string, path: string) =>
    audit.write([
      { action, target: `workspaces/${id}${path}`, outcome: 'allowed', details: { status: 200 } },
    ]);

  const path = '/api/v1/namespaces';
  await kubectl(id, { method: 'POST', path, body: { metadata: { name: 'lab' } } });
  await tell('kube:create', path);
  await until(async () => (await phaseOf('lab')) === 'active');
  await kubectl(id, { method: 'DELETE', path: `${path}/lab` });
  await tell('kube:delete', `${path}/lab`);
  await until(async () => (await phaseOf('lab')) === null);
  expect(await phaseOf('default')).toBeNull();
});

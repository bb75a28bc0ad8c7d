import { sql } from 'kysely';
import { expect, test } from 'vitest';
import type { ClusterDriver } from '@hexabase/cluster/port.ts';
import { systemClock } from '@hexabase/kernel/clock.ts';
import { createKeyVault } from '@hexabase/kernel/key-vault.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { startEngine } from '@hexabase/reconcile/engine.ts';
import { register } from '@hexabase/reconcile/registration.ts';
import { givenOrganization, requestOfWorkspace, requestWorkspace, until } from '@hexabase/testkit/given.ts';
import { brokenVersion, memoryCluster } from '@hexabase/testkit/memory-cluster.ts';
import { testDatabase } from '@hexabase/testkit/test-database.ts';
import { doubtMs } from './probe.ts';
import { workspaceReconciler } from './workspace-reconciler.ts';

test('a version whose image cannot be had is given up after the time of doubt, for nobody can work meanwhile', async () => {
  await using stack = new AsyncDisposableStack();
  const { database, admin, masterKey } = stack.use(await testDatabase());
  const cluster = stack.use(await memoryCluster(admin));
  let aheadMs = 0;
  const clock = { now: () => systemClock.now() + aheadMs };
  // What a host says of it; the rest is as the memory cluster has it.
  const driver: ClusterDriver = {
    ...cluster.driver,
    async observeTenant(id, call) {
      const state = await cluster.driver.observeTenant(id, call);
      if (state.kind === 'absent' || state.ready) return state;
      const message = 'The image kubernetes:v1.36.0 for the control plane cannot be had.';
      const pulled = { type: 'ImagesPulled', status: 'False', reason: 'ErrImagePull', message } as const;
      return { ...state, conditions: [pulled] };
    },
  };
  const issuer = 'https://hexabase.example/oidc';
  const vault = createKeyVault(masterKey);
  const registrations = [register(workspaceReconciler({ driver, issuer, clock, vault }))];
  stack.use(await startEngine({ database, registrations, clock, log: silentLogger }));
  const seen = <T>(query: ReturnType<typeof sql<T>>) =>
    until(async () => (await database.asWorker(async (tx) => (await query.execute(tx)).rows))[0]);

  const id = await requestWorkspace(database, await givenOrganization(database));
  await seen(sql`select 1 from workspaces where id = ${id} and phase = 'active'`);
  await requestOfWorkspace(database, id, { upgradeTo: brokenVersion });
  await seen(
    sql`select 1 from workspaces where conditions @> '[{"type": "ImagesPulled", "status": "Unknown"}]'`,
  );
  aheadMs = doubtMs + 1_000;
  const ended = await seen(
    sql<{ state: string; message: string }>`
      select state, message from operations where kind = 'workspace.upgrade' and state <> 'running'`,
  );
  expect(ended).toEqual({
    state: 'failed',
    message:
      'Kubernetes 1.36 was not healthy after 2 minutes (The image kubernetes:v1.36.0 for the control plane cannot be had); going back to 1.34',
  });
  await seen(
    sql`select 1 from workspaces where id = ${id} and phase = 'active' and kubernetes_version = '1.34'`,
  );
});

import { expect, test } from 'vitest';
import { sql } from 'kysely';
import { systemClock } from '@hexabase/kernel/clock.ts';
import { newId } from '@hexabase/kernel/id.ts';
import { createKeyVault } from '@hexabase/kernel/key-vault.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { startEngine } from '@hexabase/reconcile/engine.ts';
import { register } from '@hexabase/reconcile/registration.ts';
import { givenOrganization, requestWorkspace, until } from '@hexabase/testkit/given.ts';
import { memoryCluster } from '@hexabase/testkit/memory-cluster.ts';
import { testDatabase } from '@hexabase/testkit/test-database.ts';
import { builtInDriverInUse } from './built-in-driver-in-use.ts';
import { workspaceReconciler } from './workspace-reconciler.ts';

test('the driver that carries workspaces is known from them, and forgotten with the last one', async () => {
  await using stack = new AsyncDisposableStack();
  const { database, admin, masterKey } = stack.use(await testDatabase());
  const { driver } = stack.use(await memoryCluster(admin));
  const vault = createKeyVault(masterKey);
  const inUse = () => database.asWorker(builtInDriverInUse);
  const write = (query: ReturnType<typeof sql>) => database.asWorker((tx) => query.execute(tx));
  expect(await inUse()).toBeNull();
  const issuer = 'https://hexabase.example/oidc';
  const registrations = [register(workspaceReconciler({ driver, issuer, vault, database }))];
  stack.use(await startEngine({ database, registrations, clock: systemClock, log: silentLogger }));
  const id = await requestWorkspace(database, await givenOrganization(database));
  await until(async () => (await inUse()) === driver.name);

  const hostId = newId<'HostCluster'>();
  await write(sql`insert into host_clusters (id, name, region) values (${hostId}, 'east', 'local')`);
  await write(sql`update workspaces set host_cluster_id = ${hostId} where id = ${id}`);
  expect(await inUse()).toBeNull();
  await write(sql`update workspaces set host_cluster_id = null where id = ${id}`);
  expect(await inUse()).toBe(driver.name);
  await write(sql`update workspaces set deleted_at = now() where id = ${id}`);
  expect(await inUse()).toBeNull();
});

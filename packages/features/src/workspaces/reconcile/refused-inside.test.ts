import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { systemClock } from '@hexabase/kernel/clock.ts';
import { createKeyVault } from '@hexabase/kernel/key-vault.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { startEngine } from '@hexabase/reconcile/engine.ts';
import { register } from '@hexabase/reconcile/registration.ts';
import {
  givenOrganization,
  requestProject,
  requestWorkspace,
  requestWorkspaceDeletion,
  until,
} from '@hexabase/testkit/given.ts';
import { memoryCluster } from '@hexabase/testkit/memory-cluster.ts';
import { testDatabase } from '@hexabase/testkit/test-database.ts';
import { projectReconciler } from '../../projects/reconcile/project-reconciler.ts';
import { workspaceReconciler } from './workspace-reconciler.ts';

/** As a kube-apiserver answers for a webhook that nobody serves. */
const refusal = {
  status: 500,
  body: {
    kind: 'Status',
    message:
      'Internal error occurred: failed calling webhook "nobody.example.test": failed to call webhook: Post "https://nobody.default.svc:443/?timeout=2s": service "nobody" not found',
  },
};

async function running(stack: AsyncDisposableStack, refuses: (method: string, path: string) => boolean) {
  const { database, admin, masterKey } = stack.use(await testDatabase());
  const cluster = stack.use(await memoryCluster(admin));
  const { driver } = cluster;
  const { tenantClient } = driver;
  driver.tenantClient = (id) => {
    const client = tenantClient(id);
    return {
      request: async (request) => (refuses(request.method, request.path) ? refusal : client.request(request)),
    };
  };
  const deps = { driver, issuer: 'https://hexabase.example/oidc' };
  const registrations = [
    register(workspaceReconciler({ ...deps, vault: createKeyVault(masterKey), database })),
    register(projectReconciler(deps)),
  ];
  stack.use(await startEngine({ database, registrations, clock: systemClock, log: silentLogger }));
  const id = await requestWorkspace(database, await givenOrganization(database));
  const row = (query: ReturnType<typeof sql<{ message: string }>>) =>
    until(() => database.asWorker(async (tx) => (await query.execute(tx)).rows[0]));
  await row(sql`select '' as message from workspaces where phase = 'active'`);
  return { database, driver, id, row };
}

test('a webhook of the workspace that refuses to end access inside keeps no workspace from being deleted, and is named', async () => {
  await using stack = new AsyncDisposableStack();
  const { database, driver, id, row } = await running(
    stack,
    (method, path) => method === 'DELETE' && path.includes('/clusterrolebindings/'),
  );
  await requestWorkspaceDeletion(database, id);
  await row(
    sql`select '' as message from operations where kind = 'workspace.delete' and state = 'succeeded'`,
  );
  expect(await driver.listTenants({ signal: AbortSignal.timeout(1_000) })).toEqual([]);
  const { message } = await row(
    sql`select message from operation_events where step = 'close-access' and kind = 'done'`,
  );
  expect(message).toMatch(/gateway has ended it.* webhook nobody\.example\.test /);
});

test('a webhook of the workspace that stands in the way of a project is named, and not called silence', async () => {
  await using stack = new AsyncDisposableStack();
  const { database, id, row } = await running(
    stack,
    (method, path) => method === 'POST' && path.endsWith('/namespaces'),
  );
  await requestProject(database, id, 'shop');
  const { message } = await row(
    sql`select one ->> 'message' as message from projects, jsonb_array_elements(conditions) as one
      where one ->> 'type' = 'Synced' and one ->> 'status' = 'False'`,
  );
  expect(message).toMatch(
    /^The admission webhook nobody\.example\.test in the workspace's own cluster stands in the way: /,
  );
});

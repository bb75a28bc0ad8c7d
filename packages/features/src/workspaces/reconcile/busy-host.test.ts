import { once } from 'node:events';
import { createServer } from 'node:https';
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { inWords } from '@hexabase/cluster/drivers/vcluster/host/in-words.ts';
import { createKubeClient } from '@hexabase/cluster/kube-api/client.ts';
import type { ClusterDriver } from '@hexabase/cluster/port.ts';
import { makeAuthority, signServer } from '@hexabase/kernel/certificates/sign-certificates.ts';
import { systemClock } from '@hexabase/kernel/clock.ts';
import { createKeyVault } from '@hexabase/kernel/key-vault.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { startEngine } from '@hexabase/reconcile/engine.ts';
import { register } from '@hexabase/reconcile/registration.ts';
import { givenOrganization, requestWorkspace, until } from '@hexabase/testkit/given.ts';
import { memoryCluster } from '@hexabase/testkit/memory-cluster.ts';
import { testDatabase } from '@hexabase/testkit/test-database.ts';
import { workspaceReconciler } from './workspace-reconciler.ts';

test('a host that asks us to come again later is not asked sooner, and others are not held up', async () => {
  await using stack = new AsyncDisposableStack();
  const { database, admin, masterKey } = stack.use(await testDatabase());
  const cluster = stack.use(await memoryCluster(admin));
  const organization = await givenOrganization(database);
  const host = await startBusyHost(stack, { status: 429, retryAfter: '120' });
  const busy = await requestWorkspace(database, organization);
  const other = await requestWorkspace(database, organization);
  // The first call of its driver that reaches the host is this one, so nothing else is asked of it.
  const driver: ClusterDriver = {
    ...cluster.driver,
    async ensureTenant(spec, call) {
      if (spec.workspaceId === busy)
        await inWords('east', host.client.request({ method: 'GET', path: '/api', signal: call.signal }));
      await cluster.driver.ensureTenant(spec, call);
    },
  };
  const vault = createKeyVault(masterKey);
  const issuer = 'https://hexabase.example/oidc';
  const registrations = [
    register(workspaceReconciler({ driver, issuer, clock: systemClock, vault, database })),
  ];
  // Without jitter: the usual pause after a first failure would be 50 ms.
  stack.use(
    await startEngine({ database, registrations, clock: systemClock, log: silentLogger, random: () => 0 }),
  );
  const read = <T>(query: ReturnType<typeof sql<T>>) =>
    database.asWorker(async (tx) => (await query.execute(tx)).rows[0]);
  const waiting = await until(() =>
    read(sql<{ pause: number; error: string }>`
      select extract(epoch from due_at - updated_at)::float8 as pause, last_error as error
      from reconcile_queue where key = ${busy} and lease_owner is null and attempts = 1`),
  );
  expect(waiting.pause).toBeGreaterThanOrEqual(120);
  expect(waiting.error).toContain('The host cluster east is busy and asked us to come again in 120 s.');
  await until(() => read(sql`select 1 from workspaces where id = ${other} and phase = 'active'`));
  expect(host.asked()).toBe(1);
});

/** A Kubernetes API that has no time. */
async function startBusyHost(
  stack: AsyncDisposableStack,
  { status, retryAfter }: { status: number; retryAfter: string },
) {
  let asked = 0;
  const authority = makeAuthority([], Date.now());
  const { certPem, keyPem } = signServer(authority, ['127.0.0.1'], Date.now());
  const server = createServer({ cert: certPem, key: keyPem }, (_request, response) => {
    asked += 1;
    response.writeHead(status, { 'retry-after': retryAfter, 'content-type': 'application/json' });
    response.end(JSON.stringify({ kind: 'Status', code: status, message: 'too many requests' }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const client = createKubeClient({
    server: `https://127.0.0.1:${port}`,
    certificateAuthority: authority.certPem,
    credentials: { kind: 'token', token: 'anybody' },
  });
  stack.defer(async () => {
    client[Symbol.dispose]();
    server.close();
    server.closeAllConnections();
  });
  return { client, asked: () => asked };
}

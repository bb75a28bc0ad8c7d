import { sql } from 'kysely';
import { expect, test } from 'vitest';
import type { ClusterDriver } from '@hexabase/cluster/port.ts';
import { systemClock } from '@hexabase/kernel/clock.ts';
import type { Condition } from '@hexabase/kernel/conditions.ts';
import { newId, type WorkspaceId } from '@hexabase/kernel/id.ts';
import { createKeyVault } from '@hexabase/kernel/key-vault.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { startEngine } from '@hexabase/reconcile/engine.ts';
import { register } from '@hexabase/reconcile/registration.ts';
import { givenOrganization, requestOfWorkspace, requestWorkspace, until } from '@hexabase/testkit/given.ts';
import { memoryCluster } from '@hexabase/testkit/memory-cluster.ts';
import { testDatabase } from '@hexabase/testkit/test-database.ts';
import { workspaceReconciler } from '../workspace-reconciler.ts';
import { sleepEndsLook } from './what-ends.ts';

const pod = (name: string, fields: object = {}, metadata: object = {}) => ({
  path: '/api/v1/namespaces/default/pods',
  body: { metadata: { name, namespace: 'default', ...metadata }, ...fields },
});
const job = (name: string, fields: object = {}, metadata: object = {}) => ({
  path: '/apis/batch/v1/namespaces/default/jobs',
  body: { metadata: { name, namespace: 'default', ...metadata }, ...fields },
});
const ended = { conditions: [{ type: 'Complete', status: 'True' }] };

async function awake(told: (driver: ClusterDriver) => Partial<ClusterDriver>) {
  const stack = new AsyncDisposableStack();
  const { database, admin, masterKey } = stack.use(await testDatabase());
  const cluster = stack.use(await memoryCluster(admin));
  const driver = { ...cluster.driver, ...told(cluster.driver) };
  const vault = createKeyVault(masterKey);
  const deps = { driver, issuer: 'https://hexabase.example/oidc', clock: systemClock, vault, database };
  const registrations = [register(workspaceReconciler(deps))];
  stack.use(await startEngine({ database, registrations, clock: systemClock, log: silentLogger }));
  const id = await requestWorkspace(database, await givenOrganization(database));
  const inPhase = (phase: string) =>
    until(
      async () =>
        (
          await database.asWorker((tx) =>
            sql<{ conditions: Condition[] }>`select conditions from workspaces
              where id = ${id} and phase = ${phase} and observed_generation = generation`.execute(tx),
          )
        ).rows[0],
    );
  await inPhase('active');
  const workEnded = async (phase: string) =>
    (await inPhase(phase)).conditions.find(({ type }) => type === 'WorkEnded');
  const said = async () => {
    const query = sql<{ message: string }>`select message from operation_events
      where step = 'tell-ends' and kind = 'done' order by at desc`;
    return (await database.asWorker((tx) => query.execute(tx))).rows[0]?.message;
  };
  const ask = (wish: 'sleep' | 'wake') => requestOfWorkspace(database, id, wish);
  return { stack, cluster, driver, id, workEnded, said, ask };
}

const endsPods = { sleepEndsPods: async () => true };

test('who asks for sleep and who looks afterwards is told which pods and Jobs it ends, and no others', async () => {
  const { stack, cluster, driver, id, workEnded, said, ask } = await awake(() => endsPods);
  await using _ = stack;
  for (const { path, body } of [
    pod('debug'),
    pod('owned', {}, { ownerReferences: [{ kind: 'ReplicaSet', controller: true }] }),
    pod('over', { status: { phase: 'Succeeded' } }),
    job('nightly', { status: { active: 1 } }),
    job('held', { spec: { suspend: true } }),
    job('done', { status: ended }),
  ])
    await cluster.kubectl(id, { method: 'POST', path, body });
  expect(await sleepEndsLook({ driver, log: silentLogger })(id)).toEqual({
    pods: { count: 1, names: ['default/debug'] },
    jobs: { count: 1, names: ['default/nightly'] },
  });
  await ask('sleep');
  const words =
    'This sleep ends 1 pod that nothing makes again (default/debug) and 1 Job that has not ended (default/nightly)';
  const told = { status: 'True', reason: 'EndedBySleep', message: words };
  expect(await workEnded('asleep')).toMatchObject(told);
  expect(await said()).toBe(words);
  await ask('wake');
  expect(await workEnded('active')).toMatchObject(told);
  for (const path of [
    '/api/v1/namespaces/default/pods/debug',
    '/apis/batch/v1/namespaces/default/jobs/nightly',
  ])
    await cluster.kubectl(id, { method: 'DELETE', path });
  await ask('sleep');
  expect(await workEnded('asleep')).toMatchObject({ status: 'False', message: '' });
});

test('nothing is told where the pods of a sleeping workspace stay', async () => {
  const { stack, cluster, driver, id, workEnded, ask } = await awake(() => ({}));
  await using _ = stack;
  await cluster.kubectl(id, { method: 'POST', ...pod('debug') });
  expect(await sleepEndsLook({ driver, log: silentLogger })(id)).toMatchObject({ pods: { count: 0 } });
  await ask('sleep');
  expect(await workEnded('asleep')).toBeUndefined();
});

test('a workspace that cannot be looked into falls asleep all the same, and nobody says that nothing ended', async () => {
  const mute = (path: string) => path.startsWith('/api/v1/pods');
  const { stack, driver, id, workEnded, ask } = await awake(({ tenantClient }) => ({
    ...endsPods,
    tenantClient: (workspaceId: WorkspaceId) => ({
      request: async (request) =>
        mute(request.path) ? { status: 500, body: {} } : tenantClient(workspaceId).request(request),
    }),
  }));
  await using _ = stack;
  expect(await sleepEndsLook({ driver, log: silentLogger })(id)).toBeNull();
  await ask('sleep');
  expect(await workEnded('asleep')).toMatchObject({ status: 'Unknown', reason: 'NotSeen' });
});

test('who asks again and again what a sleep ends has no more read than one look, and all together no more than two', async () => {
  const asked: string[] = [];
  let [atOnce, most] = [0, 0];
  const driver = {
    ...endsPods,
    tenantClient: (id: WorkspaceId) => ({
      async request({ path }: { path: string }) {
        asked.push(`${id}${path}`);
        most = Math.max(most, ++atOnce);
        await new Promise((done) => setTimeout(done, 20));
        atOnce--;
        return { status: 200, body: { items: [] } };
      },
    }),
  };
  const look = sleepEndsLook({ driver, log: silentLogger });
  const [one, ...others] = Array.from({ length: 5 }, () => newId<'Workspace'>());
  await Promise.all(Array.from({ length: 50 }, () => look(one ?? newId())));
  // Its pods, and its Jobs.
  expect(asked).toHaveLength(2);
  await Promise.all(others.map(look));
  expect(asked).toHaveLength(2 * 5);
  expect(most).toBe(4);
});

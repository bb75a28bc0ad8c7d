import { hardOf, promisedBy } from '@hexabase/cluster/plan-bounds.ts';
import type { TenantSize } from '@hexabase/cluster/port.ts';
import { systemClock } from '@hexabase/kernel/clock.ts';
import type { WorkspaceId } from '@hexabase/kernel/id.ts';
import { createKeyVault } from '@hexabase/kernel/key-vault.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { startEngine } from '@hexabase/reconcile/engine.ts';
import { register } from '@hexabase/reconcile/registration.ts';
import { givenOrganization, requestProject, requestWorkspace, until } from '@hexabase/testkit/given.ts';
import { memoryCluster, type MemoryCluster } from '@hexabase/testkit/memory-cluster.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noticeWrites } from '../../run/notice-writes.ts';
import { workspaceReconciler } from '../../workspaces/reconcile/workspace-reconciler.ts';
import { policyChanges } from './notice-policy-changes.ts';
import { projectReconciler } from './project-reconciler.ts';

const stack = new AsyncDisposableStack();
let db: TestDatabase;
let cluster: MemoryCluster;
let workspace: WorkspaceId;

beforeAll(async () => {
  db = stack.use(await testDatabase());
  const { database, admin, masterKey } = db;
  cluster = stack.use(await memoryCluster(admin));
  const deps = { driver: cluster.driver, issuer: 'https://hexabase.example/oidc' };
  const registrations = [
    register(workspaceReconciler({ ...deps, vault: createKeyVault(masterKey), database })),
    register(projectReconciler(deps)),
  ];
  stack.use(await startEngine({ database, registrations, clock: systemClock, log: silentLogger }));
  workspace = await requestWorkspace(database, await givenOrganization(database));
  await requestProject(database, workspace, 'shop');
  await until(() =>
    database.asWorker(
      async (tx) => (await sql`select from projects where phase = 'active'`.execute(tx)).rows.length > 0,
    ),
  );
});
afterAll(() => stack.disposeAsync());

const policy = 'apis/networking.k8s.io/v1/namespaces/shop/networkpolicies';
const quota = 'api/v1/namespaces/shop/resourcequotas';
const limits = 'api/v1/namespaces/shop/limitranges';

type Changed = Record<string, unknown> & { metadata: Record<string, unknown> };

/** As an administrator of the workspace, with what the gateway tells of it afterwards. */
async function kubectl(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: object) {
  const answer = await cluster.kubectl(workspace, { method, path: `/${path}`, ...(body && { body }) });
  const verb = { GET: 'get', POST: 'create', PUT: 'update', DELETE: 'delete' }[method];
  await notice(verb, path, { outcome: 'allowed', status: 200 });
  return { status: answer.status, object: answer.body as Changed };
}

/** What the gateway tells of one request. */
async function notice(
  verb: string,
  path: string,
  { outcome, status }: { outcome: 'allowed' | 'failed'; status: number },
): Promise<void> {
  const sink = { write: async () => undefined };
  await noticeWrites(sink, { database: db.database, log: silentLogger }, [policyChanges]).write([
    { action: `kube:${verb}`, target: `workspaces/${workspace}/${path}`, outcome, details: { status } },
  ]);
}

const specOf = async (path: string) => (await kubectl('GET', path)).object['spec'];

describe('what the plan sets in a project', () => {
  it('is what the plan promises, and what is counted of a container it also gives to one that says nothing', async () => {
    const { rows } = await db.database.asWorker((tx) =>
      sql<TenantSize>`select cpu_milli as "cpuMilli", memory_mib as "memoryMib", storage_gib as "storageGib"
        from plans where name = 'pro'`.execute(tx),
    );
    const [pro] = rows;
    if (!pro) throw new Error('no plan pro');
    const hard = hardOf(promisedBy(pro));
    expect(await specOf(`${quota}/hexabase`)).toEqual({ hard });
    const [{ default: given }] = Object(await specOf(`${limits}/hexabase`)).limits;
    const counted = Object.keys(hard).filter((name) => name.startsWith('limits.'));
    expect(Object.keys(given)).toEqual(counted.map((name) => name.slice('limits.'.length)));
  });

  it('does not follow a plan that was only asked for', async () => {
    const path = `${quota}/hexabase`;
    const before = await specOf(path);
    const ask = (plan: string) =>
      db.database.asWorker((tx) => sql`update workspaces set plan = ${plan}`.execute(tx));
    await ask('starter');
    expect((await kubectl('DELETE', path)).status).toBe(200);
    await until(async () => (await kubectl('GET', path)).status === 200);
    expect(await specOf(path)).toEqual(before);
    await ask('pro');
  });

  it.each([
    [policy, 'hexabase-default-deny'],
    [quota, 'hexabase'],
    [limits, 'hexabase'],
  ])('is made again when somebody deletes it: %s', async (collection, name) => {
    const path = `${collection}/${name}`;
    const before = await specOf(path);
    expect((await kubectl('DELETE', path)).status).toBe(200);
    await until(async () => (await kubectl('GET', path)).status === 200);
    expect(await specOf(path)).toEqual(before);
  });

  it.each([
    ['given up before it was answered', 0],
    ['answered with an error of the cluster', 504],
  ])('is made again when its deletion was %s', async (_what, status) => {
    const path = `${quota}/hexabase`;
    expect((await cluster.kubectl(workspace, { method: 'DELETE', path: `/${path}` })).status).toBe(200);
    await notice('delete', `${path}/`, { outcome: 'failed', status });
    await until(async () => (await kubectl('GET', path)).status === 200);
  });

  it.each<[string, string, object]>([
    ['its pods', policy, { podSelector: { matchLabels: { nobody: 'here' } } }],
    ['who comes in', policy, { ingress: [{ from: [{ podSelector: {}, namespaceSelector: {} }] }] }],
    ['who comes in, by one more rule', policy, { ingress: [{ from: [{ podSelector: {} }] }, {}] }],
  ])('is put back when somebody widens it: %s', async (_what, collection, change) => {
    const path = `${collection}/hexabase-default-deny`;
    const { object } = await kubectl('GET', path);
    const spec = { ...(object['spec'] as object), ...change };
    expect((await kubectl('PUT', path, { ...object, spec })).status).toBe(200);
    await until(async () => JSON.stringify(await specOf(path)) === JSON.stringify(object['spec']));
  });

  it('is made again by the next resync when nobody told of it, however long ago the project was made', async () => {
    const path = `${quota}/hexabase`;
    const dueIn = () =>
      db.database.asWorker(async (tx) => {
        const { rows } = await sql<{ minutes: number }>`
          select (extract(epoch from due_at - now()) / 60)::float8 as minutes from reconcile_queue
          where kind = 'project' and lease_owner is null`.execute(tx);
        return rows[0]?.minutes ?? 0;
      });
    // What the tests before have woken comes to rest: looked at again within twelve minutes.
    await until(async () => (await dueIn()) > 5);
    expect(await dueIn()).toBeLessThanOrEqual(12);
    expect((await cluster.kubectl(workspace, { method: 'DELETE', path: `/${path}` })).status).toBe(200);
    await db.database.asWorker((tx) =>
      sql`update reconcile_queue set due_at = now() where kind = 'project'`.execute(tx),
    );
    await until(
      async () => (await cluster.kubectl(workspace, { method: 'GET', path: `/${path}` })).status === 200,
    );
  });

  it('is put back when somebody makes the quota anew for some pods only', async () => {
    const path = `${quota}/hexabase`;
    const { object } = await kubectl('GET', path);
    await cluster.kubectl(workspace, { method: 'DELETE', path: `/${path}` });
    const { name, namespace, labels } = object.metadata;
    const spec = { hard: { pods: '100' }, scopes: ['BestEffort'] };
    const made = await kubectl('POST', quota, {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name, namespace, labels },
      spec,
    });
    expect(made.status, JSON.stringify(made.object)).toBe(201);
    await until(async () => JSON.stringify(await specOf(path)) === JSON.stringify(object['spec']));
  });

  it('leaves alone what somebody adds under another name', async () => {
    const added = {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: 'from-anywhere', namespace: 'shop' },
      spec: { podSelector: {}, policyTypes: ['Ingress'], ingress: [{}] },
    };
    expect((await kubectl('POST', policy, added)).status).toBe(201);
    expect((await kubectl('DELETE', `${policy}/hexabase-default-deny`)).status).toBe(200);
    await until(async () => (await kubectl('GET', `${policy}/hexabase-default-deny`)).status === 200);
    expect((await kubectl('GET', `${policy}/from-anywhere`)).status).toBe(200);
  });
});

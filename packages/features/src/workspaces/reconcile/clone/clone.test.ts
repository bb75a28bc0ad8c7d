import { sql } from 'kysely';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ClusterDriver, TenantRequest, TenantResponse } from '@hexabase/cluster/port.ts';
import { systemClock } from '@hexabase/kernel/clock.ts';
import { createKeyVault, type KeyVault } from '@hexabase/kernel/key-vault.ts';
import type { WorkspaceId } from '@hexabase/kernel/id.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { startEngine } from '@hexabase/reconcile/engine.ts';
import { register } from '@hexabase/reconcile/registration.ts';
import { givenOrganization, requestClone, requestWorkspace, until } from '@hexabase/testkit/given.ts';
import { memoryCluster, type MemoryCluster } from '@hexabase/testkit/memory-cluster.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import { workspaceReconciler } from '../workspace-reconciler.ts';

let stack: AsyncDisposableStack;
let test1: TestDatabase;
let cluster: MemoryCluster;
let source: WorkspaceId;
/** How far the reconcilers' clock is ahead. */
let aheadMs = 0;
/** What was locked away, and what was opened again, in characters. */
const vaultCharacters = { sealed: 0, opened: 0 };
/** What a clone refuses; null when it takes all. */
let refuses: (request: TenantRequest) => boolean;

beforeEach(async () => {
  aheadMs = 0;
  refuses = () => false;
  Object.assign(vaultCharacters, { sealed: 0, opened: 0 });
  stack = new AsyncDisposableStack();
  test1 = stack.use(await testDatabase());
  const { database, admin, masterKey } = test1;
  cluster = stack.use(await memoryCluster(admin));
  const clock = { now: () => systemClock.now() + aheadMs };
  const issuer = 'https://hexabase.example/oidc';
  const vault = counting(createKeyVault(masterKey));
  const deps = { driver: refusing(cluster.driver), issuer, clock, vault, database };
  const registrations = [register(workspaceReconciler(deps))];
  stack.use(await startEngine({ database, registrations, clock, log: silentLogger }));
  source = await requestWorkspace(database, await givenOrganization(database));
  await ended(source, 'active');
});
afterEach(() => stack.disposeAsync());

function counting(vault: KeyVault): KeyVault {
  return {
    seal(plain, context) {
      const sealed = vault.seal(plain, context);
      vaultCharacters.sealed += sealed.length;
      return sealed;
    },
    open(sealed, context) {
      vaultCharacters.opened += sealed.length;
      return vault.open(sealed, context);
    },
  };
}

function refusing(driver: ClusterDriver): ClusterDriver {
  const no: TenantResponse = { status: 403, body: { message: 'no account "default" yet' } };
  return {
    ...driver,
    tenantClient(id) {
      const client = driver.tenantClient(id);
      const isRefused = (request: TenantRequest) =>
        id !== source && request.method === 'POST' && refuses(request);
      return { request: async (request) => (isRefused(request) ? no : client.request(request)) };
    },
  };
}

interface Row {
  phase: string;
  conditions: { type: string; status: string; reason: string; message: string }[];
  clone: { objects?: number } | null;
}

async function read<T>(query: ReturnType<typeof sql<T>>): Promise<T[]> {
  return test1.database.asWorker(async (tx) => (await query.execute(tx)).rows);
}

async function ended(id: WorkspaceId, phase: string): Promise<Row> {
  return until(
    async () => (await read(sql<Row>`select * from workspaces where id = ${id} and phase = ${phase}`))[0],
  );
}

async function fillSource(count: number): Promise<void> {
  for (let at = 0; at < count; at++) {
    // Nothing that compresses: the size of what is kept is the size of what is in it.
    const data = { noise: crypto.getRandomValues(Buffer.alloc(300)).toString('base64') };
    const body = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: `c${at}`, namespace: 'default' },
      data,
    };
    const path = '/api/v1/namespaces/default/configmaps';
    expect((await cluster.kubectl(source, { method: 'POST', path, body })).status).toBe(201);
  }
}

async function configMapsIn(id: WorkspaceId): Promise<number> {
  const { body } = await cluster.kubectl(id, {
    method: 'GET',
    path: '/api/v1/namespaces/default/configmaps',
  });
  return Object(body).items.filter((one: unknown) =>
    String(Object(Object(one).metadata).name).startsWith('c'),
  ).length;
}

const contentOf = ({ conditions }: Row) => conditions.find(({ type }) => type === 'ContentCopied');

test('what was kept of a source is opened once, however many parts it has', async () => {
  await fillSource(450);
  const copy = await requestClone(test1.database, source);
  const { clone } = await ended(copy, 'active');
  expect(await configMapsIn(copy)).toBe(450);
  expect(clone?.objects).toBe(450);
  expect(vaultCharacters.sealed).toBeGreaterThan(450 * 300);
  expect(vaultCharacters.opened).toBe(vaultCharacters.sealed);
  expect(
    await read(sql`select 1 from workspace_copies union all select 1 from workspace_copy_parts`),
  ).toEqual([]);
});

test('what a clone refuses at first is tried again, however long ago it was asked for', async () => {
  await fillSource(1);
  let refusals = 0;
  refuses = ({ path }) => path.includes('/configmaps') && refusals++ === 0;
  // Its host was busy for an hour before anything could be written.
  aheadMs = 60 * 60_000;
  const copy = await requestClone(test1.database, source);
  await ended(copy, 'active');
  expect(refusals).toBeGreaterThan(1);
  expect(await configMapsIn(copy)).toBe(1);
});

test('what a clone keeps refusing ends it with the name of the object', async () => {
  await fillSource(1);
  refuses = ({ path }) => path.includes('/configmaps');
  const copy = await requestClone(test1.database, source);
  await until(
    async () =>
      (await read(sql`update workspace_copies set refusals = 59 where refusals = 1 returning 1`))[0],
  );
  const row = await ended(copy, 'failed');
  expect(contentOf(row)).toMatchObject({ status: 'False', reason: 'NotTaken' });
  expect(contentOf(row)?.message).toContain('ConfigMap default/c0: no account "default" yet');
});

test('a clone is not begun with a plan that what runs in its source does not fit into', async () => {
  const quota = { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'seen' } };
  const body = { ...quota, status: { used: { 'requests.cpu': '64001m' } } };
  await cluster.kubectl(source, { method: 'POST', path: '/api/v1/resourcequotas', body });
  const copy = await requestClone(test1.database, source);
  const row = await ended(copy, 'failed');
  expect(contentOf(row)).toMatchObject({ status: 'False', reason: 'SourceAbovePlan' });
  expect(contentOf(row)?.message).toMatch(/The plan pro is too small .* 64\.001 of \d+ CPU/);
});

test('a clone whose copy was lost on the way says so, and never takes another moment of its source', async () => {
  await fillSource(1);
  refuses = ({ path }) => path.includes('/configmaps');
  const copy = await requestClone(test1.database, source);
  await until(async () => (await read(sql`delete from workspace_copies where refusals > 0 returning 1`))[0]);
  refuses = () => false;
  expect(contentOf(await ended(copy, 'failed'))).toMatchObject({ status: 'False', reason: 'CopyLost' });
  expect(await configMapsIn(copy)).toBe(0);
});

import { newId, type WorkspaceId } from '@hexabase/kernel/id.ts';
import { memoryCluster, type MemoryCluster } from '@hexabase/testkit/memory-cluster.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ClusterDriver, TenantSpec } from '../port.ts';
import { driverByPlacement, PartialListError } from './by-placement.ts';

const call = { signal: AbortSignal.timeout(60_000) };
let stack: AsyncDisposableStack;
let builtIn: MemoryCluster;
let remote: MemoryCluster;
let places: Map<WorkspaceId, string>;
let hosts: Map<string, ClusterDriver | null>;
let changed: (() => void)[];
let driver: ClusterDriver;

async function cluster(): Promise<MemoryCluster> {
  const database: TestDatabase = stack.use(await testDatabase());
  return stack.use(await memoryCluster(database.admin));
}

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  builtIn = await cluster();
  const made = await cluster();
  remote = { ...made, driver: { ...made.driver, name: 'remote' } };
  places = new Map();
  hosts = new Map([['fra', remote.driver]]);
  changed = [];
  driver = driverByPlacement({
    builtIn: builtIn.driver,
    driverOf: (name) => hosts.get(name) ?? null,
    names: () => [...hosts.keys()],
    placementOf: async (id) => places.get(id) ?? null,
    onChange: (listener) => {
      changed.push(listener);
      return { [Symbol.dispose]: () => undefined };
    },
  });
});
afterEach(() => stack.disposeAsync());

async function tenantOn(host: string | null): Promise<WorkspaceId> {
  const workspaceId = newId<'Workspace'>();
  if (host !== null) places.set(workspaceId, host);
  const spec: TenantSpec = {
    workspaceId,
    slug: 'x',
    fence: 1,
    generation: 1,
    identity: { issuer: 'https://issuer.example/oidc', audience: `ws:${workspaceId}` },
    size: { cpuMilli: 1, memoryMib: 1, storageGib: 1 },
    isolation: 'shared',
    asleep: false,
    kubernetesVersion: null,
  };
  await driver.ensureTenant(spec, call);
  return workspaceId;
}

async function idsIn(one: ClusterDriver): Promise<WorkspaceId[]> {
  return (await one.listTenants(call)).map(({ workspaceId }) => workspaceId).toSorted();
}

describe('one driver over several clusters', () => {
  it('makes, reads and removes a workspace on its own cluster and on no other', async () => {
    const here = await tenantOn(null);
    const there = await tenantOn('fra');
    expect([await idsIn(builtIn.driver), await idsIn(remote.driver)]).toEqual([[here], [there]]);
    expect((await driver.observeTenant(there, call)).kind).toBe('present');
    const path = '/api/v1/namespaces/default';
    expect((await driver.tenantClient(there).request({ method: 'GET', path })).status).toBe(200);
    await driver.removeTenant(there, 2, call);
    expect((await driver.observeTenant(there, call)).kind).toBe('absent');
    expect(await idsIn(driver)).toEqual([here]);
  });

  it('lists the tenants of all clusters', async () => {
    const all = [await tenantOn(null), await tenantOn('fra')].toSorted();
    expect(await idsIn(driver)).toEqual(all);
  });

  it('tells which driver really carries a workspace, alone and in the list, also when its host cannot be used', async () => {
    const here = await tenantOn(null);
    const there = await tenantOn('fra');
    expect([await driver.nameFor?.(here), await driver.nameFor?.(there)]).toEqual(['memory', 'remote']);
    const listed = (await driver.listTenants(call)).map((one) => [one.workspaceId, one.driver]);
    expect(Object.fromEntries(listed)).toEqual({ [here]: 'memory', [there]: 'remote' });
    hosts.set('fra', null);
    expect(await driver.nameFor?.(there)).toBe('vcluster');
  });

  it('goes on for other workspaces when a host cluster cannot be used', async () => {
    const here = await tenantOn(null);
    const there = await tenantOn('fra');
    hosts.set('fra', null);
    expect((await driver.observeTenant(here, call)).kind).toBe('present');
    for (const lost of [
      driver.observeTenant(there, call),
      driver.removeTenant(there, 2, call),
      driver.upstream(there),
      driver.tenantClient(there).request({ method: 'GET', path: '/version' }),
    ]) {
      await expect(lost).rejects.toMatchObject({ code: 'cluster_unavailable' });
    }
  });

  it('tells what it could not see: tenants of a host cluster that is down are not missing, they are unknown', async () => {
    const here = await tenantOn(null);
    const there = await tenantOn('fra');
    hosts.set('fra', null);
    const error = await driver.listTenants(call).catch((thrown: unknown) => thrown);
    if (!(error instanceof PartialListError)) throw new Error('a list that lacks a host cluster was given');
    expect(error.unreachable).toEqual(['fra']);
    expect(error.tenants.map(({ workspaceId }) => workspaceId)).toEqual([here]);
    expect([await error.sees(here), await error.sees(there)]).toEqual([true, false]);
  });

  it('follows the namespaces of clusters that come later, and no longer those that went', async () => {
    const seen: WorkspaceId[] = [];
    using _watch = driver.watchNamespaces?.((id) => seen.push(id)) ?? { [Symbol.dispose]: () => undefined };
    const late = await cluster();
    hosts.set('nyc', late.driver);
    hosts.delete('fra');
    for (const listener of changed) listener();
    const [there, gone] = [await tenantOn('nyc'), newId<'Workspace'>()];
    const namespace = {
      method: 'POST',
      path: '/api/v1/namespaces',
      body: { metadata: { name: 'a' } },
    } as const;
    await late.kubectl(there, namespace);
    await remote.kubectl(gone, namespace);
    expect(seen).toEqual([there]);
  });
});

import type { Socket } from 'node:net';
import { hostAccess } from '@hexabase/cluster/host/host-access.ts';
import type { KubeClient } from '@hexabase/cluster/kube-api/client.ts';
import { memoryCluster } from '@hexabase/testkit/memory-cluster.ts';
import { addHost, changeHost, requireHost } from '@hexabase/features/host-clusters/host-cluster.ts';
import { systemClock } from '@hexabase/kernel/clock.ts';
import { createKeyVault } from '@hexabase/kernel/key-vault.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { until } from '@hexabase/testkit/given.ts';
import { testDatabase } from '@hexabase/testkit/test-database.ts';
import { expect, it } from 'vitest';
import { readHostSettings } from './host-settings.ts';
import { openHosts, type Hosts } from './open-hosts.ts';
import { newHostRow, standInApi } from './stand-in-api.ts';

const surroundings = {
  settings: readHostSettings({}, {}, {}),
  issuerAuthority: null,
  dataDir: '/nowhere',
  clock: systemClock,
  log: silentLogger,
};

it('closing them also closes what was opened with credentials that were replaced a moment ago', async () => {
  await using db = await testDatabase();
  const { database } = db;
  const vault = createKeyVault(db.masterKey);
  const connections = new Set<Socket>();
  await using api = await standInApi(() => ({ status: 200, body: {} }));
  // Only the other side closes.
  api.server.keepAliveTimeout = 0;
  api.server.on('secureConnection', (socket: Socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
  const credentials = (token: string) => ({
    kubeconfig: api.kubeconfigOf(token),
    context: undefined,
  });
  const access = hostAccess(vault);
  const id = await database.asWorker(
    async (tx) =>
      (await addHost(tx, { row: newHostRow, credentials: credentials('first'), access, nowMs: Date.now() }))
        .id,
  );
  const use = async (hosts: Hosts): Promise<KubeClient> => {
    const client = await hosts.clientOf(id);
    await client.request({ method: 'GET', path: '/version' });
    return client;
  };
  await using memory = await memoryCluster(db.admin);
  const builtIn = memory.driver;
  {
    await using hosts = await openHosts({ ...surroundings, database, vault, builtIn });
    const before = await use(hosts);
    await database.asWorker(async (tx) =>
      changeHost(tx, await requireHost(tx, 'east'), {
        change: {},
        credentials: credentials('second'),
        access,
      }),
    );
    expect(await use(hosts)).not.toBe(before);
    expect(connections.size).toBe(2);
  }
  await until(async () => connections.size === 0);
});

it('a change that could not be read is read soon, without another one', async () => {
  await using db = await testDatabase();
  const vault = createKeyVault(db.masterKey);
  await using memory = await memoryCluster(db.admin);
  await using api = await standInApi(() => ({ status: 200, body: {} }));
  let failures = 0;
  const database: typeof db.database = {
    ...db.database,
    asWorker: (work) => {
      if (failures !== 1) return db.database.asWorker(work);
      failures = 2;
      return Promise.reject(new Error('no connection'));
    },
  };
  await using hosts = await openHosts({ ...surroundings, database, vault, builtIn: memory.driver });
  expect(hosts.names()).toEqual([]);
  failures = 1;
  const credentials = { kubeconfig: api.kubeconfigOf('mine'), context: undefined };
  await db.database.asWorker((tx) =>
    addHost(tx, { row: newHostRow, credentials, access: hostAccess(vault), nowMs: Date.now() }),
  );
  await until(async () => failures === 2);
  expect(hosts.names()).toEqual([]);
  await until(async () => hosts.names().includes('east'));
});

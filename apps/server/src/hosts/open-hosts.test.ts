import { once } from 'node:events';
import { createServer } from 'node:https';
import type { Socket } from 'node:net';
import { hostAccess } from '@hexabase/cluster/host/host-access.ts';
import type { KubeClient } from '@hexabase/cluster/kube-api/client.ts';
import { memoryCluster } from '@hexabase/testkit/memory-cluster.ts';
import { addHost, changeHost, requireHost } from '@hexabase/features/host-clusters/host-cluster.ts';
import { makeAuthority, signServer } from '@hexabase/kernel/certificates/sign-certificates.ts';
import { systemClock } from '@hexabase/kernel/clock.ts';
import { createKeyVault } from '@hexabase/kernel/key-vault.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { until } from '@hexabase/testkit/given.ts';
import { testDatabase } from '@hexabase/testkit/test-database.ts';
import { expect, it } from 'vitest';
import { readHostSettings } from './host-settings.ts';
import { openHosts, type Hosts } from './open-hosts.ts';

const row = {
  name: 'east',
  region: 'eu',
  labels: {},
  dedicated_nodes: false,
  max_workspaces: null,
  max_cpu_milli: null,
  max_memory_mib: null,
  created_by: null,
};

function kubeconfigOf(port: number, authority: string, token: string): string {
  const ca = Buffer.from(authority).toString('base64');
  return JSON.stringify({
    'current-context': 'x',
    clusters: [
      { name: 'c', cluster: { server: `https://127.0.0.1:${port}`, 'certificate-authority-data': ca } },
    ],
    users: [{ name: 'u', user: { token } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
  });
}

it('closing them also closes what was opened with credentials that were replaced a moment ago', async () => {
  await using db = await testDatabase();
  const { database } = db;
  const vault = createKeyVault(db.masterKey);
  const authority = makeAuthority([], Date.now());
  const { certPem: cert, keyPem: key } = signServer(authority, ['127.0.0.1'], Date.now());
  const connections = new Set<Socket>();
  const api = createServer({ cert, key }, (_request, response) => void response.end('{}'));
  // Only the other side closes.
  api.keepAliveTimeout = 0;
  api.on('secureConnection', (socket: Socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
  await once(api.listen(0, '127.0.0.1'), 'listening');
  const address = api.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const credentials = (token: string) => ({
    kubeconfig: kubeconfigOf(port, authority.certPem, token),
    context: undefined,
  });
  const access = hostAccess(vault);
  const id = await database.asWorker(
    async (tx) =>
      (await addHost(tx, { row, credentials: credentials('first'), access, nowMs: Date.now() })).id,
  );
  const use = async (hosts: Hosts): Promise<KubeClient> => {
    const client = await hosts.clientOf(id);
    await client.request({ method: 'GET', path: '/version' });
    return client;
  };
  await using memory = await memoryCluster(db.admin);
  const builtIn = memory.driver;
  {
    await using hosts = await openHosts({
      database,
      vault,
      builtIn,
      settings: readHostSettings({}, {}, {}),
      issuerAuthority: null,
      dataDir: '/nowhere',
      clock: systemClock,
      log: silentLogger,
    });
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
  api.close();
});

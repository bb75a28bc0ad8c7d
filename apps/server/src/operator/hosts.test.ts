import { createKeyVault } from '@hexabase/kernel/key-vault.ts';
import { testDatabase } from '@hexabase/testkit/test-database.ts';
import { expect, it } from 'vitest';
import { newHostRow, standInApi } from '../hosts/stand-in-api.ts';
import { readHostSettings, imagesOf } from '../hosts/host-settings.ts';
import { checkHost, makeHost } from './hosts.ts';

it('a host whose nodes cannot be read now is still asked for what its version alone decides', async () => {
  await using db = await testDatabase();
  const store = { database: db.database, vault: createKeyVault(db.masterKey) };
  await using api = await standInApi((path) => {
    if (path === '/version') return { status: 200, body: { gitVersion: 'v1.34.4' } };
    if (path.startsWith('/api/v1/nodes')) return { status: 500, body: {} };
    return { status: 200, body: { metadata: { uid: 'this-one' }, status: { allowed: true }, items: [] } };
  });
  await makeHost(store, {
    row: newHostRow,
    credentials: { kubeconfig: api.kubeconfigOf('mine'), context: undefined },
  });
  const { checks } = await checkHost(store, 'east', {
    issuer: null,
    discoveryUrl: undefined,
    image: null,
    command: null,
    pullPolicy: 'Never',
    storageClass: null,
    networks: { internal: [], senders: [] },
    tenantVersions: ['v1.34.4'],
    chart: {
      source: { location: '/nowhere', digest: null },
      keptIn: '/nowhere',
      images: imagesOf(readHostSettings({}, {}, {})),
    },
    findHelm: () => Promise.reject(new Error('none')),
    trust: null,
  });
  const statuses = Object.fromEntries(checks.map(({ type, status }) => [type, status]));
  expect(statuses).toMatchObject({ Reachable: 'True', NodesReady: 'Unknown', TenantVersionsFit: 'True' });
});

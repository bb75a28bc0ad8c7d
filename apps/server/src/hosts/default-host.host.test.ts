import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hostAccess } from '@hexabase/cluster/host/host-access.ts';
import {
  addHost,
  plainHost,
  removeHost,
  requireHost,
} from '@hexabase/features/host-clusters/host-cluster.ts';
import { hostConnections } from '@hexabase/features/host-clusters/reconcile/store.ts';
import { systemClock } from '@hexabase/kernel/clock.ts';
import { createKeyVault } from '@hexabase/kernel/key-vault.ts';
import { kubeBinaries } from '@hexabase/testkit/host-cluster.ts';
import { startKubeApiServer, writeKubeconfig } from '@hexabase/testkit/kube-api-server.ts';
import { testDatabase } from '@hexabase/testkit/test-database.ts';
import { expect, it } from 'vitest';
import { readConfig } from '../config.ts';
import { ensureDefaultHost } from './default-host.ts';

const binaries = kubeBinaries();

it.skipIf(binaries === null)(
  'a start with the kubeconfig of a cluster that has another name says that name, adds nothing and changes nothing',
  async () => {
    await using stack = new AsyncDisposableStack();
    const token = 'administrator';
    const administrator = { token, name: token, groups: ['system:masters'] };
    const server = stack.use(await startKubeApiServer(binaries ?? '', [administrator]));
    const { database, masterKey } = stack.use(await testDatabase());
    const folder = await mkdtemp(join(tmpdir(), 'hks-default-host-'));
    stack.defer(() => rm(folder, { recursive: true }));
    const path = join(folder, 'host.yaml');
    await writeKubeconfig(path, { url: server.url, authority: server.certificateAuthority, token });
    const kubeconfig = await readFile(path, 'utf8');
    const vault = createKeyVault(masterKey);
    const config = readConfig({ hostKubeconfig: path, dataDir: folder }, {});
    const started = () => ensureDefaultHost({ config, database, vault, clock: systemClock });
    const hosts = () => database.asWorker(hostConnections);

    await database.asWorker((tx) =>
      addHost(tx, {
        row: {
          name: 'east',
          region: 'eu',
          ...plainHost,
        },
        credentials: { kubeconfig, context: undefined },
        access: hostAccess(vault),
        nowMs: systemClock.now(),
      }),
    );
    const before = await hosts();
    expect(await started()).toBe('east');
    expect(await hosts()).toEqual(before);

    await database.asWorker(async (tx) => removeHost(tx, await requireHost(tx, 'east')));
    for (let time = 0; time < 2; time++) {
      expect(await started()).toBeNull();
      expect((await hosts()).map(({ name }) => name)).toEqual(['default']);
    }
  },
);

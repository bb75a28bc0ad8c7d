import { join } from 'node:path';
import { embeddedDriver } from '@hexabase/cluster/drivers/embedded/driver.ts';
import { LocalBinariesError } from '@hexabase/cluster/drivers/local/binaries.ts';
import { localDriver } from '@hexabase/cluster/drivers/local/driver.ts';
import type { ClusterDriver } from '@hexabase/cluster/port.ts';
import type { Clock } from '@hexabase/kernel/clock.ts';
import type { Logger } from '@hexabase/kernel/log.ts';
import { builtInDriverInUse } from '@hexabase/features/workspaces/reconcile/built-in-driver-in-use.ts';
import { openKubernetes } from '@hexabase/kubernetes/open-kubernetes.ts';
import { createPostgresPersistence } from '@hexabase/kubernetes/store/persistence-postgres.ts';
import type { Identity } from '@hexabase/oidc/identity.ts';
import { tenantAuthenticator } from '@hexabase/oidc/tenant-authenticator.ts';
import type { OpenedDatabase } from '@hexabase/postgres/open-database.ts';
import type { ServerConfig } from '../config.ts';
import { StartError } from '../lifecycle/data-folder.ts';
import { keepNote, readNote } from '../lifecycle/notes.ts';

export interface BuiltInDriverOptions {
  config: ServerConfig;
  database: OpenedDatabase;
  identity: Identity;
  clock: Clock;
  log: Logger;
  /** PEM of our own authority. */
  caPem: string;
  /** PEM of the authority behind the public address; null when it is publicly trusted. */
  issuerAuthority: string | null;
}

type DriverName = NonNullable<ServerConfig['driver']>;

const kubernetesConnections = 4;

/**
 * What carries the workspaces that are on no host cluster. What it opens is closed with `opened`. Throws `StartError` when
 * the programs of `local` cannot be used, or when the workspaces of this data folder are on another driver.
 */
export async function openBuiltInDriver(
  opened: AsyncDisposableStack,
  options: BuiltInDriverOptions,
): Promise<ClusterDriver> {
  const { config } = options;
  const noted = readNote(config.dataDir, 'driver');
  const name = chosenDriver(config, noted ?? (await options.database.asWorker(builtInDriverInUse)));
  const driver = name === 'local' ? opened.use(await openLocal(options)) : openEmbedded(opened, options);
  keepNote(config.dataDir, 'driver', name);
  return driver;
}

/**
 * Nothing moves a workspace from one to the other: it would be found missing there, and made again, empty. What is
 * remembered is the note in the data folder, or, where that is missing, what the workspaces themselves were recorded with.
 */
export function chosenDriver(
  { driver, dataDir }: Pick<ServerConfig, 'driver' | 'dataDir'>,
  remembered: string | null,
): DriverName {
  const known = remembered === 'local' ? 'local' : remembered === 'embedded' ? 'embedded' : null;
  if (known !== null && driver !== undefined && driver !== known) {
    throw new StartError(
      `The workspaces of ${dataDir} are on the driver ${known}. Leave --driver out, or choose another --data-dir for ${driver}.`,
    );
  }
  return driver ?? known ?? 'embedded';
}

async function openLocal({ config, issuerAuthority, clock, log }: BuiltInDriverOptions) {
  if (config.kubeBin === undefined) {
    throw new StartError(
      'The driver local needs the programs of Kubernetes: set HKS_KUBE_BIN to a folder with kube-apiserver, etcd, kube-controller-manager, kube-scheduler and, for simulated nodes, kwok.',
    );
  }
  try {
    return await localDriver({
      root: join(config.dataDir, 'clusters'),
      binaries: config.kubeBin,
      issuerAuthority: () => issuerAuthority,
      clock,
      log,
    });
  } catch (error) {
    throw error instanceof LocalBinariesError ? new StartError(error.message) : error;
  }
}

function openEmbedded(opened: AsyncDisposableStack, options: BuiltInDriverOptions): ClusterDriver {
  const { database, identity, clock, log, caPem } = options;
  const persistence = createPostgresPersistence(database.openPool('hexabase_kube', kubernetesConnections));
  const authenticatorOf = tenantAuthenticator({ keys: identity.keys, issuer: identity.issuer, clock });
  return embeddedDriver(
    opened.use(openKubernetes({ persistence, authenticatorOf, clock, log, caCertificate: caPem })),
  );
}

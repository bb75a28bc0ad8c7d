import { isDeepStrictEqual } from 'node:util';
import { isThisMachine } from '@hexabase/cluster/host/from-pod/issuer-from-pod.ts';
import { hostAccess } from '@hexabase/cluster/host/host-access.ts';
import { openSealedEndpoint } from '@hexabase/cluster/host/sealed-endpoint.ts';
import {
  addHost,
  plainHost,
  changeHost,
  withHostAccess,
  type Credentials,
} from '@hexabase/features/host-clusters/host-cluster.ts';
import { hostConnections } from '@hexabase/features/host-clusters/reconcile/store.ts';
import { findHostRow } from '@hexabase/features/host-clusters/store.ts';
import type { Clock } from '@hexabase/kernel/clock.ts';
import { isAppError } from '@hexabase/kernel/errors.ts';
import type { KeyVault } from '@hexabase/kernel/key-vault.ts';
import type { Database, Tx } from '@hexabase/postgres/database.ts';
import type { ServerConfig } from '../config.ts';
import { readNamed, StartError } from '../lifecycle/data-folder.ts';

/** Name of the host cluster that `up --host-kubeconfig` adds. */
const defaultName = 'default';

/**
 * Refuses a host cluster together with an address that its pods cannot reach: tenants' API servers fetch our keys from
 * there, and nobody could sign in to a workspace. Throws `StartError`.
 */
export function requirePublicIssuer({ hosts, publicUrl }: ServerConfig): void {
  if (hosts.hostKubeconfig === undefined) return;
  const way =
    'Give --public-url https://NAME[:PORT], an address of this machine that pods of the host cluster reach, and --listen 0.0.0.0.';
  const why =
    'Workspaces on a host cluster verify sign-ins with keys that they fetch from this server, so its public address must be one that pods reach.';
  if (publicUrl === undefined) throw new StartError(`${why} ${way}`);
  if (isThisMachine(publicUrl)) {
    const host = new URL(publicUrl).host;
    throw new StartError(`${why} For a pod, ${host} is the pod itself. ${way}`);
  }
}

export interface DefaultHostOptions {
  config: ServerConfig;
  database: Pick<Database, 'asWorker'>;
  vault: KeyVault;
  clock: Clock;
}

/**
 * Adds the cluster of `--host-kubeconfig` as host cluster `default`, or gives the one that is there the newest
 * credentials. Safe to repeat. One that was added under another name stays as it is: answers that name, null for all else.
 * Throws `StartError` for a kubeconfig that cannot be used.
 */
export async function ensureDefaultHost({
  config,
  database,
  vault,
  clock,
}: DefaultHostOptions): Promise<string | null> {
  const { hostKubeconfig, hostRegion } = config.hosts;
  if (hostKubeconfig === undefined) return null;
  const kubeconfig = readNamed(hostKubeconfig, `The kubeconfig ${hostKubeconfig}`);
  const credentials = { kubeconfig, context: undefined };
  const given = { credentials, hostRegion, vault, nowMs: clock.now() };
  try {
    await withHostAccess(hostAccess(vault), (access) =>
      database.asWorker((tx) => addOrRenew(tx, { ...given, access })),
    );
  } catch (error) {
    if (isAppError(error, 'validation_failed'))
      throw new StartError(`${hostKubeconfig} cannot be used: ${error.message}`);
    if (!isAppError(error, 'already_exists')) throw error;
    const { hostCluster } = error.details;
    // Else another replica was faster.
    if (typeof hostCluster === 'string' && hostCluster !== defaultName) return hostCluster;
  }
  return null;
}

interface GivenHost {
  credentials: Credentials;
  hostRegion: string;
  vault: KeyVault;
  access: ReturnType<typeof hostAccess>;
  nowMs: number;
}

async function addOrRenew(
  tx: Tx,
  { credentials, hostRegion, vault, access, nowMs }: GivenHost,
): Promise<void> {
  const row = await findHostRow(tx, defaultName, true);
  if (!row) {
    const settings = {
      name: defaultName,
      region: hostRegion,
      ...plainHost,
    };
    await addHost(tx, { row: settings, credentials, access, nowMs });
    return;
  }
  const sealed = (await hostConnections(tx)).find((host) => host.id === row.id)?.sealed ?? null;
  if (isSame(vault, row.id, { before: sealed, now: access.seal(row.id, credentials).sealed })) return;
  await changeHost(tx, row, { change: {}, credentials, access });
}

/** Ciphertexts differ every time, so what is in them is compared. */
function isSame(
  vault: KeyVault,
  id: string,
  { before, now }: { before: string | null; now: string },
): boolean {
  if (before === null) return false;
  try {
    return isDeepStrictEqual(openSealedEndpoint(vault, id, before), openSealedEndpoint(vault, id, now));
  } catch {
    return false;
  }
}

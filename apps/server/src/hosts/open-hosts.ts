import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { driverByPlacement } from '@hexabase/cluster/drivers/by-placement.ts';
import { vclusterDriver } from '@hexabase/cluster/drivers/vcluster/driver.ts';
import { guardedHost } from '@hexabase/cluster/host/cluster-identity.ts';
import { openSealedEndpoint } from '@hexabase/cluster/host/sealed-endpoint.ts';
import { createKubeClient, type KubeClient } from '@hexabase/cluster/kube-api/client.ts';
import { inClusterEndpoint, inClusterNamespace } from '@hexabase/cluster/kube-api/endpoint.ts';
import type { ClusterDriver } from '@hexabase/cluster/port.ts';
import {
  confirmCluster,
  hostConnections,
  placementOf,
  type HostConnection,
} from '@hexabase/features/host-clusters/reconcile/store.ts';
import type { Clock } from '@hexabase/kernel/clock.ts';
import type { WorkspaceId } from '@hexabase/kernel/id.ts';
import type { KeyVault } from '@hexabase/kernel/key-vault.ts';
import type { Logger } from '@hexabase/kernel/log.ts';
import type { OpenedDatabase } from '@hexabase/postgres/open-database.ts';
import { findHelm } from './helm.ts';
import { networksOf } from './host-networks.ts';
import { discoveryDocument, imagesOf, type HostSettings } from './host-settings.ts';

export interface HostsOptions {
  database: OpenedDatabase;
  vault: Pick<KeyVault, 'open'>;
  /** Carries what is on no host cluster. */
  builtIn: ClusterDriver;
  settings: HostSettings;
  /** PEM of the authority behind the address at which tenants fetch our keys; null when it is publicly trusted. */
  issuerAuthority: string | null;
  dataDir: string;
  clock: Clock;
  log: Logger;
}

/** Connections to the host clusters of the database; they follow its rows. */
export interface Hosts extends AsyncDisposable {
  /** Over all of them and the built-in one. */
  driver: ClusterDriver;
  /** Of those of now, also of those that cannot be used. */
  names(): string[];
  /** Throws a sentence when the credentials cannot be used. */
  clientOf(hostClusterId: string): Promise<KubeClient>;
}

interface OpenHost {
  id: string;
  /** Changes with everything that the driver was made from. */
  fingerprint: string;
  client: KubeClient;
  driver: ClusterDriver & AsyncDisposable;
}

/** Long enough for requests that were on their way when the credentials of their host changed. */
const closeAfterMs = 30_000;
const placementsMax = 20_000;
/** Nobody tells a change twice: who could not read it would go on with what was replaced. */
const readAgainMs = 2_000;

/** Opens the host clusters that are there and follows changes. What it opened is closed when it is disposed. */
export async function openHosts(options: HostsOptions): Promise<Hosts> {
  const registry = new Registry(options);
  await registry.start();
  return {
    driver: driverByPlacement({
      builtIn: options.builtIn,
      driverOf: (name) => registry.find(name)?.driver ?? null,
      names: () => registry.names(),
      placementOf: (workspaceId) => registry.placementOf(workspaceId),
      onChange: (changed) => registry.onChange(changed),
    }),
    names: () => registry.names(),
    clientOf: (id) => registry.clientOf(id),
    [Symbol.asyncDispose]: () => registry.stop(),
  };
}

class Registry {
  readonly #options: HostsOptions;
  readonly #open = new Map<string, OpenHost>();
  /** Why a host cluster has no driver: it is what is written of it, and stays until that is another. */
  readonly #problems = new Map<string, Pick<OpenHost, 'id' | 'fingerprint'> & { reason: string }>();
  readonly #placements = new Map<WorkspaceId, string | null>();
  readonly #listeners = new Set<() => void>();
  /** Not used any more; what is still on its way there ends first. */
  readonly #closing = new Map<NodeJS.Timeout, OpenHost>();
  readonly #resources = new AsyncDisposableStack();
  #loading: Promise<void> = Promise.resolve();
  #again: NodeJS.Timeout | undefined;

  constructor(options: HostsOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const reload = (): void => void this.#reload();
    this.#resources.defer(() => clearTimeout(this.#again));
    this.#resources.use(await this.#options.database.listen('hexabase_host_clusters', reload));
    await this.#load();
  }

  #reload(): Promise<void> {
    this.#loading = this.#loading
      .then(() => this.#load())
      .catch((error: unknown) => {
        this.#options.log.warn({ error }, 'host clusters could not be read; this is tried again soon');
        clearTimeout(this.#again);
        if (!this.#resources.disposed)
          this.#again = setTimeout(() => void this.#reload(), readAgainMs).unref();
      });
    return this.#loading;
  }

  async stop(): Promise<void> {
    await this.#resources.disposeAsync();
    await this.#loading;
    for (const timer of this.#closing.keys()) clearTimeout(timer);
    await Promise.all([...this.#open.values(), ...this.#closing.values()].map(close));
    this.#closing.clear();
    this.#open.clear();
  }

  names(): string[] {
    return [...this.#open.keys(), ...this.#problems.keys()];
  }

  find(name: string): OpenHost | undefined {
    return this.#open.get(name);
  }

  /** With the credentials of now: whoever looks may have heard of new ones before we have. */
  async clientOf(id: string): Promise<KubeClient> {
    await this.#reload();
    const host = [...this.#open.values()].find((open) => open.id === id);
    if (host) return host.client;
    const problem = [...this.#problems.values()].find((one) => one.id === id);
    throw new Error(problem?.reason ?? 'The host cluster is not known to this process yet.');
  }

  onChange(changed: () => void): Disposable {
    this.#listeners.add(changed);
    return { [Symbol.dispose]: () => void this.#listeners.delete(changed) };
  }

  /** A workspace stays where it is, so what was read once is kept; one that is not there yet is asked for again. */
  async placementOf(workspaceId: WorkspaceId): Promise<string | null> {
    const known = this.#placements.get(workspaceId);
    if (known !== undefined) return known;
    const found = await this.#options.database.asWorker((tx) => placementOf(tx, workspaceId));
    if (found === undefined) return null;
    if (this.#placements.size >= placementsMax) this.#placements.clear();
    this.#placements.set(workspaceId, found);
    return found;
  }

  async #load(): Promise<void> {
    const rows = await this.#options.database.asWorker(hostConnections);
    const wanted = new Set(rows.map((row) => row.name));
    for (const name of this.#open.keys()) if (!wanted.has(name)) this.#closeLater(name);
    for (const name of this.#problems.keys()) if (!wanted.has(name)) this.#problems.delete(name);
    for (const row of rows) {
      const known = this.#open.get(row.name) ?? this.#problems.get(row.name);
      if (known?.fingerprint !== fingerprintOf(row)) await this.#replace(row);
    }
    for (const changed of this.#listeners) changed();
  }

  async #replace(row: HostConnection): Promise<void> {
    const { id, name } = row;
    const { log } = this.#options;
    try {
      const host = await this.#build(row);
      this.#closeLater(name);
      this.#open.set(name, host);
      this.#problems.delete(name);
    } catch (error) {
      this.#closeLater(name);
      const why = error instanceof Error ? error.message : String(error);
      const reason = `The host cluster ${name} cannot be used: ${why}`;
      this.#problems.set(name, { id, fingerprint: fingerprintOf(row), reason });
      log.error({ error, host: name }, 'a host cluster cannot be used');
    }
  }

  async #build(row: HostConnection): Promise<OpenHost> {
    const { settings, issuerAuthority, clock, log, dataDir, vault, database } = this.#options;
    const { vclusterChart, vclusterChartDigest, tenantKubernetesVersion, storageClass } = settings;
    const client = createKubeClient(endpointOf(vault, row));
    const { name: hostName } = row;
    const discoveryUrl = discoveryDocument(settings);
    const confirm = (seen: string) => database.asWorker((tx) => confirmCluster(tx, row.id, seen));
    const driver = vclusterDriver({
      host: guardedHost(client, { hostName, clock, confirm }),
      hostName,
      chart: {
        source: { location: vclusterChart, digest: vclusterChartDigest ?? null },
        keptIn: join(dataDir, 'charts'),
        // Only new workspaces and changes need it: those that run are reached without.
        helm: () => findHelm({ settings, dataDir, log }),
      },
      images: imagesOf(settings),
      kubernetesVersions: tenantKubernetesVersion,
      issuerAuthority,
      ...(discoveryUrl !== undefined && { discoveryUrl }),
      networks: networksOf(settings),
      reach: row.in_cluster ? 'service' : 'tunnel',
      // The tenants' network policies let this process in.
      ...(row.in_cluster && { controlPlaneNamespace: inClusterNamespace() }),
      ...(storageClass !== undefined && { storage: { className: storageClass, sizeGib: 5 } }),
      clock,
      log: log.child({ host: row.name }),
    });
    return { id: row.id, fingerprint: fingerprintOf(row), client, driver };
  }

  #closeLater(name: string): void {
    const host = this.#open.get(name);
    if (!host) return;
    this.#open.delete(name);
    const timer = setTimeout(() => {
      this.#closing.delete(timer);
      close(host).catch((error: unknown) => {
        this.#options.log.warn(
          { error, host: name },
          'a host cluster that is not used any more was not closed',
        );
      });
    }, closeAfterMs);
    timer.unref();
    this.#closing.set(timer, host);
  }
}

async function close({ driver, client }: OpenHost): Promise<void> {
  await driver[Symbol.asyncDispose]();
  client[Symbol.dispose]();
}

function endpointOf(vault: Pick<KeyVault, 'open'>, row: HostConnection) {
  if (row.in_cluster) return inClusterEndpoint();
  if (row.sealed === null) throw new Error('it has no credentials; give it a kubeconfig');
  try {
    return openSealedEndpoint(vault, row.id, row.sealed);
  } catch {
    throw new Error(
      'its credentials were encrypted under another master key, or changed; give its kubeconfig again',
    );
  }
}

function fingerprintOf({ id, in_cluster, sealed, name }: HostConnection): string {
  return createHash('sha256')
    .update(`${id}|${in_cluster}|${name}|${sealed ?? ''}`)
    .digest('base64url');
}

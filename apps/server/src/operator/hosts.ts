import type { HostCluster } from '@hexabase/contract/platform/host-cluster.ts';
import type { HostNetworks } from '@hexabase/cluster/drivers/vcluster/objects/network-policies.ts';
import { lookAtHost, readiness } from '@hexabase/cluster/host/look-at-host.ts';
import { checkIssuerTrusted } from '@hexabase/cluster/host/issuer-trusted.ts';
import { checkEnforcementFromPod } from '@hexabase/cluster/host/from-pod/enforcement-from-pod.ts';
import { checkIssuerFromPod } from '@hexabase/cluster/host/from-pod/issuer-from-pod.ts';
import { checkChart, type ChartToCheck } from '@hexabase/cluster/host/check-chart.ts';
import { checkTenantVersions } from '@hexabase/cluster/host/check-tenant-versions.ts';
import { bad, good, type HostCheck } from '@hexabase/cluster/host/host-check.ts';
import { hostAccess } from '@hexabase/cluster/host/host-access.ts';
import { openSealedEndpoint } from '@hexabase/cluster/host/sealed-endpoint.ts';
import { createKubeClient } from '@hexabase/cluster/kube-api/client.ts';
import {
  inClusterEndpoint,
  KubeconfigError,
  type KubeEndpoint,
} from '@hexabase/cluster/kube-api/endpoint.ts';
import {
  addHost,
  changeHost,
  removeHost,
  requireHost,
  withHostAccess,
  type AddHost,
  type Credentials,
} from '@hexabase/features/host-clusters/host-cluster.ts';
import { confirmCluster, hostConnections } from '@hexabase/features/host-clusters/reconcile/store.ts';
import { toHostClusterNow, toHostClusters } from '@hexabase/features/host-clusters/representation.ts';
import {
  askForCheck,
  changeHostRow,
  listHostRows,
  type HostClusterChange,
} from '@hexabase/features/host-clusters/store.ts';
import type { ConditionInput } from '@hexabase/kernel/conditions.ts';
import { systemClock } from '@hexabase/kernel/clock.ts';
import type { KeyVault } from '@hexabase/kernel/key-vault.ts';
import type { Database, Tx } from '@hexabase/postgres/database.ts';
import { StartError } from '../lifecycle/data-folder.ts';
import { recordOperator } from './store.ts';

/** The database as background work sees it, and what opens credentials. */
export interface HostStore {
  database: Pick<Database, 'asWorker'>;
  vault: KeyVault;
}

const clock = systemClock;

export async function listHosts({ database }: HostStore): Promise<HostCluster[]> {
  return database.asWorker(async (tx) => {
    const { rows } = await listHostRows(tx, { page: 1, limit: 500 });
    return toHostClusters(tx, rows, clock.now());
  });
}

export async function getHost({ database }: HostStore, name: string): Promise<HostCluster> {
  return database.asWorker(async (tx) => toHostClusterNow(tx, await requireHost(tx, name), clock.now()));
}

/** Throws `already_exists`, and `validation_failed` for a kubeconfig that is not taken. */
export async function makeHost(
  store: HostStore,
  given: Pick<AddHost, 'row' | 'credentials'>,
): Promise<HostCluster> {
  return changeWithAccess(store, async (tx, access) => {
    const row = await addHost(tx, { ...given, access, nowMs: clock.now() });
    await record(tx, 'operator.host.add', {
      target: row.id,
      details: { name: row.name, region: row.region },
    });
    return toHostClusterNow(tx, row, clock.now());
  });
}

export async function editHost(
  store: HostStore,
  name: string,
  asked: { change: HostClusterChange; credentials: Credentials | null; anotherCluster: boolean },
): Promise<HostCluster> {
  return changeWithAccess(store, async (tx, access) => {
    const row = await requireHost(tx, name);
    const changed = await changeHost(tx, row, { ...asked, access });
    const { change, credentials, anotherCluster } = asked;
    const details = { name: row.name, ...change, credentialsReplaced: credentials !== null, anotherCluster };
    await record(tx, 'operator.host.update', { target: row.id, details });
    return toHostClusterNow(tx, changed, clock.now());
  });
}

function changeWithAccess<T>(
  { database, vault }: HostStore,
  change: (tx: Tx, access: ReturnType<typeof hostAccess>) => Promise<T>,
): Promise<T> {
  return withHostAccess(hostAccess(vault), (access) => database.asWorker((tx) => change(tx, access)));
}

export async function setHostState(
  { database }: HostStore,
  name: string,
  state: HostCluster['state'],
): Promise<HostCluster> {
  return database.asWorker(async (tx) => {
    const row = await requireHost(tx, name);
    const changed = row.state === state ? row : await changeHostRow(tx, row, { state });
    const details = { name: row.name, before: row.state, after: state };
    await record(tx, 'operator.host.state', { target: row.id, details });
    return toHostClusterNow(tx, changed, clock.now());
  });
}

/** Throws `host_cluster_not_empty` while workspaces live there. */
export async function forgetHost({ database }: HostStore, name: string): Promise<void> {
  await database.asWorker(async (tx) => {
    const row = await requireHost(tx, name);
    await removeHost(tx, row);
    await record(tx, 'operator.host.remove', { target: row.id, details: { name: row.name } });
  });
}

export interface Preflight {
  /** `https://…/oidc`; null when nobody knows it. */
  issuer: string | null;
  /** Where its document is for pods, when not at the issuer itself. */
  discoveryUrl: string | undefined;
  image: string | null;
  command: string | null;
  pullPolicy: 'Always' | 'IfNotPresent' | 'Never';
  storageClass: string | null;
  networks: HostNetworks;
  /** Kubernetes versions for workspaces, the default first. */
  tenantVersions: readonly [string, ...string[]];
  /** What workspaces are made from. */
  chart: Pick<ChartToCheck, 'source' | 'keptIn' | 'images'>;
  /** Path of the program that renders the chart; an Error says in words why there is none. */
  findHelm(): Promise<string>;
  /** Authority of the issuer's certificate (null: a publicly trusted one); null when nobody knows it. */
  trust: { authority: string | null } | null;
}

const lookMsMax = 30_000;
const podMsMax = 60_000;

/** Looks from this machine at everything that workspaces need there, and from a pod at our own address. */
export async function checkHost(
  store: HostStore,
  name: string,
  preflight: Preflight,
): Promise<{ checks: HostCheck[]; ready: ConditionInput }> {
  const { endpoint, id, clusterUid } = await endpointOf(store, name);
  using client = createKubeClient(endpoint);
  const signal = AbortSignal.timeout(lookMsMax);
  const { storageClass, networks } = preflight;
  const {
    checks,
    kubernetesVersion,
    clusterUid: seen,
  } = await lookAtHost(client, { signal, storageClass, clusterUid, networks });
  if (kubernetesVersion !== null)
    checks.push(
      checkTenantVersions({
        host: kubernetesVersion,
        offered: preflight.tenantVersions,
        vcluster: preflight.chart.images.vcluster.tag,
      }),
    );
  checks.push(...(await checkMaking(preflight, kubernetesVersion)));
  const status = (type: HostCheck['type']) => checks.find((check) => check.type === type)?.status;
  const reachable = status('Reachable') === 'True' && status('SameCluster') !== 'False';
  if (reachable && preflight.issuer !== null) {
    const { issuer, discoveryUrl, trust, image, command, pullPolicy } = preflight;
    const patience = AbortSignal.timeout(podMsMax);
    const asked = { issuer, discoveryUrl, image, command, pullPolicy, signal: patience };
    const reached = await checkIssuerFromPod(client, asked);
    checks.push(reached);
    if (reached.status === 'True' && image !== null)
      replaceCheck(
        checks,
        await checkEnforcementFromPod(client, { ...asked, image, signal: AbortSignal.timeout(podMsMax) }),
      );
    const soon = AbortSignal.timeout(lookMsMax);
    if (trust) checks.push(await checkIssuerTrusted(issuer, { ...trust, discoveryUrl, signal: soon }));
  }
  await store.database.asWorker(async (tx) => {
    if (seen !== null) await confirmCluster(tx, id, seen);
    await askForCheck(tx, id);
  });
  return { checks, ready: readiness(checks) };
}

/** What was tried takes the place of what was guessed. */
function replaceCheck(checks: HostCheck[], tried: HostCheck | null): void {
  const index = checks.findIndex(({ type }) => type === tried?.type);
  if (tried !== null && index >= 0) checks[index] = tried;
}

/** The program and the chart, without which no workspace is made from this machine; those that run are reached. */
async function checkMaking(
  { findHelm, chart, tenantVersions }: Preflight,
  hostVersion: string | null,
): Promise<HostCheck[]> {
  const found = await findHelm().catch((error: unknown) => ({ error }));
  const helm = typeof found === 'string' ? found : null;
  const signal = AbortSignal.timeout(lookMsMax);
  const asked = { ...chart, tenantVersion: tenantVersions[0], helm, hostVersion, signal };
  return [helmFound(found), await checkChart(asked)];
}

function helmFound(found: string | { error: unknown }): HostCheck {
  if (typeof found === 'string')
    return good('HelmFound', {
      reason: 'ProgramFound',
      message: `${found} renders the chart of workspaces`,
    });
  const why = found.error instanceof Error ? found.error.message : String(found.error);
  const message = `Workspaces are reached, but none can be made or changed: ${why}`;
  return bad('HelmFound', { reason: 'NoHelm', message });
}

async function endpointOf(
  { database, vault }: HostStore,
  name: string,
): Promise<{ endpoint: KubeEndpoint; id: string; clusterUid: string | null }> {
  const { host, clusterUid } = await database.asWorker(async (tx) => {
    const { id, cluster_uid } = await requireHost(tx, name);
    return { host: (await hostConnections(tx)).find((one) => one.id === id), clusterUid: cluster_uid };
  });
  if (!host) throw new StartError(`There is no host cluster ${name}.`);
  if (host.in_cluster) return { endpoint: ownCluster(host.name), id: host.id, clusterUid };
  if (host.sealed === null) throw new StartError(`${host.name} has no credentials.`);
  try {
    return { endpoint: openSealedEndpoint(vault, host.id, host.sealed), id: host.id, clusterUid };
  } catch {
    throw new StartError(
      `The credentials of ${host.name} do not open with this installation's master key. Give its kubeconfig again: hexabase-cli host update ${host.name} --kubeconfig FILE.`,
    );
  }
}

function ownCluster(name: string): KubeEndpoint {
  try {
    return inClusterEndpoint();
  } catch (error) {
    if (!(error instanceof KubeconfigError)) throw error;
    throw new StartError(
      `${name} is the cluster that Hexabase itself runs in, and this is no pod of it: run the command there (kubectl exec).`,
    );
  }
}

function record(
  tx: Tx,
  action: string,
  { target, details }: { target: string; details: Record<string, unknown> },
): Promise<void> {
  return recordOperator(tx, { action, target: `host-cluster/${target}`, details });
}

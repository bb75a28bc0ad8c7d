import { ensureHostPolicies } from '@hexabase/cluster/drivers/vcluster/policies/ensure-host-policies.ts';
import type { HostNetworks } from '@hexabase/cluster/drivers/vcluster/objects/network-policies.ts';
import type { HostCheck, HostReport } from '@hexabase/cluster/host/host-check.ts';
import { bad, unsure, wordsOf } from '@hexabase/cluster/host/host-check.ts';
import { checkPolicies } from '@hexabase/cluster/host/check-services.ts';
import { lookAtHost, readiness } from '@hexabase/cluster/host/look-at-host.ts';
import type { TenantClient } from '@hexabase/cluster/port.ts';
import type { Clock } from '@hexabase/kernel/clock.ts';
import { setCondition, type Condition } from '@hexabase/kernel/conditions.ts';
import type { Logger } from '@hexabase/kernel/log.ts';
import type { Database } from '@hexabase/postgres/database.ts';
import { hostOfCluster } from '../store.ts';
import { saveLook, takeDueHosts, type DueHost } from './store.ts';

export interface HostCheckDeps {
  database: Database;
  clock: Clock;
  log: Logger;
  /** Opens the host cluster; throws a sentence when its credentials cannot be used. */
  clientOf(hostClusterId: string): Promise<TenantClient>;
  /** Storage class for tenants' state; null is the host's default. */
  storageClass: string | null;
  /** Of which the network rules of workspaces know; nothing of the kind when absent. */
  networks?: HostNetworks;
  /** For tests. */
  everyMs?: number;
}

/** Each host cluster is looked at this often, and whenever somebody asks. */
const lookEveryMs = 60_000;
const queueEveryMs = 15_000;
const lookMsMax = 20_000;
/** A host that does not answer is `Unknown` for so long, then `False`. */
const failingMsMax = 2 * 60_000;

/** Looks at the host clusters, one replica at a time each. Stops when disposed; a look that runs is given up then. */
export async function startHostChecks(deps: HostCheckDeps): Promise<AsyncDisposable> {
  const stopping = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | null = null;
  let again = false;
  const turn = (): void => {
    clearTimeout(timer);
    if (stopping.signal.aborted) return;
    if (running) {
      again = true;
      return;
    }
    again = false;
    running = lookAtDueHosts(deps, stopping.signal)
      .catch((error: unknown) => {
        if (!stopping.signal.aborted) deps.log.warn({ error }, 'host clusters could not be looked at');
      })
      .finally(() => {
        running = null;
        if (stopping.signal.aborted) return;
        if (again) turn();
        else timer = setTimeout(turn, Math.min(queueEveryMs, deps.everyMs ?? queueEveryMs));
      });
  };
  const listening = await deps.database.listen('hexabase_host_clusters', turn);
  turn();
  return {
    async [Symbol.asyncDispose]() {
      stopping.abort();
      clearTimeout(timer);
      await listening[Symbol.asyncDispose]();
      await running;
    },
  };
}

/** One look at each host cluster that is due. */
export async function lookAtDueHosts(deps: HostCheckDeps, signal: AbortSignal): Promise<void> {
  const due = await deps.database.asWorker((tx) => takeDueHosts(tx, deps.everyMs ?? lookEveryMs));
  await Promise.all(due.map((host) => lookAndSave(deps, host, signal)));
}

async function lookAndSave(deps: HostCheckDeps, host: DueHost, signal: AbortSignal): Promise<void> {
  const startedMs = deps.clock.now();
  const report = await unlessAdded(await look(deps, host, signal), deps, host);
  if (signal.aborted) return;
  const failingSince = answers(report) ? null : (host.failing_since ?? new Date(startedMs));
  const checks = report.checks.map((check) => damped(check, failingSince, startedMs));
  const conditions = conditionsOf(host, checks, startedMs);
  await deps.database.asWorker((tx) =>
    saveLook(tx, {
      id: host.id,
      conditions,
      observed: report.observed,
      clusterUid: report.clusterUid,
      failingSince,
      at: new Date(startedMs),
    }),
  );
  tellChange(deps.log, host, conditions);
}

async function look(deps: HostCheckDeps, host: DueHost, stopping: AbortSignal): Promise<HostReport> {
  let client: TenantClient;
  try {
    client = await deps.clientOf(host.id);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const todo = host.in_cluster
      ? 'Run this server in a pod of that cluster, or remove the host cluster and add it with a kubeconfig.'
      : 'Give it new credentials: hexabase-cli host update NAME --kubeconfig FILE.';
    return nothingSeen(bad('Reachable', { reason: 'NoCredentials', message, todo }));
  }
  const signal = AbortSignal.any([stopping, AbortSignal.timeout(lookMsMax)]);
  try {
    const { storageClass, networks } = deps;
    const asked = { signal, storageClass, clusterUid: host.cluster_uid, ...(networks && { networks }) };
    const report = await lookAtHost(client, asked);
    return await withPolicies(report, { deps, host, client, signal });
  } catch (error) {
    deps.log.warn({ error, host: host.name }, 'a host cluster could not be looked at');
    const check = unsure('Reachable', {
      reason: 'NoAnswer',
      message: 'The Kubernetes API does not answer in time',
    });
    return nothingSeen(check);
  }
}

/** A cluster that did not answer when it was added may turn out to be one that is there under another name. */
async function unlessAdded(report: HostReport, { database }: HostCheckDeps, host: DueHost) {
  if (host.cluster_uid !== null) return report;
  const name = await database.asWorker((tx) => hostOfCluster(tx, report.clusterUid, host.id));
  if (name === null) return report;
  return nothingSeen(
    bad('SameCluster', {
      reason: 'AlreadyAdded',
      message: `This cluster is the host cluster ${name} already, and is not used under a second name`,
      todo: 'Remove this one, or give it the kubeconfig of its own cluster.',
    }),
  );
}

function nothingSeen(check: HostCheck): HostReport {
  return { checks: [check], kubernetesVersion: null, observed: null, clusterUid: null };
}

interface Repair {
  deps: HostCheckDeps;
  host: DueHost;
  client: TenantClient;
  signal: AbortSignal;
}

/** Puts the admission policies on the host that are missing there, and those right that were changed. */
async function withPolicies(
  report: HostReport,
  { deps: { log }, host: { name: host }, client, signal }: Repair,
): Promise<HostReport> {
  const before = report.checks.find(({ type }) => type === 'PoliciesInPlace');
  if (before?.status !== 'False') return report;
  try {
    const state = await ensureHostPolicies(client, { signal });
    if (state !== 'installed') {
      log.warn({ host, state }, 'a host cluster has no admission policies of ours');
      return report;
    }
    log.info({ host, why: before.message }, 'the admission policies are in place on a host cluster');
    const now = await checkPolicies({ client, signal });
    return {
      ...report,
      checks: report.checks.map((check) => now.find(({ type }) => type === check.type) ?? check),
    };
  } catch (error) {
    log.warn({ error, host }, 'the admission policies could not be installed on a host cluster; tried again');
    return report;
  }
}

/** Another cluster that answers in its place tells nothing of it. */
function answers(report: HostReport): boolean {
  return (
    report.checks.some((check) => check.type === 'Reachable' && check.status === 'True') &&
    !report.checks.some((check) => check.type === 'SameCluster' && check.status === 'False')
  );
}

function damped(check: HostCheck, failingSince: Date | null, nowMs: number): HostCheck {
  const long = failingSince !== null && nowMs - failingSince.getTime() >= failingMsMax;
  return long && check.type === 'Reachable' && check.status === 'Unknown'
    ? { ...check, status: 'False' }
    : check;
}

/** A check that is not made any more leaves no condition behind. */
function conditionsOf(host: DueHost, checks: readonly HostCheck[], nowMs: number): Condition[] {
  const kept = host.conditions.filter(
    ({ type }) => type === 'Ready' || checks.some((check) => check.type === type),
  );
  const at = { generation: host.generation, nowMs };
  const inputs = checks.map(({ type, status, reason, message, todo }) => ({
    type,
    status,
    reason,
    message: wordsOf({ message, todo }),
  }));
  return [...inputs, readiness(checks)].reduce<Condition[]>(
    (conditions, input) => setCondition(conditions, input, at),
    [...kept],
  );
}

function tellChange(log: Logger, host: DueHost, conditions: readonly Condition[]): void {
  const before = host.conditions.find(({ type }) => type === 'Ready')?.status;
  const ready = conditions.find(({ type }) => type === 'Ready');
  if (!ready || ready.status === before) return;
  const fields = { host: host.name, before, status: ready.status, reason: ready.reason };
  if (ready.status === 'True') log.info(fields, 'a host cluster takes workspaces');
  else log.warn({ ...fields, why: ready.message }, 'a host cluster is not ready');
}

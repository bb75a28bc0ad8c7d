import { accessSync } from 'node:fs';
import {
  keepCluster,
  keptCluster,
  startCluster,
  stopCluster,
  type ClusterEnvironment,
} from '../../tests/hostcluster/cluster.ts';
import { hostLevels, type HostLevel } from '@hexabase/testkit/host-cluster.ts';
import { possibleLevel, thisMachine } from '../../tests/hostcluster/requirements.ts';
import { parseHostOptions, type HostOptions } from './host-options.ts';
import type { Report } from './report.ts';
import { runVitest } from './vitest.ts';

/** `./hks test host`: the suites that need built components, against a cluster that is started for them. */
export async function runHostSuites(args: readonly string[]): Promise<Report> {
  const options = parseHostOptions(args);
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      say(`\nStopping (${signal}) …`);
      stopping.abort(new Error(`stopped by ${signal}`));
    });
  }
  if (options.minutesMax !== null) {
    setTimeout(() => {
      say(`\nThe host suites took longer than ${options.minutesMax} minutes. Stopping …`);
      stopping.abort(new Error(`not done within ${options.minutesMax} minutes`));
    }, options.minutesMax * 60_000).unref();
  }
  let cluster: Cluster;
  try {
    cluster = await chooseCluster(options, stopping.signal);
  } catch (error) {
    say(`The host cluster did not start: ${error instanceof Error ? error.message : String(error)}`);
    return { counts: { passed: 0, failed: 1, skipped: 0 }, failures: [] };
  }
  try {
    return await runVitest('test-report-host.json', {
      filters: options.filters,
      // Some take minutes: whoever waits, and a log that ends early, shows where it is.
      reporter: 'verbose',
      // They share a cluster: one suite at a time.
      args: ['--no-file-parallelism'],
      env: { HKS_TEST_SUITE: 'host', ...cluster.environment },
      signal: stopping.signal,
    });
  } finally {
    await cluster.leave();
  }
}

interface Cluster {
  environment: ClusterEnvironment;
  leave(): Promise<void>;
}

async function chooseCluster(options: HostOptions, signal: AbortSignal): Promise<Cluster> {
  const nothingToLeave = async (): Promise<void> => undefined;
  const kubeconfig = process.env['HKS_TEST_HOST_KUBECONFIG'];
  if (kubeconfig) return { environment: existingCluster(kubeconfig, options), leave: nothingToLeave };
  const { level, reasons } = possibleLevel(options.level, thisMachine());
  if (reasons.length > 0) {
    const rest = level === null ? 'suites are skipped' : `suites above level ${level} are skipped`;
    say(`Level ${options.level} cannot run here, so ${rest}: ${reasons.join('; ')}.`);
  }
  if (level === null) return { environment: {}, leave: nothingToLeave };
  if (level !== 'tenant') say(`Without ${missingAt[level]}: suites that need them are skipped, and counted.`);
  const kept = keptCluster();
  const hasEarlier = kept?.environment['HKS_TEST_EARLIER_KUBERNETES_VERSION'] !== undefined;
  if (kept !== null && isEnough(kept.level, level) && (hasEarlier || !options.upgrade)) {
    say('Using the cluster that is running (`node tests/hostcluster/main.ts stop` ends it).');
    return { environment: kept.environment, leave: nothingToLeave };
  }
  const environment = await startCluster({
    level,
    nodes: level === 'tenant' ? 2 : 1,
    fakeNodes: level === 'kwok' ? 2 : 0,
    upgrade: options.upgrade,
    kyverno: options.kyverno,
    argocd: options.argocd,
    say,
    signal,
  });
  return { environment, leave: options.keep ? letItGoOn : stopCluster };
}

/** What suites are told besides the kubeconfig when the cluster is started for them. */
const companions = [
  'HKS_TEST_HOST_ISSUER_ADDRESS',
  'HKS_KUBE_BIN',
  'HKS_VCLUSTER_CHART',
  'HKS_HELM',
  'HKS_TENANT_KUBERNETES_VERSION',
];

/** One that somebody else has made. Throws an Error where nothing would be tried, and nobody would know why. */
function existingCluster(kubeconfig: string, { level }: HostOptions): ClusterEnvironment {
  accessSync(kubeconfig);
  const given = process.env['HKS_TEST_HOST_LEVEL'] ?? level;
  if (!hostLevels.some((known) => known === given))
    throw new Error(`HKS_TEST_HOST_LEVEL is ${hostLevels.join(', ')}, not ${given}`);
  say(`Using the cluster of ${kubeconfig}, as level ${given}.`);
  const missing = companions.filter((name) => !process.env[name]);
  if (missing.length > 0) {
    say(
      `Not set: ${missing.join(', ')}. What needs them is skipped, and counted, or takes the product's default; tests/hostcluster/README.md tells what they are.`,
    );
  }
  return { HKS_TEST_HOST_LEVEL: given };
}

/** What the levels above this one bring. */
const missingAt = { kwok: 'real nodes and real vClusters', node: 'real vClusters' } as const;

function isEnough(running: HostLevel, wanted: HostLevel): boolean {
  return hostLevels.indexOf(running) >= hostLevels.indexOf(wanted);
}

async function letItGoOn(): Promise<void> {
  keepCluster();
  say(
    'The cluster goes on: `eval "$(node tests/hostcluster/main.ts env)"` for its settings, `… stop` ends it.',
  );
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { hostLevels, type HostLevel } from '@hexabase/testkit/host-cluster.ts';
import { startAddOns } from './add-ons/start-add-ons.ts';
import { buildBinaries } from './build/build.ts';
import type { Extras } from './build/catalogue.ts';
import { startControlPlane, type ControlPlane } from './control-plane/control-plane.ts';
import { startFakeNodes } from './control-plane/fake-nodes.ts';
import { makeImages } from './images/make-images.ts';
import { removeCgroup } from './node/cgroups.ts';
import { readKernelSettings, restoreKernelSettings } from './node/kernel-settings.ts';
import { startMachine } from './node/machine.ts';
import { bridgeNumber, connectNode, expectNoBridge, makeBridge, removeBridge } from './node/network.ts';
import { joinNode, prepareNode } from './node/node.ts';
import { isAlive, killProcess, ownProcess, readRunning, writeRunning, type Running } from './processes.ts';
import { waitUntil } from './run-program.ts';
import { folders, imageNames, network, nodePlan, versions, type NodePlan } from './settings.ts';

export interface ClusterOptions extends Extras {
  level: HostLevel;
  /** Real nodes; of no meaning at level `kwok`. */
  nodes: number;
  fakeNodes: number;
  say: (line: string) => void;
  signal?: AbortSignal | undefined;
}

/** Environment of a test run that uses the cluster. */
export type ClusterEnvironment = Readonly<Record<string, string>>;

/** Builds what is missing and starts a cluster; one that an earlier runner left is ended first. */
export async function startCluster(options: ClusterOptions): Promise<ClusterEnvironment> {
  const { level, say, upgrade, signal } = options;
  expectNoOtherRunner();
  await buildBinaries(level, options);
  signal?.throwIfAborted();
  await stopCluster();
  rmSync(folders.run, { recursive: true, force: true });
  rmSync(folders.logs, { recursive: true, force: true });
  const running: Running = { level, upgrade, runner: ownProcess(), processes: [], machine: null };
  writeRunning(running);
  const started = Date.now();
  try {
    const controlPlane =
      level === 'kwok' ? await startLight(running, options) : await startReal(running, options);
    say(`Host cluster, level ${level}: ready after ${((Date.now() - started) / 1000).toFixed(1)} s.`);
    return clusterEnvironment(running, controlPlane.kubeconfig);
  } catch (error) {
    await stopCluster();
    throw error;
  }
}

export function clusterEnvironment(
  { level, upgrade }: Pick<Running, 'level' | 'upgrade'>,
  kubeconfig: string,
): ClusterEnvironment {
  return {
    HKS_TEST_HOST_KUBECONFIG: kubeconfig,
    HKS_TEST_HOST_LEVEL: level,
    HKS_KUBE_BIN: folders.binaries,
    HKS_TEST_HOST_ISSUER_ADDRESS: level === 'kwok' ? '127.0.0.1' : network.machine,
    HKS_VCLUSTER_CHART: folders.chart,
    HKS_HELM: join(folders.binaries, 'helm'),
    HKS_TENANT_KUBERNETES_VERSION: `v${versions.kubernetes}`,
    ...(upgrade && { HKS_TEST_EARLIER_KUBERNETES_VERSION: `v${versions.kubernetesEarlier}` }),
    // The chart would choose one by the version of Kubernetes that is not here.
    HKS_COREDNS_IMAGE: imageNames.coredns,
  };
}

/** The control plane on loopback, nodes by KWOK. Needs no rights. */
async function startLight(running: Running, { fakeNodes }: ClusterOptions): Promise<ControlPlane> {
  const controlPlane = await startControlPlane(running, { address: '127.0.0.1', nodeAddresses: [] });
  await startFakeNodes(running, controlPlane, { count: fakeNodes, besideRealOnes: false });
  return controlPlane;
}

async function startReal(
  running: Running,
  { level, nodes, fakeNodes, say, upgrade }: ClusterOptions,
): Promise<ControlPlane> {
  const plans = Array.from({ length: nodes }, (_, index) => nodePlan(index + 1));
  const images = await makeImages(level, { say, upgrade });
  await expectNoBridge();
  const kernel = readKernelSettings();
  running.machine = { kernel, bridge: null };
  writeRunning(running);
  await makeBridge();
  running.machine = { kernel, bridge: bridgeNumber() };
  writeRunning(running);
  const machines = [];
  for (const plan of plans) {
    const machine = await startMachine(running, plan);
    await connectNode(
      plan,
      machine.init.pid,
      plans.filter((other) => other !== plan),
    );
    machines.push({ plan, machine });
  }
  const pki = join(folders.run, 'pki');
  const [controlPlane, prepared] = await Promise.all([
    startControlPlane(running, {
      address: network.machine,
      nodeAddresses: plans.map((plan) => plan.address),
    }),
    Promise.all(machines.map(({ plan, machine }) => prepareNode(running, plan, { machine, images, pki }))),
  ]);
  await Promise.all([
    startAddOns(running, controlPlane),
    ...prepared.map((node) => joinNode(running, node, controlPlane)),
  ]);
  if (fakeNodes > 0) {
    await startFakeNodes(running, controlPlane, { count: fakeNodes, besideRealOnes: true });
  }
  return controlPlane;
}

/** Ends what `startCluster` has started and takes away what it has put on this machine. Nothing of others is touched. */
export async function stopCluster(): Promise<void> {
  const running = readRunning();
  if (running === null) return;
  // Last started, first ended; a node's namespace takes its containers along.
  for (const started of running.processes.toReversed()) await killProcess(started);
  if (running.machine !== null) {
    const { kernel, bridge } = running.machine;
    const plans = nodePlans(running);
    // Another checkout's cluster may have come since ours was killed: what is on the machine now is its own.
    const isOfOthers = ![null, bridge].includes(bridgeNumber());
    if (!isOfOthers) await removeBridge(plans);
    await waitUntil('the end of all mounts', 20, () => !hasMounts());
    if (!isOfOthers) {
      for (const { cgroup } of plans) await removeCgroup(cgroup);
      restoreKernelSettings(kernel);
    }
  }
  rmSync(folders.run, { recursive: true, force: true });
}

/** The nodes among what runs: their first process bears their name. */
function nodePlans(running: Running): NodePlan[] {
  return running.processes.flatMap(({ name }) => {
    const number = /^node(\d+)$/.exec(name)?.[1];
    return number === undefined ? [] : [nodePlan(Number(number))];
  });
}

/** What is kept between runs: binaries, images, chart. */
export function removeFiles(): void {
  for (const folder of Object.values(folders)) {
    if (folder !== folders.modules) rmSync(folder, { recursive: true, force: true });
  }
}

/** Lets the cluster go on when this process ends. */
export function keepCluster(): void {
  const running = readRunning();
  if (running !== null) writeRunning({ ...running, runner: null });
}

/** The cluster that was kept and goes on, or null. */
export function keptCluster(): { level: HostLevel; environment: ClusterEnvironment } | null {
  const running = readRunning();
  if (running === null || running.runner !== null || !running.processes.every(isAlive)) return null;
  const level = hostLevels.find((known) => known === running.level);
  const kubeconfig = join(folders.run, 'pki/admin.kubeconfig');
  return level === undefined ? null : { level, environment: clusterEnvironment(running, kubeconfig) };
}

function expectNoOtherRunner(): void {
  const runner = readRunning()?.runner ?? null;
  if (runner !== null && isAlive(runner)) {
    throw new Error(`another run uses the host cluster of this checkout (process ${runner.pid})`);
  }
}

function hasMounts(): boolean {
  return readFileSync('/proc/mounts', 'utf8').includes(` ${folders.run}/`);
}

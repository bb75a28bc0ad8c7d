import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ControlPlane } from '../control-plane/control-plane.ts';
import type { ImageFile } from '../images/make-images.ts';
import { endProcess, expectAlive, startProcess, type Running } from '../processes.ts';
import { runProgram, waitUntil } from '../run-program.ts';
import { folders, type NodePlan } from '../settings.ts';
import { makeCgroup } from './cgroups.ts';
import {
  cniConfiguration,
  containerdToml,
  kubeletCommand,
  kubeletConfiguration,
  networkPolicyCommand,
  proxyConfiguration,
  type NodeFiles,
} from './configuration.ts';
import type { NodeMachine } from './machine.ts';

/** A machine with containerd running and all images in it. */
export interface PreparedNode {
  plan: NodePlan;
  machine: NodeMachine;
  files: NodeFiles;
}

/** Magic number of an overlay file system (statfs(2)): a second one on top of it is refused. */
const overlayMagic = 0x794c7630;

/** Starts containerd in a machine and gives it the images that it lacks. Needs no control plane. */
export async function prepareNode(
  running: Running,
  plan: NodePlan,
  { machine, images, pki }: { machine: NodeMachine; images: readonly ImageFile[]; pki: string },
): Promise<PreparedNode> {
  const etc = join(machine.folder, 'etc');
  mkdirSync(join(etc, 'cni'), { recursive: true });
  mkdirSync(folders.containerd, { recursive: true });
  const snapshotter = statfsSync(folders.containerd).type === overlayMagic ? 'native' : 'overlayfs';
  const files: NodeFiles = { plan, etc, pki, snapshotter };
  writeFileSync(join(etc, 'containerd.toml'), containerdToml(files));
  writeFileSync(join(etc, 'cni/10-pods.conflist'), JSON.stringify(cniConfiguration(files)));
  writeFileSync(join(etc, 'kubelet.json'), JSON.stringify(kubeletConfiguration(files), null, 2));
  writeFileSync(join(etc, 'kube-proxy.json'), JSON.stringify(proxyConfiguration(files), null, 2));
  writeFileSync(join(etc, 'resolv.conf'), '');
  makeCgroup(plan.cgroup);
  await startContainerd(running, machine, files);
  if (await forgetContainers(machine)) {
    // It has read at its start what is gone now.
    const containerd = running.processes.findLast(({ name }) => name === containerdName(plan));
    // Its database is locked until it is gone.
    await runInside(machine, [
      'sh',
      '-c',
      'kill $(pidof containerd); while pidof containerd; do sleep 0.1; done',
    ]);
    if (containerd) await endProcess(running, containerd);
    await startContainerd(running, machine, files);
  }
  await importImages(machine, images);
  return { plan, machine, files };
}

/** Starts kubelet, kube-proxy and what enforces NetworkPolicies, and waits until the node is ready and filters. */
export async function joinNode(
  running: Running,
  node: PreparedNode,
  controlPlane: ControlPlane,
): Promise<void> {
  const { plan, machine, files } = node;
  const { credentials, kubectl } = controlPlane;
  credentials.kubeconfig(plan.name, { user: `system:node:${plan.name}`, group: 'system:nodes' });
  credentials.serverCertificate(plan.name, [plan.address]);
  const kubelet = startProcess(running, `${plan.name}-kubelet`, machine.inside(kubeletCommand(files)));
  const proxy = startProcess(
    running,
    `${plan.name}-kube-proxy`,
    machine.inside([join(folders.binaries, 'kube-proxy'), `--config=${files.etc}/kube-proxy.json`]),
  );
  await waitUntil(`node ${plan.name}`, 90, async () => {
    expectAlive(kubelet);
    expectAlive(proxy);
    const ready = "{.status.conditions[?(@.type=='Ready')].status}";
    return (await kubectl(['get', 'node', plan.name, '-o', `jsonpath=${ready}`])) === 'True';
  });
  // It ends at once where its node is not known yet.
  const policies = startProcess(
    running,
    `${plan.name}-kube-router`,
    machine.inside(networkPolicyCommand(files)),
  );
  await waitUntil(`network policies of ${plan.name}`, 60, async () => {
    expectAlive(policies);
    return (await runInside(machine, ['iptables', '-w', '-S', 'FORWARD'])).includes('KUBE-ROUTER-FORWARD');
  });
}

async function startContainerd(running: Running, machine: NodeMachine, files: NodeFiles): Promise<void> {
  const command = ['containerd', '--config', join(files.etc, 'containerd.toml')];
  const containerd = startProcess(running, containerdName(files.plan), machine.inside(command));
  await waitUntil(`containerd of ${files.plan.name}`, 30, async () => {
    expectAlive(containerd);
    return (await ctr(machine, ['version'])) !== '';
  });
}

/** Containers of an earlier start died with its machine; only the notes of them are left. True when there were any. */
async function forgetContainers(machine: NodeMachine): Promise<boolean> {
  const containers = (await ctr(machine, ['containers', 'list', '-q'])).split('\n').filter((id) => id !== '');
  for (const id of containers) await ctr(machine, ['containers', 'delete', id]);
  return containers.length > 0;
}

async function importImages(machine: NodeMachine, images: readonly ImageFile[]): Promise<void> {
  const known = await ctr(machine, ['images', 'list']);
  for (const image of images) {
    const line = known.split('\n').find((row) => row.startsWith(`${image.name} `));
    if (line?.includes(image.digest)) continue;
    await ctr(machine, ['images', 'import', image.path]);
  }
}

function ctr(machine: NodeMachine, args: readonly string[]): Promise<string> {
  return runInside(machine, ['ctr', '--namespace', 'k8s.io', ...args]);
}

function runInside(machine: NodeMachine, command: readonly string[]): Promise<string> {
  const [program = '', ...args] = machine.inside(command);
  return runProgram(program, args);
}

function containerdName(plan: NodePlan): string {
  return `${plan.name}-containerd`;
}

/** Folder for volumes of `local-path`, seen alike by all nodes. */
export function makeVolumesFolder(): string {
  const path = join(folders.run, 'volumes');
  rmSync(path, { recursive: true, force: true });
  mkdirSync(path, { recursive: true });
  return path;
}

/** What kube-proxy may do. */
export function proxyRights(): object {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'hostcluster-kube-proxy' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:node-proxier' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'system:kube-proxy' }],
  };
}

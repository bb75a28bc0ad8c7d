import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { remember, type Running, type Started } from '../processes.ts';
import { runProgram, waitUntil } from '../run-program.ts';
import { folders, type NodePlan } from '../settings.ts';

/**
 * A machine for one node on this machine: a network, process and mount namespace of its own. When its first process
 * ends, the kernel ends all others in it, and its network, its mounts and its containers are gone with them.
 */
export interface NodeMachine {
  init: Started;
  /** Where its files are. */
  folder: string;
  /** The command that runs a program inside. */
  inside(command: readonly string[]): readonly string[];
}

export async function startMachine(running: Running, plan: NodePlan): Promise<NodeMachine> {
  const folder = join(folders.run, plan.name);
  const folderOf = (name: string): string => {
    const path = join(folder, name);
    mkdirSync(path, { recursive: true });
    return path;
  };
  const init = await startInit(running, plan);
  const enter = `nsenter --target ${init.pid} --mount --net --pid --`.split(' ');
  const inside = (command: readonly string[]): readonly string[] => [...enter, ...command];
  // Kubelet and container runtime insist on these paths, and those of another cluster may be on this machine.
  mkdirSync('/var/lib/kubelet', { recursive: true });
  const steps = [
    'mount --make-rshared /',
    `mount --bind '${folderOf('kubelet')}' /var/lib/kubelet`,
    `mount --bind '${folderOf('log')}' /var/log`,
    'mount -t tmpfs tmpfs /run',
    'echo 1 > /proc/sys/net/ipv4/ip_forward',
    // Pods of one node hang on one bridge: without it NetworkPolicies would not see what they say to each other.
    '[ -e /proc/sys/net/bridge ] || modprobe br_netfilter',
    'echo 1 > /proc/sys/net/bridge/bridge-nf-call-iptables',
  ];
  const [program = '', ...args] = inside(['sh', '-ec', steps.join('\n')]);
  await runProgram(program, args);
  return { init, folder, inside };
}

/** `pause` is the first process: it does nothing but bury the orphans. */
async function startInit(running: Running, plan: NodePlan): Promise<Started> {
  const parent = spawn(
    'unshare',
    ['--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc', join(folders.binaries, 'pause')],
    { detached: true, stdio: 'ignore', cwd: '/' },
  );
  parent.once('error', () => undefined);
  parent.unref();
  if (parent.pid === undefined) throw new Error('unshare could not be started');
  const children = `/proc/${parent.pid}/task/${parent.pid}/children`;
  let pid = 0;
  await waitUntil(`the namespaces of ${plan.name}`, 10, () => {
    pid = existsSync(children) ? Number(readFileSync(children, 'utf8').trim()) : 0;
    return pid > 0 && readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'pause';
  });
  return remember(running, plan.name, pid);
}

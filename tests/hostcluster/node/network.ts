import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { runProgram, tryProgram } from '../run-program.ts';
import { network, type NodePlan } from '../settings.ts';

const { bridge } = network;
const link = `/sys/class/net/${bridge}`;
/** Frames between nodes pass the machine's own firewall where bridges are filtered (Docker closes that way). */
const betweenNodes = ['FORWARD', '-i', bridge, '-o', bridge, '-j', 'ACCEPT'];

/** A link is there for so long, at most, before the first node hangs on it; on a machine that does much else, too. */
const bareMsMax = 2 * 60_000;

/**
 * One host cluster at a time on a machine: its addresses are fixed. A link that no node hangs on was lost by a run that
 * could not clear up after itself, and is taken away, unless it was made a moment ago: another checkout starts its first
 * node then. Throws when there is another cluster.
 */
export async function expectNoBridge(): Promise<void> {
  if (!existsSync(link)) return;
  const cables = readdirSync(`${link}/brif`);
  if (cables.length > 0)
    throw new Error(
      `another checkout runs a host cluster: ${cables.join(' and ')} hang on the link ${bridge}`,
    );
  const made = readFileSync(`${link}/ifalias`, 'utf8').trim();
  // Not a number when nobody has noted it. A clock that was put back does not keep a lost link for ever.
  if (Math.abs(Date.now() - Date.parse(made)) < bareMsMax)
    throw new Error(
      `another checkout starts a host cluster: the link ${bridge} was made at ${made}; when that was ended, wait two minutes`,
    );
  await removeBridge([]);
}

/** Which link there is: the kernel gives no number twice. Null when there is none. */
export function bridgeNumber(): string | null {
  return existsSync(link) ? readFileSync(`${link}/ifindex`, 'utf8').trim() : null;
}

/** This machine's end of the link: a bridge that carries the machine's address, and as its alias when it was made. */
export async function makeBridge(): Promise<void> {
  // In one go, so that it does not stand there without the time of its making.
  const commands = [
    `link add ${bridge} type bridge`,
    `link set dev ${bridge} alias ${new Date().toISOString()}`,
    `address add ${network.machine}/${network.prefix} dev ${bridge}`,
    `link set ${bridge} up`,
  ];
  await runProgram('ip', ['-batch', '-'], { input: commands.join('\n') });
  await runProgram('iptables', ['-w', '-I', ...betweenNodes]);
}

/** Routes go with it, and cables with their ends here: the kernel takes its time to clear a dead node's end. */
export async function removeBridge(nodes: readonly NodePlan[]): Promise<void> {
  for (const { link } of nodes) await tryProgram('ip', ['link', 'delete', link]);
  while (await tryProgram('iptables', ['-w', '-D', ...betweenNodes]));
  await tryProgram('ip', ['link', 'delete', bridge]);
}

/**
 * Lays a cable from the bridge into a node and gives it its routes: to this machine, to the other nodes' pods, and
 * nowhere else, so nothing in a pod reaches what is outside this machine.
 */
export async function connectNode(
  plan: NodePlan,
  initPid: number,
  others: readonly NodePlan[],
): Promise<void> {
  const cable = `${plan.link} master ${bridge} type veth peer name eth0 netns ${initPid}`;
  await runProgram('ip', ['link', 'add', ...cable.split(' ')]);
  await runProgram('ip', ['link', 'set', plan.link, 'up']);
  const inside = (args: readonly string[]): Promise<string> =>
    runProgram('nsenter', ['--target', String(initPid), '--net', 'ip', ...args]);
  await inside(['link', 'set', 'lo', 'up']);
  await inside(['address', 'add', `${plan.address}/${network.prefix}`, 'dev', 'eth0']);
  await inside(['link', 'set', 'eth0', 'up']);
  // Never followed: kube-proxy answers for these addresses, but only where there is a route at all.
  await inside(['route', 'add', network.serviceCidr, 'dev', 'eth0']);
  for (const other of others) await inside(['route', 'add', other.podCidr, 'via', other.address]);
  // From this machine one reaches pods and services as from a node.
  await runProgram('ip', ['route', 'replace', plan.podCidr, 'via', plan.address]);
  if (plan.number === 1) {
    await runProgram('ip', ['route', 'replace', network.serviceCidr, 'via', plan.address]);
  }
}

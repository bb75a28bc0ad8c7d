import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { hostLevels, type HostLevel } from '@hexabase/testkit/host-cluster.ts';

/** Oldest Go that the pinned modules accept. */
const goMinor = 26;

/** Programs of a node, and the Debian package of each. */
const nodePrograms = {
  containerd: 'containerd',
  ctr: 'containerd',
  runc: 'runc',
  iptables: 'iptables',
  nft: 'nftables',
  ipset: 'ipset',
  conntrack: 'conntrack',
  ethtool: 'ethtool',
  socat: 'socat',
  busybox: 'busybox-static',
  ip: 'iproute2',
  modprobe: 'kmod',
} as const;

/** What this machine has. */
export interface Machine {
  platform: string;
  /** Minor version of Go 1; null without Go. */
  goMinor: number | null;
  root: boolean;
  /** Debian packages that are not there. */
  packagesMissing: readonly string[];
}

export interface Possible {
  /** The highest level that can run here, at most the wanted one; null when none can. */
  level: HostLevel | null;
  /** Why the wanted level cannot run, in words; empty when it can. */
  reasons: readonly string[];
}

/** Decides which level a machine can run. */
export function possibleLevel(wanted: HostLevel, machine: Machine): Possible {
  const forAny: string[] = [];
  if (machine.platform !== 'linux') forAny.push('it needs Linux');
  if (machine.goMinor === null) forAny.push('Go is not installed (the components are built from Go modules)');
  else if (machine.goMinor < goMinor)
    forAny.push(`Go 1.${machine.goMinor} is too old, Go 1.${goMinor} or newer is needed`);
  if (forAny.length > 0) return { level: null, reasons: forAny };
  if (wanted === 'kwok') return { level: 'kwok', reasons: [] };
  const forNodes: string[] = [];
  if (!machine.root) forNodes.push('real nodes need root (network, mounts and cgroups of their own)');
  if (machine.packagesMissing.length > 0)
    forNodes.push(`real nodes need Debian's ${machine.packagesMissing.join(' ')}`);
  return { level: forNodes.length > 0 ? hostLevels[0] : wanted, reasons: forNodes };
}

/** Looks at this machine. */
export function thisMachine(): Machine {
  const missing: string[] = Object.entries(nodePrograms)
    .filter(([program]) => !isOnPath(program))
    .map(([, debianPackage]) => debianPackage);
  if (!existsSync('/usr/lib/cni/bridge')) missing.push('containernetworking-plugins');
  return {
    platform: process.platform,
    goMinor: readGoMinor(),
    root: process.getuid?.() === 0,
    packagesMissing: [...new Set(missing)],
  };
}

function readGoMinor(): number | null {
  try {
    const text = execFileSync('go', ['env', 'GOVERSION'], { env: goEnvironment(), encoding: 'utf8' });
    return parseGoMinor(text);
  } catch {
    return null;
  }
}

/** `go1.26.8` → 26. */
export function parseGoMinor(version: string): number | null {
  const minor = /^go1\.(\d+)/.exec(version.trim())?.[1];
  return minor === undefined ? null : Number(minor);
}

/** The installed Go, never one that it would fetch; no C compiler. */
export function goEnvironment(): NodeJS.ProcessEnv {
  const path = `${process.env['PATH'] ?? ''}:/usr/local/go/bin`;
  return { ...process.env, PATH: path, GOTOOLCHAIN: 'local', CGO_ENABLED: '0', GOFLAGS: '-buildvcs=false' };
}

function isOnPath(program: string): boolean {
  const path = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;
  return path.split(':').some((folder) => existsSync(join(folder, program)));
}

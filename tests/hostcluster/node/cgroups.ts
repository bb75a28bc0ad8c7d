import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { waitUntil } from '../run-program.ts';

const top = '/sys/fs/cgroup';
const controllers = ['cpu', 'cpuset', 'memory', 'pids', 'io', 'hugetlb'];

/** Makes the control group below which a kubelet puts its pods: in version 1 one in every hierarchy. */
export function makeCgroup(name: string): void {
  for (const hierarchy of hierarchies()) {
    const path = join(hierarchy, name);
    mkdirSync(path, { recursive: true });
    // Version 1 gives a new cpuset nothing, and refuses processes then.
    for (const file of ['cpuset.cpus', 'cpuset.mems']) {
      const parent = join(hierarchy, file);
      if (existsSync(parent)) writeFileSync(join(path, file), readFileSync(parent));
    }
  }
  if (isUnified()) {
    for (const folder of [top, join(top, name)])
      for (const controller of controllers) enable(folder, controller);
  }
}

/** Removes it and what is below: the kernel refuses while a process is left. */
export async function removeCgroup(name: string): Promise<void> {
  // Beside the hierarchies of version 1, container runtimes also use that of version 2 where it is mounted.
  const left = [...hierarchies(), `${top}/unified`].map((hierarchy) => join(hierarchy, name));
  await waitUntil(`the end of control group ${name}`, 10, () => {
    for (const path of left) if (existsSync(path)) removeTree(path);
    return true;
  });
}

function removeTree(path: string): void {
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) removeTree(join(path, entry.name));
  }
  rmdirSync(path);
}

function enable(folder: string, controller: string): void {
  try {
    appendFileSync(join(folder, 'cgroup.subtree_control'), `+${controller}`);
  } catch {
    // This kernel does not have it; the kubelet says so if it cannot do without.
  }
}

/** Version 2 has one hierarchy, version 1 one per controller, and systemd's. */
function hierarchies(): string[] {
  if (isUnified()) return [top];
  return readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, path = '', kind]) => kind === 'cgroup' && path.startsWith(`${top}/`))
    .map(([, path = '']) => path);
}

function isUnified(): boolean {
  return existsSync(join(top, 'cgroup.controllers'));
}

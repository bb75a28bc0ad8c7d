import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { processStart } from '@hexabase/kernel/process/process-identity.ts';
import { componentNames, type Component, type ComponentName } from './components.ts';
import { readIfThere, writeAtomic, type TenantPaths } from './tenant-folder.ts';

const logBytesMax = 8 * 1024 * 1024;
const pollMs = 50;

/** Starts a program that goes on when this process dies; its output goes to the tenant's logs. */
export async function startComponent(paths: TenantPaths, component: Component): Promise<void> {
  await mkdir(paths.logs, { recursive: true, mode: 0o700 });
  const logFile = join(paths.logs, `${component.name}.log`);
  const size = (await stat(logFile).catch(() => null))?.size ?? 0;
  await using log = await open(logFile, size > logBytesMax ? 'w' : 'a', 0o600);
  const child = spawn(component.program, component.arguments, {
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
    cwd: paths.folder,
    env: { PATH: '/usr/bin:/bin', HOME: paths.folder },
  });
  await once(child, 'spawn');
  child.unref();
  const { pid = 0 } = child;
  await writeAtomic(pidFile(paths, component.name), `${pid} ${processStart(pid) ?? ''}`);
}

/** The process id of a component that runs, whoever started it; null when it does not. */
export async function findComponent(paths: TenantPaths, name: ComponentName): Promise<number | null> {
  const [pid, start] = ((await readIfThere(pidFile(paths, name))) ?? '').split(' ');
  return start && processStart(Number(pid)) === start ? Number(pid) : null;
}

/** Names of those that run. */
export async function runningComponents(paths: TenantPaths): Promise<ComponentName[]> {
  const running: ComponentName[] = [];
  for (const name of componentNames) if ((await findComponent(paths, name)) !== null) running.push(name);
  return running;
}

/** Clients of the API before the API, and the API before its data. */
const stopOrder: readonly (readonly ComponentName[])[] = [
  ['kwok', 'kube-scheduler', 'kube-controller-manager'],
  ['kube-apiserver'],
  ['etcd'],
];

/**
 * Ends a tenant's processes, each with `graceMs` for an orderly end; answers which there were. Also those whose pid was
 * never written down: they are known by the tenant's folder in their command line.
 */
export async function stopComponents(paths: TenantPaths, graceMs: number): Promise<ComponentName[]> {
  const stopped: ComponentName[] = [];
  for (const together of stopOrder) {
    const ended = await Promise.all(
      together.map(async (name) => {
        const pid = await findComponent(paths, name);
        if (pid !== null) await end(pid, graceMs);
        await rm(pidFile(paths, name), { force: true });
        return pid === null ? [] : [name];
      }),
    );
    stopped.push(...ended.flat());
  }
  for (const pid of await processesOf(paths)) await end(pid, 0);
  return stopped;
}

/** Process ids of everything that has a file of this tenant in its command line. */
export async function processesOf({ folder }: TenantPaths): Promise<number[]> {
  const found: number[] = [];
  for (const { pid, command } of await allProcesses()) {
    if (pid !== process.pid && command.includes(`=${folder}/`)) found.push(pid);
  }
  return found;
}

async function end(pid: number, graceMs: number): Promise<void> {
  const start = processStart(pid);
  if (start === null) return;
  signal(pid, graceMs > 0 ? 'SIGTERM' : 'SIGKILL');
  const killAt = performance.now() + graceMs;
  let killed = graceMs === 0;
  while (processStart(pid) === start) {
    if (!killed && performance.now() > killAt) {
      signal(pid, 'SIGKILL');
      killed = true;
    }
    await sleep(pollMs);
  }
}

function signal(pid: number, name: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has just ended by itself; the caller looks again.
  }
}

async function allProcesses(): Promise<{ pid: number; command: string }[]> {
  if (process.platform === 'linux') {
    const pids = (await readdir('/proc')).map(Number).filter((pid) => Number.isInteger(pid));
    return Promise.all(
      pids.map(async (pid) => ({
        pid,
        command: (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' '),
      })),
    );
  }
  const { stdout } = await promisify(execFile)('ps', ['-axww', '-o', 'pid=,command='], {
    maxBuffer: 16 * 1024 * 1024,
  });
  return stdout.split('\n').map((line) => {
    const [pid = '0', ...command] = line.trim().split(' ');
    return { pid: Number(pid), command: command.join(' ') };
  });
}

function pidFile(paths: TenantPaths, name: ComponentName): string {
  return join(paths.run, `${name}.pid`);
}

/** The last line that a component wrote, for people who look for the reason of a crash. */
export async function lastWords(paths: TenantPaths, name: ComponentName): Promise<string> {
  const log = await readIfThere(join(paths.logs, `${name}.log`));
  return log?.trimEnd().split('\n').at(-1)?.slice(0, 300) ?? '';
}

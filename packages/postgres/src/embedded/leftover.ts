import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '@hexabase/kernel/log.ts';
import type { ServerFolders } from './folders.ts';
import { processCommand, processStart } from '@hexabase/kernel/process/process-identity.ts';

const fastStopMsMax = 20_000;
const hardStopMsMax = 10_000;

/**
 * Ends a PostgreSQL that outlived the process that started it (a killed parent leaves it running) and removes lock files
 * of one that is dead. Where process 1 does not reap children, a killed server stays a zombie whose lock files would
 * block every later start.
 */
export async function clearLeftover(folders: ServerFolders, log: Logger): Promise<void> {
  const pid = await readPid(folders.data);
  if (pid === null) return;
  if (isOurServer(pid, folders.data)) {
    log.warn({ pid }, 'stopping a database server that outlived its parent');
    await stopProcess(pid, (name) => process.kill(pid, name));
  }
  await removeLocks(folders);
}

/** Asks for a fast shutdown, then for an immediate one. Resolves when the process is gone or a zombie. */
export async function stopProcess(pid: number, signal: (name: NodeJS.Signals) => void): Promise<void> {
  for (const [name, limitMs] of [
    ['SIGINT', fastStopMsMax],
    ['SIGQUIT', hardStopMsMax],
    ['SIGKILL', hardStopMsMax],
  ] as const) {
    if (isGone(pid)) return;
    signal(name);
    for (let waitedMs = 0; waitedMs < limitMs; waitedMs += 20) {
      if (isGone(pid)) return;
      await sleep(20);
    }
  }
}

/** Lock files of a server that is known to be gone. */
export async function removeLocks(folders: ServerFolders): Promise<void> {
  await rm(path.join(folders.data, 'postmaster.pid'), { force: true });
  await rm(path.join(folders.socket, '.s.PGSQL.5432'), { force: true });
  await rm(path.join(folders.socket, '.s.PGSQL.5432.lock'), { force: true });
}

/** The last line of postmaster.pid says `ready` once connections are taken (PostgreSQL, `pidfile.h`). */
export async function isReady(folders: ServerFolders, pid: number): Promise<boolean> {
  const lines = (await readFile(path.join(folders.data, 'postmaster.pid'), 'utf8').catch(() => '')).split(
    '\n',
  );
  return Number(lines[0]) === pid && lines[7]?.trim() === 'ready';
}

async function readPid(data: string): Promise<number | null> {
  const text = await readFile(path.join(data, 'postmaster.pid'), 'utf8').catch(() => null);
  if (text === null) return null;
  const pid = Number(text.split('\n')[0]);
  return Number.isInteger(pid) && pid > 0 ? pid : 0;
}

/** The process id may meanwhile belong to something else: the server's command line names its data folder. */
function isOurServer(pid: number, data: string): boolean {
  return pid !== 0 && processCommand(pid).includes(data);
}

function isGone(pid: number): boolean {
  return processStart(pid) === null;
}

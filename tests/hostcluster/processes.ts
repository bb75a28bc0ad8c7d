import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isErrno, processStart } from '@hexabase/kernel/process/process-identity.ts';
import { ProcessEnded, waitUntil } from './run-program.ts';
import { folders } from './settings.ts';

/** A process that we have started. The start time tells it from another that got the same number later. */
export interface Started {
  name: string;
  pid: number;
  start: string;
}

/** What runs now, in the order of starting, on disk at once: a runner that is killed leaves the next one the list. */
export interface Running {
  level: string;
  /** It has the image of the Kubernetes that tenants are upgraded from. */
  upgrade?: boolean | undefined;
  /** Whose it is until it ends it or says that it shall go on; null then. */
  runner: Started | null;
  processes: Started[];
  /** What it has put on the machine beside processes; null as long as there is nothing. */
  machine: { kernel: Record<string, string>; bridge: string | null } | null;
}

const statePath = join(folders.run, 'state.json');

export function readRunning(): Running | null {
  if (!existsSync(statePath)) return null;
  const state: Running = JSON.parse(readFileSync(statePath, 'utf8'));
  return state;
}

export function writeRunning(running: Running): void {
  mkdirSync(folders.run, { recursive: true });
  writeFileSync(`${statePath}.new`, `${JSON.stringify(running, null, 2)}\n`);
  renameSync(`${statePath}.new`, statePath);
}

/** Starts a program that outlives this one, its output in `logs/<name>.log`. */
export function startProcess(running: Running, name: string, command: readonly string[]): Started {
  const [program = '', ...args] = command;
  mkdirSync(folders.logs, { recursive: true });
  const log = openSync(logPath(name), 'a');
  const child = spawn(program, args, { detached: true, stdio: ['ignore', log, log], cwd: '/' });
  closeSync(log);
  child.once('error', () => undefined);
  child.unref();
  if (child.pid === undefined) throw new Error(`${program} could not be started`);
  return remember(running, name, child.pid);
}

/** This very process. */
export function ownProcess(): Started {
  return { name: 'the run of the suites', pid: process.pid, start: processStart(process.pid) ?? '' };
}

/** Takes note of a process that another program of ours has started. */
export function remember(running: Running, name: string, pid: number): Started {
  const started = { name, pid, start: processStart(pid) ?? '' };
  running.processes.push(started);
  writeRunning(running);
  return started;
}

/** Ends one for good while the others go on: a cluster of which something has ended is not taken for a whole one. */
export async function endProcess(running: Running, started: Started): Promise<void> {
  await killProcess(started);
  running.processes = running.processes.filter((other) => other !== started);
  writeRunning(running);
}

/** Throws with the end of its log when the process has ended. */
export function expectAlive(started: Started): void {
  if (isAlive(started)) return;
  throw new ProcessEnded(
    `${started.name} has ended; the end of ${logPath(started.name)}:\n${logEnd(started)}`,
  );
}

function logEnd({ name }: Started): string {
  return existsSync(logPath(name))
    ? readFileSync(logPath(name), 'utf8').split('\n').slice(-12).join('\n')
    : '';
}

/** Ends a process at once: what the cluster holds is thrown away anyway. */
export async function killProcess(started: Started): Promise<void> {
  if (!isAlive(started)) return;
  try {
    process.kill(started.pid, 'SIGKILL');
  } catch (error) {
    if (!isErrno(error, 'ESRCH')) throw error;
  }
  await waitUntil(`the end of ${started.name}`, 10, () => !isAlive(started));
}

export function isAlive(started: Started): boolean {
  return processStart(started.pid) === started.start;
}

function logPath(name: string): string {
  return join(folders.logs, `${name}.log`);
}

import { closeSync, existsSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { StartError, writeFileAtomic } from './data-folder.ts';
import { isErrno, processStart } from '@hexabase/kernel/process/process-identity.ts';

const runState = z.object({
  pid: z.int(),
  start: z.string(),
  httpUrl: z.string().nullable(),
  httpsUrl: z.string().nullable(),
  ready: z.boolean(),
});

/** What a running server says about itself in `<data folder>/run.json`; `hks status` and `hks down` read it. */
export type RunState = z.infer<typeof runState>;

/** Reads the state of the server that runs on this folder; null when none does (a dead one's file does not count). */
export function readRunState(dataDir: string): RunState | null {
  const path = runPath(dataDir);
  if (!existsSync(path)) return null;
  const parsed = runState.safeParse(parseJson(readFileSync(path, 'utf8')));
  if (!parsed.success) return null;
  return processStart(parsed.data.pid) === parsed.data.start ? parsed.data : null;
}

/**
 * Takes the data folder for this process. Throws `StartError` with the other's pid when a live process has it; a file
 * that a killed process left is taken over.
 */
export function claimRun(dataDir: string): RunClaim {
  const start = processStart(process.pid) ?? '';
  const path = runPath(dataDir);
  const first: RunState = { pid: process.pid, start, httpUrl: null, httpsUrl: null, ready: false };
  for (let attempt = 0; ; attempt += 1) {
    if (createExclusive(path, JSON.stringify(first))) break;
    const other = readRunState(dataDir);
    if (other || attempt > 3) {
      throw new StartError(
        `Hexabase already runs on ${dataDir} (pid ${other?.pid ?? 'unknown'}). Stop it with \`./hks down\`, or use another --data-dir.`,
      );
    }
    rmSync(path, { force: true });
  }
  return {
    publish: (state) => writeFileAtomic(path, JSON.stringify({ ...first, ...state }), 0o600),
    [Symbol.dispose]: () => rmSync(path, { force: true }),
  };
}

export interface RunClaim extends Disposable {
  publish(state: Partial<RunState>): void;
}

function runPath(dataDir: string): string {
  return join(dataDir, 'run.json');
}

function createExclusive(path: string, text: string): boolean {
  try {
    const file = openSync(path, 'wx', 0o600);
    writeSync(file, text);
    closeSync(file);
    return true;
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return false;
    throw error;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

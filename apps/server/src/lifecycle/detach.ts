import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { StartError } from './data-folder.ts';

const patienceMs = 120_000;

/**
 * Starts `hks up` in the background and waits until it is ready. Answers its announcement, which comes over a channel and
 * not through the log, because it may hold the first password. Throws `StartError` with what it complained of.
 */
export async function startDetached(
  dataDir: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<string> {
  const logPath = join(dataDir, 'server.log');
  const log = openSync(logPath, 'a', 0o600);
  const child = spawn(
    process.execPath,
    [...process.execArgv, join(import.meta.dirname, '../main.ts'), ...args],
    {
      detached: true,
      env,
      stdio: ['ignore', log, log, 'ipc'],
    },
  );
  closeSync(log);
  const answer = await new Promise<StartReport>((resolve) => {
    const late = setTimeout(
      () =>
        resolve({ kind: 'failed', message: `It is not ready after ${patienceMs / 1000} s; see ${logPath}.` }),
      patienceMs,
    );
    child.once('message', (message: StartReport) => resolve(message));
    child.once('exit', () =>
      resolve({ kind: 'failed', message: `It ended before it was ready; see ${logPath}.` }),
    );
    child.once('error', (error) => resolve({ kind: 'failed', message: error.message }));
    late.unref();
  });
  if (answer.kind === 'failed') throw new StartError(answer.message);
  child.disconnect();
  child.unref();
  return answer.text;
}

/** What the background process says to the one that started it. */
export type StartReport = { kind: 'ready'; text: string } | { kind: 'failed'; message: string };

/** Tells the starter in the foreground, if there is one; answers whether there was. */
export function reportToStarter(report: StartReport): boolean {
  if (!process.send) return false;
  process.send(report);
  return true;
}

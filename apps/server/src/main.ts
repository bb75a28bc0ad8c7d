import { isAppError } from '@hexabase/kernel/errors.ts';
import { readArguments, usage, type Arguments } from './arguments.ts';
import { readConfig, type ServerConfig } from './config.ts';
import { ensureDataFolder } from './lifecycle/data-folder.ts';
import { reportToStarter, startDetached } from './lifecycle/detach.ts';
import { isErrno } from '@hexabase/kernel/process/process-identity.ts';
import { mendable } from './lifecycle/mendable.ts';
import { readRunState } from './lifecycle/run-file.ts';
import { stopServer } from './lifecycle/stop.ts';

try {
  await main(readArguments(process.argv.slice(2)));
} catch (error) {
  const message = sentence(error);
  if (!reportToStarter({ kind: 'failed', message })) process.stderr.write(`hks: ${message}\n`);
  process.exitCode = 1;
}

async function main(given: Arguments): Promise<void> {
  if (given.help) return print(usage);
  const config = readConfig(given.flags, process.env);
  switch (given.command) {
    case 'status':
      return status(config.dataDir, given.json);
    case 'down':
      return print((await stopServer(config.dataDir)) ? 'Stopped.' : `Nothing runs on ${config.dataDir}.`);
    case 'up': {
      ensureDataFolder(config.dataDir);
      if (given.detach)
        return print(await startDetached(config.dataDir, detachedArguments(), environmentOf(config)));
      // Loaded late: `status` and `down` need none of it.
      const { up } = await import('./up.ts');
      return up(config, process.env['HKS_LAUNCHER'] ?? 'hks');
    }
  }
}

/** The key was taken out of the environment; the server itself needs it. */
function environmentOf({ masterKey }: ServerConfig): NodeJS.ProcessEnv {
  return { ...process.env, ...(masterKey !== undefined && { HKS_MASTER_KEY: masterKey }) };
}

function detachedArguments(): string[] {
  return process.argv.slice(2).filter((argument) => argument !== '--detach');
}

function status(dataDir: string, json: boolean): void {
  const state = readRunState(dataDir);
  const answer = {
    pid: state?.pid ?? null,
    httpUrl: state?.httpUrl ?? null,
    httpsUrl: state?.httpsUrl ?? null,
    dataDir,
    ready: state?.ready ?? false,
  };
  if (json) print(JSON.stringify(answer));
  else
    print(
      state
        ? `Runs (pid ${state.pid})${state.ready ? '' : ', not ready yet'}: ${answer.httpUrl}, ${answer.httpsUrl}`
        : `Nothing runs on ${dataDir}.`,
    );
  if (!state) process.exitCode = 3;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** What went wrong, for the person at the keyboard; a stack is for faults of ours only. */
function sentence(error: unknown): string {
  if (isErrno(error, 'ENOSPC', 'EDQUOT') || isAppError(error, 'storage_full')) {
    return 'The disk that holds the data folder is full. Free some space, or choose another with --data-dir.';
  }
  return mendable(error) ?? (error instanceof Error ? (error.stack ?? error.message) : String(error));
}

import { processStart } from '@hexabase/kernel/process/process-identity.ts';
import { readRunState } from './run-file.ts';
import { StartError } from './data-folder.ts';

const patienceMs = 30_000;
const pollMs = 100;

/** Asks the server of this data folder to stop and waits until it has. Answers false when none runs. */
export async function stopServer(dataDir: string): Promise<boolean> {
  const state = readRunState(dataDir);
  if (!state) return false;
  process.kill(state.pid, 'SIGTERM');
  const deadline = Date.now() + patienceMs;
  while (processStart(state.pid) === state.start) {
    if (Date.now() > deadline)
      throw new StartError(`Process ${state.pid} has not stopped within ${patienceMs / 1000} s.`);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  return true;
}

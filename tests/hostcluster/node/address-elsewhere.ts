import { readRunning } from '../processes.ts';
import { runProgram, tryProgram } from '../run-program.ts';
import { network } from '../settings.ts';

/**
 * Gives this machine one more address, to which all nodes know the way: what listens there is for pods in the internet, or
 * where clouds have their metadata. Disposing takes it away.
 */
export async function addressElsewhere(address: string): Promise<AsyncDisposable> {
  const nodes = (readRunning()?.processes ?? []).filter(({ name }) => /^node\d+$/.test(name));
  const inside = (pid: number): string[] => ['--target', String(pid), '--net', 'ip', 'route'];
  const way = [`${address}/32`, 'via', network.machine];
  await runProgram('ip', ['address', 'add', `${address}/32`, 'dev', network.bridge]);
  for (const { pid } of nodes) await runProgram('nsenter', [...inside(pid), 'replace', ...way]);
  return {
    async [Symbol.asyncDispose]() {
      for (const { pid } of nodes) await tryProgram('nsenter', [...inside(pid), 'delete', ...way]);
      await tryProgram('ip', ['address', 'delete', `${address}/32`, 'dev', network.bridge]);
    },
  };
}

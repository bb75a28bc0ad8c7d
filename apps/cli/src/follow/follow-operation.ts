import { longOperation, type LongOperation } from '@hexabase/contract/long-operation.ts';
import { sentences } from '@hexabase/kernel/text/sentences.ts';
import { setTimeout as delay } from 'node:timers/promises';
import type { Cli } from '../cli.ts';
import { CliError } from '../cli-error.ts';
import { progressLine, stepsOf } from '../progress.ts';
import { askPatiently, isPassing } from './ask-patiently.ts';

const pollMs = 150;

/** Shows the steps of an operation until it has ended, however it did; each once, also those that were over before. */
export async function followOperation(id: string, cli: Cli): Promise<LongOperation> {
  const line = progressLine(cli.environment.isTerminal);
  for (;;) {
    const operation = await operationOf(id, cli);
    for (const step of stepsOf(operation)) line.show(step);
    if (operation.state !== 'running') {
      line.end();
      return operation;
    }
    await delay(pollMs, undefined, { signal: cli.signal });
  }
}

/** Throws `CliError` with the exit code 2 and the way to its end when the server stays away. */
export async function operationOf(id: string, cli: Cli): Promise<LongOperation> {
  const { signal } = cli;
  const look = () => cli.client().call(longOperation.operations.get, { params: { id }, signal });
  try {
    return (await askPatiently(look, cli)).data;
  } catch (error) {
    if (signal.aborted || !isPassing(error)) throw error;
    const where = `It was asked for all the same: \`hks operation get ${id}\` tells how it ends`;
    throw new CliError(sentences(error.message, where), 2);
  }
}

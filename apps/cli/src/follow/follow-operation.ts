import { longOperation, type LongOperation } from '@hexabase/contract/long-operation.ts';
import { setTimeout as delay } from 'node:timers/promises';
import type { Cli } from '../cli.ts';
import { progressLine, stepsOf } from '../progress.ts';

const pollMs = 150;

/** Shows the steps of an operation until it has ended, however it did; each once, also those that were over before. */
export async function followOperation(id: string, cli: Cli): Promise<LongOperation> {
  const line = progressLine(cli.environment.isTerminal);
  for (;;) {
    const { data } = await cli
      .client()
      .call(longOperation.operations.get, { params: { id }, signal: cli.signal });
    for (const step of stepsOf(data)) line.show(step);
    if (data.state !== 'running') {
      line.end();
      return data;
    }
    await delay(pollMs, undefined, { signal: cli.signal });
  }
}

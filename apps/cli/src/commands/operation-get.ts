import { longOperation, type LongOperation } from '@hexabase/contract/long-operation.ts';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { reportLines } from './deletion-report.ts';
import { render } from '../output.ts';
import { addOutputOption, nounCommand, outputFormat } from '../resource-commands.ts';

/** `hks operation get ID`: its end, its steps, and the report of a removal. */
export function addOperationGet(program: Command, cli: Cli): void {
  const command = nounCommand(program, longOperation)
    .command('get')
    .description(longOperation.operations.get.summary)
    .argument('<operation>', 'id');
  addOutputOption(command).action(async (id: string) => {
    const { data } = await cli
      .client()
      .call(longOperation.operations.get, { params: { id }, signal: cli.signal });
    const format = outputFormat(command);
    const table = render(format, longOperation.columns, data);
    cli.print(format === 'table' ? [table, '', ...describe(data)].join('\n') : table);
  });
}

function describe(operation: LongOperation): string[] {
  const steps = operation.events
    .filter((event) => event.kind !== 'intent')
    .map((event) => `  ${event.at}  ${event.step}: ${event.kind}${event.message && ` – ${event.message}`}`);
  const report = reportLines(operation);
  return [
    ...(operation.message === '' ? [] : [operation.message]),
    ...steps,
    ...(report.length > 0 ? ['Report:', ...report] : []),
  ];
}

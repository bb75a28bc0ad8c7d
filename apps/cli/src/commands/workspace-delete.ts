import { longOperation, type LongOperation } from '@hexabase/contract/long-operation.ts';
import { workspace } from '@hexabase/contract/workspace.ts';
import type { Command } from 'commander';
import { setTimeout as delay } from 'node:timers/promises';
import type { Cli } from '../cli.ts';
import { CliError } from '../cli-error.ts';
import { confirm } from '../confirm.ts';
import { progressLine, stepsOf } from '../progress.ts';
import { nounCommand } from '../resource-commands.ts';

const pollMs = 150;

/** `hks workspace delete NAME`: asks for the name, then prints what was removed and what is left. */
export function addWorkspaceDelete(program: Command, cli: Cli): void {
  nounCommand(program, workspace)
    .command('delete')
    .description(workspace.operations.delete.summary)
    .argument('<workspace>', 'slug or id')
    .option('--yes', 'do not ask', false)
    .option('--no-wait', 'return at once')
    .action(async (name: string, options: { yes: boolean; wait: boolean }) => {
      const client = cli.client();
      const { data: found } = await client.call(workspace.operations.get, {
        params: { id: name },
        signal: cli.signal,
      });
      await confirm({
        question: `This deletes the workspace “${found.name}” and everything in it. Type ${found.slug} to go ahead:`,
        expected: found.slug,
        yes: options.yes,
        isTerminal: cli.environment.isTerminal,
      });
      const { data: deleting } = await client.call(workspace.operations.delete, {
        params: { id: found.id },
        signal: cli.signal,
      });
      if (!options.wait || !deleting.operationId) return cli.print(`${found.slug} is being deleted.`);
      cli.print(report(found.slug, await follow(deleting.operationId, cli)));
    });
}

async function follow(operationId: string, cli: Cli): Promise<LongOperation> {
  const line = progressLine(cli.environment.isTerminal);
  for (;;) {
    const { data } = await cli
      .client()
      .call(longOperation.operations.get, { params: { id: operationId }, signal: cli.signal });
    for (const step of stepsOf(data)) line.show(step);
    if (data.state === 'succeeded') {
      line.end();
      return data;
    }
    if (data.state !== 'running') throw new CliError(`The deletion is ${data.state}: ${data.message}`);
    await delay(pollMs, undefined, { signal: cli.signal });
  }
}

function report(slug: string, operation: LongOperation): string {
  const removed = items(operation.report?.['removed']);
  const left = items(operation.report?.['left']);
  const lines = removed.map((item) => `  removed  ${item}`);
  return [
    `Workspace ${slug} is deleted.`,
    ...lines,
    ...left.map((item) => `  LEFT     ${item}`),
    `${removed.length} removed, ${left.length} left`,
  ].join('\n');
}

function items(list: unknown): string[] {
  if (!Array.isArray(list)) return [];
  return list.map((item: unknown) => {
    if (typeof item !== 'object' || item === null || !('kind' in item) || !('key' in item))
      return JSON.stringify(item);
    return `${String(item.kind)} ${String(item.key)}`;
  });
}

import { workspace, type Workspace } from '@hexabase/contract/workspace.ts';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { CliError } from '../cli-error.ts';
import { confirm } from '../confirm.ts';
import { reportLines } from './deletion-report.ts';
import { followOperation } from '../follow/follow-operation.ts';
import { nounCommand } from '../resource-commands.ts';

/**
 * `hks workspace delete NAME`: a deletion that can be taken back asks yes or no; one that cannot asks for the name, then
 * prints what was removed and what is left.
 */
export function addWorkspaceDelete(program: Command, cli: Cli): void {
  nounCommand(program, workspace)
    .command('delete')
    .description(workspace.operations.delete.summary)
    .argument('<workspace>', 'slug or id')
    .option('--now', 'at once: it cannot be taken back', false)
    .option('--yes', 'do not ask', false)
    .option('--no-wait', 'return at once')
    .action(async (name: string, options: { now: boolean; yes: boolean; wait: boolean }) => {
      const client = cli.client();
      const { data: found } = await client.call(workspace.operations.get, {
        params: { id: name },
        signal: cli.signal,
      });
      const isFinal = options.now || found.deletionGraceMinutes === 0;
      await confirm({
        ...questionFor(found, isFinal),
        yes: options.yes,
        isTerminal: cli.environment.isTerminal,
      });
      const { data: deleting } = await client.call(workspace.operations.delete, {
        params: { id: found.id },
        query: { now: options.now ? 'true' : 'false' },
        signal: cli.signal,
      });
      if (deleting.deletionDueAt !== null) return cli.print(takenBack(deleting, cli));
      if (!options.wait || !deleting.operationId) return cli.print(`${found.slug} is being deleted.`);
      const operation = await followOperation(deleting.operationId, cli);
      if (operation.state !== 'succeeded')
        throw new CliError(`The deletion is ${operation.state}: ${operation.message}`);
      cli.print([`Workspace ${found.slug} is deleted.`, ...reportLines(operation)].join('\n'));
    });
}

function questionFor({ name, slug }: Workspace, isFinal: boolean): { question: string; expected: string } {
  return isFinal
    ? {
        question: `This deletes the workspace “${name}” and everything in it. Type ${slug} to go ahead:`,
        expected: slug,
      }
    : {
        question: `This puts the workspace “${name}” to sleep and deletes it later. Type yes to go ahead:`,
        expected: 'yes',
      };
}

function takenBack({ slug, deletionDueAt }: Workspace, cli: Cli): string {
  const { launcher } = cli.environment;
  return `${slug} will be deleted at ${deletionDueAt}. Until then it sleeps, and \`${launcher} workspace restore ${slug}\` takes this back.`;
}

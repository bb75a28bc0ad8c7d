import { workspace } from '@hexabase/contract/workspace.ts';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { followWorkspace } from '../follow/follow-workspace.ts';
import { render } from '../output.ts';
import { addOutputOption, nounCommand, outputFormat } from '../resource-commands.ts';

/** `hks workspace clone WORKSPACE NAME`: asks for the copy, shows the steps, and says what the copy does not have. */
export function addWorkspaceClone(program: Command, cli: Cli): void {
  const command = nounCommand(program, workspace)
    .command('clone')
    .description(workspace.operations.clone.summary)
    .argument('<workspace>', 'slug or id of the one to copy')
    .argument('<name>', 'of the new one, free text; the slug is made from it')
    .option('--plan <plan>', "the source's when absent")
    .option('--slug <slug>', 'instead of one made from the name; refused when taken')
    .option('--description <text>', "the source's when absent")
    .option('--region <region>', "the source's when absent")
    .option('--no-wait', 'return at once');
  addOutputOption(command).action(async (id: string, name: string, options: CloneOptions) => {
    const { wait, plan, slug, description, region } = options;
    const body = { name, plan, slug, description, region };
    const { data } = await cli
      .client()
      .call(workspace.operations.clone, { params: { id }, body, signal: cli.signal });
    const final = wait ? await followWorkspace(data, cli) : data;
    cli.print(render(outputFormat(command), workspace.columns, final));
    if (outputFormat(command) !== 'table') return;
    for (const line of final.clone?.notCopied ?? []) cli.note(`Not copied: ${line}`);
  });
}

interface CloneOptions {
  plan?: string;
  slug?: string;
  description?: string;
  region?: string;
  wait: boolean;
}

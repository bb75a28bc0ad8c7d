import { workspace } from '@hexabase/contract/workspace.ts';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { followWorkspace } from '../follow/follow-workspace.ts';
import { addOutputOption, nounCommand, outputFormat } from '../resource-commands.ts';
import { render } from '../output.ts';

/** `hks workspace create NAME`: asks for it, then shows the steps until it is active or has failed. */
export function addWorkspaceCreate(program: Command, cli: Cli): void {
  const command = nounCommand(program, workspace)
    .command('create')
    .description(workspace.operations.create.summary)
    .argument('<name>', 'free text; the slug is made from it')
    .option('--plan <plan>', "the organization's plan when absent")
    .option('--organization <name>', 'slug or id; the current or only one when absent')
    .option('--slug <slug>', 'instead of one made from the name; refused when taken')
    .option('--description <text>')
    .option('--region <region>')
    .option('--isolation <how>', 'shared or dedicated')
    .option('--no-wait', 'return at once');
  addOutputOption(command).action(async (name: string, options: CreateOptions) => {
    const { wait, plan, slug, description, region, isolation } = options;
    const organization = options.organization ?? (await cli.currentScope('organization'));
    // Also an empty value was given: the server refuses those that mean nothing.
    const body = { name, organization, plan, slug, description, region, isolation };
    const { data } = await cli.client().call(workspace.operations.create, { body, signal: cli.signal });
    const final = wait ? await followWorkspace(data, cli) : data;
    cli.print(render(outputFormat(command), workspace.columns, final));
    if (wait && outputFormat(command) === 'table') {
      cli.note(
        `\nNext: ${cli.environment.launcher} kubeconfig ${final.slug} > kc.yaml && export KUBECONFIG=$PWD/kc.yaml && kubectl get nodes`,
      );
    }
  });
}

interface CreateOptions {
  plan?: string;
  organization?: string;
  slug?: string;
  description?: string;
  region?: string;
  isolation?: 'shared' | 'dedicated';
  wait: boolean;
}

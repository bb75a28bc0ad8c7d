import { longOperation } from '@hexabase/contract/long-operation.ts';
import { workspace, type Workspace } from '@hexabase/contract/workspace.ts';
import type { Command } from 'commander';
import { setTimeout as delay } from 'node:timers/promises';
import type { Cli } from '../cli.ts';
import { CliError } from '../cli-error.ts';
import { progressLine, stepsOf, type ProgressLine } from '../progress.ts';
import { addOutputOption, nounCommand, outputFormat } from '../resource-commands.ts';
import { render } from '../output.ts';

const pollMs = 100;

/** `hks workspace create NAME`: asks for it, then shows the steps until it is active or has failed. */
export function addWorkspaceCreate(program: Command, cli: Cli): void {
  const command = nounCommand(program, workspace)
    .command('create')
    .description(workspace.operations.create.summary)
    .argument('<name>', 'free text; the slug is made from it')
    .option('--plan <plan>', "the organization's plan when absent")
    .option('--organization <name>', 'slug or id; your current one when absent')
    .option('--slug <slug>', 'instead of one made from the name; refused when taken')
    .option('--description <text>')
    .option('--region <region>')
    .option('--isolation <how>', 'shared or dedicated')
    .option('--no-wait', 'return at once');
  addOutputOption(command).action(async (name: string, options: CreateOptions) => {
    const body = { name, ...pickDefined(options) };
    const { data } = await cli.client().call(workspace.operations.create, { body, signal: cli.signal });
    const final = options.wait ? await follow(data, cli) : data;
    cli.print(render(outputFormat(command), workspace.columns, final));
    if (options.wait && outputFormat(command) === 'table') {
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

function pickDefined({ wait: _wait, ...given }: CreateOptions): Omit<CreateOptions, 'wait'> {
  const { plan, organization, slug, description, region, isolation } = given;
  return {
    ...(plan && { plan }),
    ...(organization && { organization }),
    ...(slug && { slug }),
    ...(description && { description }),
    ...(region && { region }),
    ...(isolation && { isolation }),
  };
}

/** Shows the steps until the workspace is active. Throws `CliError` with the reason when it fails. */
async function follow(created: Workspace, cli: Cli): Promise<Workspace> {
  const line = progressLine(cli.environment.isTerminal);
  const current = await settled(created, cli, line);
  line.end();
  if (current.phase === 'active') return current;
  const ready = current.conditions.find((condition) => condition.type === 'Ready');
  throw new CliError(
    `The workspace is ${current.phase}: ${ready?.message ?? 'no reason is known'}. \`hks why workspace/${current.slug}\` tells more.`,
  );
}

/** Shows each step of the operation once, also those that were over before anybody asked. */
async function settled(created: Workspace, cli: Cli, line: ProgressLine): Promise<Workspace> {
  for (;;) {
    const { data } = await cli
      .client()
      .call(workspace.operations.get, { params: { id: created.id }, signal: cli.signal });
    if (data.operationId) {
      const operation = await cli
        .client()
        .call(longOperation.operations.get, { params: { id: data.operationId }, signal: cli.signal });
      for (const step of stepsOf(operation.data)) line.show(step);
    }
    if (data.phase !== 'provisioning') return data;
    await delay(pollMs, undefined, { signal: cli.signal });
  }
}

import { ClientError } from '@hexabase/client/client-error.ts';
import { workspace } from '@hexabase/contract/workspace.ts';
import { endsInWords, nothingEnds, type SleepEnds } from '@hexabase/contract/workspace-sleep.ts';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { confirm } from '../confirm.ts';
import { changeWorkspace } from '../follow/change-workspace.ts';
import { render } from '../output.ts';
import { addOutputOption, nounCommand, outputFormat } from '../resource-commands.ts';

/** `hks workspace sleep NAME`: where pods or Jobs end with it for good, it names them and asks first; then it shows the steps. */
export function addWorkspaceSleep(program: Command, cli: Cli): void {
  const command = nounCommand(program, workspace)
    .command('sleep')
    .description(workspace.operations.sleep.summary)
    .argument('<workspace>', 'slug or id')
    .option('--yes', 'do not ask, whatever ends with it', false)
    .option('--no-wait', 'return at once');
  addOutputOption(command).action(async (name: string, { yes, wait }: { yes: boolean; wait: boolean }) => {
    const ends = await endsBefore(name, cli);
    const words = ends && endsInWords(ends);
    if (ends === null) cli.note('Nobody could look which pods and Jobs this sleep ends.');
    if (words) {
      cli.note(`${words}.`);
      const { isTerminal } = cli.environment;
      await confirm({ question: 'Type yes to go ahead:', expected: 'yes', yes, isTerminal });
    }
    const ask = () =>
      cli.client().call(workspace.operations.sleep, { params: { id: name }, signal: cli.signal });
    const final = wait ? { ...(await changeWorkspace({ name, ask }, cli)), ends } : (await ask()).data;
    cli.print(render(outputFormat(command), workspace.columns, final));
  });
}

/** Null when nobody could look. A server of a release before this one does not tell, and is asked to go ahead as ever. */
async function endsBefore(name: string, { client, signal }: Cli): Promise<SleepEnds | null> {
  try {
    const { data } = await client().call(workspace.operations.sleepEnds, { params: { id: name }, signal });
    return data.ends;
  } catch (error) {
    if (error instanceof ClientError && [404, 405].includes(error.status)) return nothingEnds;
    throw error;
  }
}

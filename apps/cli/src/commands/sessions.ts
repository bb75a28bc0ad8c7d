import { errorOf } from '@hexabase/client/client-error.ts';
import type { Column } from '@hexabase/contract/resource.ts';
import type { Command } from 'commander';
import * as z from 'zod';
import type { Cli } from '../cli.ts';
import { CliError } from '../cli-error.ts';
import { render } from '../output.ts';
import { addOutputOption, outputFormat } from '../resource-commands.ts';
import { accessToken, currentContext, reach } from '../session.ts';

const sessions = z.object({ data: z.array(z.looseObject({ id: z.string(), current: z.boolean() })) });

const columns: readonly Column[] = [
  { header: 'ID', field: 'id' },
  { header: 'DEVICE', field: 'device' },
  { header: 'PLACE', field: 'place' },
  { header: 'AGE', field: 'createdAt', as: 'age' },
  { header: 'LAST USED', field: 'lastUsedAt', as: 'age' },
  { header: 'THIS ONE', field: 'current' },
];

/** `hks session list` and `hks session revoke ID`: where somebody is signed in, and no longer there. */
export function addSessions(program: Command, cli: Cli): void {
  const noun = program.command('session').description('Where you are signed in.');
  const list = noun
    .command('list')
    .description('Lists your sessions: device, place and time.')
    .action(async () => cli.print(render(outputFormat(list), columns, await mine(cli))));
  addOutputOption(list);
  noun
    .command('revoke')
    .description('Ends one of your sessions within a second; kubectl is refused there too.')
    .argument('<session>', 'its id')
    .action(async (id: string) => {
      const found = (await mine(cli)).find((session) => session.id === id);
      if (!found) throw new CliError('You have no such session. `hks session list` shows yours.');
      if (found.current)
        throw new CliError('This is the session that you are using. End it with `hks logout`.');
      await ask(cli, 'DELETE', `/${encodeURIComponent(id)}`);
      cli.print('session: ended');
    });
}

async function mine(cli: Cli): Promise<z.infer<typeof sessions>['data']> {
  return sessions.parse(await ask(cli, 'GET', '')).data;
}

/** Signing in is beside the contract, so these addresses are asked by hand. Throws `ClientError` in the server's words. */
async function ask({ environment, signal }: Cli, method: string, path: string): Promise<unknown> {
  const headers = { authorization: `Bearer ${await accessToken(environment, signal)}` };
  const url = `${currentContext(environment).server}/api/v1/auth/sessions${path}`;
  const response = await reach(url, { method, headers, signal });
  const answer: unknown = await response.json().catch(() => null);
  if (!response.ok) throw errorOf(response.status, answer);
  return answer;
}

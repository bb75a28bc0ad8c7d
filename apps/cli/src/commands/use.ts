import { ClientError } from '@hexabase/client/client-error.ts';
import {
  findContext,
  readCliConfig,
  updateCliConfig,
  type CliConfig,
  type CliContext,
} from '@hexabase/client/config-file.ts';
import { organization } from '@hexabase/contract/organization.ts';
import { workspace } from '@hexabase/contract/workspace.ts';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { CliError } from '../cli-error.ts';
import { contextName } from '../session.ts';

/** `hks use KIND NAME`: what is remembered is there, as the server says, so that a slip is told now and not by what follows. */
export function addUse(program: Command, cli: Cli): void {
  program
    .command('use')
    .description('Remembers a workspace, organization or context for the commands that follow.')
    .argument('<kind>', 'workspace, organization or context')
    .argument('<name>', 'slug or id; of a context, the name that it was given at `hks login --context`')
    .action(async (kind: string, name: string) => {
      if (kind === 'context') await useContext(cli, name);
      else if (kind === 'workspace' || kind === 'organization') await useScope(cli, kind, name);
      else
        throw new CliError(
          'Use one of: workspace, organization, context. For example `hks use workspace NAME`.',
        );
    });
}

async function useContext(cli: Cli, name: string): Promise<void> {
  await updateCliConfig(cli.environment.configFile, (config) => {
    signedIn(config, name);
    config.currentContext = name;
  });
  cli.print(`Using context ${name}.`);
  sayOverruled(cli, name);
}

type Scope = 'workspace' | 'organization';

/** In the context that commands work in. Throws `CliError` for what is not there, `ClientError` when nobody can say. */
async function useScope(cli: Cli, kind: Scope, name: string): Promise<void> {
  const { configFile } = cli.environment;
  const place = (config: CliConfig) => signedIn(config, contextName(cli.environment, config));
  place(readCliConfig(configFile));
  const slug = await slugOf(cli, kind, name);
  await updateCliConfig(configFile, (config) => {
    place(config)[kind] = slug;
  });
  cli.print(`Using ${kind} ${slug}.`);
}

async function slugOf({ client, signal }: Cli, kind: Scope, name: string): Promise<string> {
  const { get } = (kind === 'workspace' ? workspace : organization).operations;
  try {
    const { data } = await client().call(get, { params: { id: name }, signal });
    // Of an empty name or one of dots the address is another one, and the answer about something else.
    if ([data.slug, data.id].includes(name.toLowerCase())) return data.slug;
  } catch (error) {
    if (!(error instanceof ClientError) || error.status !== 404) throw error;
  }
  throw new CliError(
    `There is no ${kind} "${name}", or you may not know of it. \`hks ${kind} list\` shows yours.`,
  );
}

/** The environment has the last word on the context, which somebody who has just chosen another one may not know. */
export function sayOverruled({ environment, note }: Cli, chosen: string): void {
  const { context } = environment;
  if (context === null || context === chosen) return;
  note(
    `HKS_CONTEXT is set: commands go on in "${context}" until you unset it (\`unset HKS_CONTEXT\`), then in "${chosen}".`,
  );
}

function signedIn(config: CliConfig, name: string): CliContext {
  const context = findContext(config, name);
  if (context) return context;
  const names = Object.keys(config.contexts).join(', ');
  throw new CliError(
    `You are not signed in${names === '' ? '. Run `hks login SERVER`.' : ` as "${name}". Your contexts: ${names}.`}`,
  );
}

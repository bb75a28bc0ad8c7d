import { credentialFolder, credentialFolderOfToken, fileNameOf } from '@hexabase/client/credential-folder.ts';
import { findContext, holdCliConfig } from '@hexabase/client/config-file.ts';
import { workspace } from '@hexabase/contract/workspace.ts';
import { ClientError } from '@hexabase/client/client-error.ts';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { CliError } from '../cli-error.ts';
import { credentialCache, type Holder } from '../credential-cache.ts';
import type { CliEnvironment } from '../environment.ts';
import { contextName, currentContext } from '../session.ts';

/** `hks kube-credential --workspace ID`: run by kubectl; answers an ExecCredential (client-go credential plugins). */
export function addKubeCredential(program: Command, cli: Cli): void {
  program
    .command('kube-credential', { hidden: true })
    .description('Answers an ExecCredential; kubectl runs it.')
    .requiredOption('--workspace <id>')
    .action(async (options: { workspace: string }) => {
      const cache = credentialCache(holderOf(cli.environment), options.workspace);
      const credential = await cache.fresh(cli.environment.parentPid, () => mint(options.workspace, cli));
      cli.print(credential);
    });
}

/** Who asks: the token, or whoever is signed in in the context. Throws `CliError` when nobody is. */
function holderOf(environment: CliEnvironment): Holder {
  const { configFile, token } = environment;
  if (token !== null) {
    const dir = credentialFolderOfToken(configFile, token);
    return { dir, context: '-', signIn: '-', whileSignedIn: always };
  }
  const name = contextName(environment);
  const { signIn = '-' } = currentContext(environment);
  return {
    dir: credentialFolder(configFile, name),
    context: fileNameOf(name),
    signIn,
    whileSignedIn: (write) =>
      holdCliConfig(configFile, (config) => {
        const now = findContext(config, name);
        if (!now || (now.signIn ?? '-') !== signIn) return false;
        write();
        return true;
      }),
  };
}

function always(write: () => void): Promise<boolean> {
  write();
  return Promise.resolve(true);
}

async function mint(workspaceId: string, cli: Cli): Promise<{ token: string; expiresAt: string }> {
  try {
    const { data } = await cli
      .client()
      .call(workspace.operations.kubeToken, { params: { id: workspaceId }, signal: cli.signal });
    return data;
  } catch (error) {
    if (error instanceof ClientError && error.status === 404) {
      throw new CliError(
        'This workspace is gone, or you no longer have access to it. `hks workspace list` shows yours.',
      );
    }
    throw error;
  }
}

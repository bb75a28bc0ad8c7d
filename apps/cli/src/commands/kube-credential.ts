import { workspace } from '@hexabase/contract/workspace.ts';
import { ClientError } from '@hexabase/client/client-error.ts';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { CliError } from '../cli-error.ts';
import { credentialCache } from '../credential-cache.ts';

/** `hks kube-credential --workspace ID`: run by kubectl; answers an ExecCredential (client-go credential plugins). */
export function addKubeCredential(program: Command, cli: Cli): void {
  program
    .command('kube-credential', { hidden: true })
    .description('Answers an ExecCredential; kubectl runs it.')
    .requiredOption('--workspace <id>')
    .action(async (options: { workspace: string }) => {
      const cache = credentialCache(cli.environment.credentialsDir, options.workspace);
      const credential = await cache.fresh(cli.environment.parentPid, () => mint(options.workspace, cli));
      cli.print(credential);
    });
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

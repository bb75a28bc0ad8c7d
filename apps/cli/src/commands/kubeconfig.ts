import { ClientError } from '@hexabase/client/client-error.ts';
import { workspace } from '@hexabase/contract/workspace.ts';
import type { Command } from 'commander';
import { stringify } from 'yaml';
import type { Cli } from '../cli.ts';
import type { CliEnvironment } from '../environment.ts';
import { contextName } from '../session.ts';

/** `hks kubeconfig WORKSPACE`: a kubeconfig without any secret in it; kubectl asks the launcher for a short token. */
export function addKubeconfig(program: Command, cli: Cli): void {
  program
    .command('kubeconfig')
    .description(
      'Prints a kubeconfig for a workspace. It holds no secret: kubectl asks hks for a short token.',
    )
    .argument('<workspace>', 'slug, name or id')
    .action(async (name: string) => {
      const facts = await factsOf(name, cli);
      cli.print(kubeconfigText(facts, cli.environment).trimEnd());
    });
}

/** What people call a workspace may differ from its slug: then its name finds it, when only one has that. */
async function factsOf(name: string, cli: Cli): Promise<Facts> {
  const ask = async (id: string): Promise<Facts> =>
    (await cli.client().call(workspace.operations.kubeconfig, { params: { id }, signal: cli.signal })).data;
  try {
    return await ask(name);
  } catch (error) {
    if (!(error instanceof ClientError) || error.status !== 404) throw error;
    // As many as a page holds: one of the same name may be far down.
    const all = { query: { limit: 500 }, signal: cli.signal };
    const { data } = await cli.client().call(workspace.operations.list, all);
    const [found, ...others] = data.filter((one) => one.name === name);
    if (!found || others.length > 0) throw error;
    cli.note(`The slug of ${name} is ${found.slug}.`);
    return ask(found.id);
  }
}

interface Facts {
  context: string;
  server: string;
  certificateAuthorityData: string | null;
  workspaceId: string;
}

/** The file (kubeconfig v1, exec plugin of client.authentication.k8s.io/v1). */
export function kubeconfigText(
  facts: Facts,
  environment: Pick<CliEnvironment, 'launcher' | 'configFile' | 'context'>,
): string {
  const { context } = facts;
  return stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        {
          name: context,
          cluster: {
            server: facts.server,
            ...(facts.certificateAuthorityData && {
              'certificate-authority-data': facts.certificateAuthorityData,
            }),
          },
        },
      ],
      users: [
        {
          name: context,
          user: {
            exec: {
              apiVersion: 'client.authentication.k8s.io/v1',
              command: environment.launcher,
              args: ['kube-credential', '--workspace', facts.workspaceId],
              env: [
                { name: 'HKS_CONFIG', value: environment.configFile },
                { name: 'HKS_CONTEXT', value: contextName(environment) },
              ],
              interactiveMode: 'Never',
              provideClusterInfo: false,
            },
          },
        },
      ],
      contexts: [{ name: context, context: { cluster: context, user: context } }],
      'current-context': context,
    },
    { lineWidth: 0 },
  );
}

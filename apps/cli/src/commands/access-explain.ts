import { access, type AccessExplanation, type AccessView } from '@hexabase/contract/access/access.ts';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { render } from '../output.ts';
import { addOutputOption, nounCommand, outputFormat } from '../resource-commands.ts';

interface ExplainOptions {
  workspace?: string;
  project?: string;
  verb?: string;
  resource?: string;
  name?: string;
}

/** `hks access explain [USER]` and `hks access view-as USER`, as sentences. */
export function addAccessExplain(program: Command, cli: Cli): void {
  const noun = nounCommand(program, access);
  addExplain(noun, cli);
  addViewAs(noun, cli);
}

function addExplain(noun: Command, cli: Cli): void {
  const { explain } = access.operations;
  const command = noun
    .command('explain')
    .description(explain.summary)
    .argument('[user]', 'e-mail address or id; yourself when absent')
    .option('--workspace <name>', 'slug or id; the current or only one when absent')
    .option('--project <value>', 'only in this project')
    .option('--verb <value>', 'get, list, create, patch, delete …')
    .option('--resource <value>', 'pods, pods/log, deployments.apps/scale')
    .option('--name <value>', 'of one object');
  addOutputOption(command).action(async (user: string | undefined, options: ExplainOptions) => {
    const { workspace, project, verb, resource, name } = options;
    const { data } = await cli.client().call(explain, {
      params: { id: workspace ?? (await cli.currentScope('workspace')) },
      query: { user, project, verb, resource, name },
      signal: cli.signal,
    });
    const format = outputFormat(command);
    cli.print(format === 'table' ? explanationText(data) : render(format, [], data));
  });
}

function addViewAs(noun: Command, cli: Cli): void {
  const { viewAs } = access.operations;
  const command = noun
    .command('view-as')
    .description(viewAs.summary)
    .argument('<user>', 'e-mail address or id')
    .option('--workspace <name>', 'slug or id; the current or only one when absent');
  addOutputOption(command).action(async (user: string, { workspace }: ExplainOptions) => {
    const { data } = await cli.client().call(viewAs, {
      params: { id: workspace ?? (await cli.currentScope('workspace')) },
      body: { user },
      signal: cli.signal,
    });
    const format = outputFormat(command);
    cli.print(format === 'table' ? viewText(data) : render(format, [], data));
  });
}

/** The answer to a question first, then every reason. */
export function explanationText({
  user,
  organizationRole,
  withheld,
  decision,
  grants,
  // A server from before there was this says it with each grant.
  roles = [],
}: AccessExplanation): string {
  const told = new Map(roles.map(({ scope, name, words }) => [`${scope} ${name}`, words]));
  /** What a role allows stands below the first reason for it. */
  const wordsOnce = ({ scope, role, words: own }: AccessExplanation['grants'][number]): string[] => {
    const words = told.get(`${scope} ${role}`) ?? own;
    told.set(`${scope} ${role}`, ['What this role allows stands above.']);
    return words;
  };
  const head = decision
    ? decision.words
    : `${user.displayName} (${user.email}) is ${organizationRole} of the organization and has ${grants.length} role${grants.length === 1 ? '' : 's'} here.${withheld === null ? '' : ` ${withheld}`}`;
  const reasons = grants.flatMap((grant) => [
    `- ${grant.why}`,
    ...(decision ? [] : wordsOnce(grant).map((line) => `    ${line}`)),
  ]);
  return [head, ...reasons].join('\n');
}

function viewText({ user, organizationRole, withheld, actions, workspace, projects }: AccessView): string {
  const lines = projects.flatMap(({ name, roles, words }) => [
    `Project ${name} (${roles.join(', ')}):`,
    ...words.map((line) => `  ${line}`),
  ]);
  return [
    `What ${user.displayName} (${user.email}, ${organizationRole}) sees. Nothing was changed.`,
    ...(withheld === null ? [] : [withheld]),
    `API: ${actions.join(', ')}.`,
    'The whole workspace:',
    ...workspace.map((line) => `  ${line}`),
    ...lines,
  ].join('\n');
}

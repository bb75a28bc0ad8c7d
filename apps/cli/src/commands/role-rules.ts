import { role, type Role } from '@hexabase/contract/access/role.ts';
import type { PolicyRule } from '@hexabase/contract/rules/policy-rule.ts';
import { parseRule, RuleTextError } from '@hexabase/contract/rules/rule-text.ts';
import { Option, type Command } from 'commander';
import type { Cli } from '../cli.ts';
import { CliError } from '../cli-error.ts';
import { render } from '../output.ts';
import { addOutputOption, nounCommand, outputFormat } from '../resource-commands.ts';

const ruleHelp =
  'VERBS:RESOURCES[:NAMES], lists with commas: get,list:pods or patch:deployments.apps; may be repeated';

interface RoleOptions {
  workspace?: string;
  scope?: Role['scope'];
  description?: string;
  rule?: string[];
}

/** `hks role create|update|preview … --rule get,list:pods`: rules as one can type them. */
export function addRoleRules(program: Command, cli: Cli): void {
  const noun = nounCommand(program, role);
  addCreate(noun, cli);
  addUpdate(noun, cli);
  addPreview(noun, cli);
}

function addCreate(noun: Command, cli: Cli): void {
  const { operations } = role;
  const command = withRules(noun.command('create').description(operations.create.summary), { scope: true })
    .argument('<name>')
    .option('--description <value>', 'what it is for');
  addOutputOption(command).action(async (name: string, options: RoleOptions) => {
    const { data } = await cli.client().call(operations.create, {
      params: { id: await workspaceOf(cli, options) },
      body: { name, ...pick(options), rules: rulesOf(options) },
      signal: cli.signal,
    });
    cli.print(render(outputFormat(command), role.columns, data));
    if (outputFormat(command) === 'table') cli.print(data.words.map((line) => `  ${line}`).join('\n'));
  });
}

function addUpdate(noun: Command, cli: Cli): void {
  const { operations } = role;
  const command = withRules(noun.command('update').description(operations.update.summary), { scope: false })
    .argument('<role>')
    .option('--description <value>', 'what it is for');
  addOutputOption(command).action(async (name: string, options: RoleOptions) => {
    const { data } = await cli.client().call(operations.update, {
      params: { id: await workspaceOf(cli, options), role: name },
      body: {
        ...(options.description !== undefined && { description: options.description }),
        ...(options.rule && { rules: rulesOf(options) }),
      },
      signal: cli.signal,
    });
    cli.print(render(outputFormat(command), role.columns, data));
  });
}

function addPreview(noun: Command, cli: Cli): void {
  const { operations } = role;
  const command = withRules(noun.command('preview').description(operations.preview.summary), { scope: true });
  addOutputOption(command).action(async (options: RoleOptions) => {
    const { data } = await cli.client().call(operations.preview, {
      params: { id: await workspaceOf(cli, options) },
      body: { ...pick(options), rules: rulesOf(options) },
      signal: cli.signal,
    });
    if (outputFormat(command) !== 'table') return cli.print(render(outputFormat(command), [], data));
    cli.print(data.words.join('\n'));
    const refused = data.refused.map(({ path, message }) => `- ${path}: ${message}`);
    cli.print(
      refused.length === 0 ? 'You can make this role.' : `It would be refused:\n${refused.join('\n')}`,
    );
  });
}

function withRules(command: Command, { scope }: { scope: boolean }): Command {
  command
    .option('--workspace <name>', 'slug or id; the current or only one when absent')
    .option('--rule <rule>', ruleHelp, (text: string, before: string[] = []) => [...before, text]);
  return scope
    ? command.addOption(
        new Option('--scope <scope>', 'where it can be given').choices(['workspace', 'project']),
      )
    : command;
}

function pick({ scope, description }: RoleOptions): { scope?: Role['scope']; description?: string } {
  return { ...(scope && { scope }), ...(description !== undefined && { description }) };
}

async function workspaceOf(cli: Cli, { workspace }: RoleOptions): Promise<string> {
  return workspace ?? cli.currentScope('workspace');
}

/** Throws `CliError` in words. */
function rulesOf({ rule = [] }: RoleOptions): PolicyRule[] {
  if (rule.length === 0) throw new CliError(`Say what it allows: --rule ${ruleHelp}.`);
  try {
    return rule.flatMap(parseRule);
  } catch (error) {
    if (error instanceof RuleTextError) throw new CliError(`${error.message}.`);
    throw error;
  }
}

import type { AnswerMeta } from '@hexabase/client/client.ts';
import { pathParameters } from '@hexabase/contract/all-operations.ts';
import { resources } from '@hexabase/contract/index.ts';
import type { CliVerb, Operation } from '@hexabase/contract/operation.ts';
import type { Resource } from '@hexabase/contract/resource.ts';
import { Command, Option } from 'commander';
import type { Cli } from './cli.ts';
import { CliError } from './cli-error.ts';
import { confirm } from './confirm.ts';
import { flagsOf, type Flag } from './flags.ts';
import { changeWorkspace } from './follow/change-workspace.ts';
import { outputFormats, render, type OutputFormat } from './output.ts';
import { valueAt } from './table.ts';

/** Adds `hks <noun> <verb>` for every operation of the contract that names a verb; bespoke ones are added elsewhere. */
export function addResourceCommands(program: Command, cli: Cli): void {
  for (const resource of Object.values<Resource>(resources)) {
    const noun = nounCommand(program, resource);
    for (const operation of Object.values(resource.operations)) {
      if (operation.cli && !operation.cli.bespoke)
        addVerb(noun, { resource, operation, verb: operation.cli }, cli);
    }
  }
}

/** The command of a noun, made when it is not there yet. */
export function nounCommand(program: Command, resource: Resource): Command {
  const existing = program.commands.find((command) => command.name() === resource.noun);
  return existing ?? program.command(resource.noun).description(resource.help);
}

interface VerbSpec {
  resource: Resource;
  operation: Operation;
  verb: CliVerb;
}

/** Path parameters that are neither given by position nor as a flag come from this option. */
const scopeFlags = { workspace: 'workspace', organization: 'organization' } as const;

function addVerb(noun: Command, spec: VerbSpec, cli: Cli): void {
  const { operation, verb } = spec;
  const command = verbCommand(noun, verb).description(operation.summary);
  for (const name of verb.positional) command.argument(`<${positionalName(spec, name)}>`);
  const flags = [...flagsOf(operation.query, verb.positional), ...flagsOf(operation.body, verb.positional)];
  for (const flag of flags) addOption(command, flag);
  const scope = missingScope(spec);
  if (scope && !flags.some((flag) => flag.name === scope)) {
    command.option(`--${scope} <name>`, `slug or id; the current or only one when absent`);
  }
  if (verb.confirm) command.option('--yes', 'do not ask', false);
  if (verb.waits) command.option('--no-wait', 'return at once');
  addOutputOption(command);
  command.action(async () => {
    await runVerb(command, { ...spec, flags }, cli);
  });
}

/** The command of a verb; of two words the first holds the second: `group members add`. */
function verbCommand(noun: Command, { verb, isDefault }: CliVerb): Command {
  const [first = '', second] = verb.split(' ');
  if (second === undefined) return noun.command(first, { isDefault: isDefault === true });
  const holder = noun.commands.find((command) => command.name() === first);
  return (holder ?? noun.command(first).description(`See \`${noun.name()} ${first} --help\`.`)).command(
    second,
  );
}

/** `-o json|yaml|table`. */
export function addOutputOption(command: Command): Command {
  return command.addOption(
    new Option('-o, --output <format>', 'how to print').choices(outputFormats).default('table'),
  );
}

function addOption(command: Command, flag: Flag): void {
  const shapes = { boolean: '', number: ' <n>', text: ' <value>', list: ' <value...>' } as const;
  const option = new Option(`--${flag.name}${shapes[flag.kind]}`, flag.help);
  if (flag.choices.length > 0) option.choices(flag.choices);
  if (flag.required) option.makeOptionMandatory();
  if (flag.kind === 'number') option.argParser(parseNumber);
  command.addOption(option);
}

function parseNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new CliError(`“${text}” is not a number.`);
  return value;
}

function positionalName({ resource, operation }: VerbSpec, name: string): string {
  if (name === 'id') return operation.target === 'none' ? resource.noun : operation.target;
  return name.replace(/Id$/, '').replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** A path that begins with `{id}` of something else than its noun, not given by position: `--workspace`. */
function missingScope({ operation, verb }: VerbSpec): keyof typeof scopeFlags | null {
  if (!pathParameters(operation.path).includes('id') || verb.positional.includes('id')) return null;
  return operation.target === 'workspace' || operation.target === 'organization' ? operation.target : null;
}

async function runVerb(
  command: Command,
  spec: VerbSpec & { flags: readonly Flag[] },
  cli: Cli,
): Promise<void> {
  const { operation, verb, resource } = spec;
  const values = await gather(command, spec, cli);
  if (verb.confirm) {
    const subject = String(values[verb.positional.at(-1) ?? 'id']);
    const [first, second] = verb.verb.split(' ');
    const doing = second ? `${second} ${resource.noun} ${first}` : `${first} ${resource.noun}`;
    await confirm({
      question: `This will ${doing} ${subject}. Type its name to go ahead:`,
      expected: subject,
      yes: command.opts()['yes'] === true,
      isTerminal: cli.environment.isTerminal,
    });
  }
  const ask = () =>
    cli.invoke(operation, {
      params: pick(values, pathParameters(operation.path)),
      query: pick(values, Object.keys(operation.query?.shape ?? {})),
      body: operation.body ? pick(values, Object.keys(operation.body.shape)) : undefined,
    });
  if (verb.waits && command.opts()['wait'] === true) {
    const asked = { name: String(values['id']), ask, unchanged: verb.unchanged };
    const changed = await changeWorkspace(asked, cli);
    return cli.print(render(outputFormat(command), resource.columns, changed));
  }
  const { data, meta } = await ask();
  if (data === null) return cli.print(`${resource.noun}: done`);
  const format = outputFormat(command);
  const text = format === 'table' && verb.text !== undefined ? textOf(data, verb.text) : '';
  cli.print(`${render(format, verb.columns ?? resource.columns, data)}${text}`);
  if (Array.isArray(data)) noteRest(meta, data.length, cli);
}

/** Nobody takes the first page of a list for all of it, and no script either: it stands beside what is printed. */
function noteRest(
  { page = 1, limit = 0, total = 0, totalIsMinimum = false }: AnswerMeta,
  shown: number,
  cli: Cli,
): void {
  if (total <= page * limit && !(totalIsMinimum && shown === limit)) return;
  cli.note(
    `${page * limit} of ${totalIsMinimum ? 'more than ' : ''}${total}. More: --page ${page + 1}${limit < 500 && page === 1 ? ', or up to 500 on a page with --limit' : ''}.`,
  );
}

function textOf(data: unknown, field: string): string {
  const text = valueAt(data, field);
  return typeof text === 'string' ? `\n\n${text.trimEnd()}` : '';
}

/** The output format that a command was called with. */
export function outputFormat(command: Command): OutputFormat {
  const chosen: unknown = command.opts()['output'];
  return outputFormats.find((format) => format === chosen) ?? 'table';
}

async function gather(
  command: Command,
  spec: VerbSpec & { flags: readonly Flag[] },
  cli: Cli,
): Promise<Record<string, unknown>> {
  const values: Record<string, unknown> = {};
  const options = command.opts<Record<string, unknown>>();
  for (const flag of spec.flags) {
    if (options[flag.field] !== undefined) values[flag.field] = options[flag.field];
  }
  spec.verb.positional.forEach((name, index) => (values[name] = command.args[index]));
  const scope = missingScope(spec);
  if (scope) values['id'] = options[scope] ?? (await cli.currentScope(scope));
  return values;
}

function pick(values: Record<string, unknown>, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    names.filter((name) => values[name] !== undefined).map((name) => [name, values[name]]),
  );
}

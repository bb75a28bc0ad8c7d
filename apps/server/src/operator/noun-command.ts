import type { OpenedDatabase } from '@hexabase/postgres/open-database.ts';
import { readConfig, type ServerConfig } from '../config.ts';
import { recallUrls } from '../installation/recall-urls.ts';
import { StartError } from '../lifecycle/data-folder.ts';
import { readRunState } from '../lifecycle/run-file.ts';
import type { OperatorAnswer } from './commands.ts';
import { openOperatorDatabase } from './open-operator-database.ts';

/** Options that every command of a noun takes, for `parseArgs`. */
export const nounOptions = {
  'data-dir': { type: 'string' },
  config: { type: 'string' },
  output: { type: 'string', short: 'o' },
  help: { type: 'boolean', short: 'h' },
} as const;

interface NounValues {
  'data-dir'?: string | undefined;
  config?: string | undefined;
  output?: string | undefined;
  help?: boolean | undefined;
}

/** One command on an installation that is open. */
export interface NounRequest<Values extends NounValues> {
  database: OpenedDatabase;
  /** '' for `list`. */
  name: string;
  values: Values;
  config: ServerConfig;
}

/** Commands of the form `hexabase-cli NOUN VERB NAME`. */
export interface Noun<Values extends NounValues> {
  noun: string;
  usage: string;
  /** Strictly; what it throws is told together with the usage. */
  parse(args: string[]): { values: Values; positionals: string[] };
  /** `list` takes no name, every other one takes one. */
  verbs: Readonly<Record<string, (request: NounRequest<Values>) => Promise<OperatorAnswer>>>;
}

/** Runs one of them. Throws `StartError` for a command line that cannot be understood, else `AppError`. */
export async function runNounCommand<Values extends NounValues>(
  { noun, usage, parse, verbs }: Noun<Values>,
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<OperatorAnswer> {
  const { values, positionals } = understood(() => parse([...argv]), usage);
  const [verb = '', name = '', ...rest] = positionals;
  if (values.help || verb === '') return answer(usage, { usage });
  const run = Object.hasOwn(verbs, verb) ? verbs[verb] : undefined;
  if (!run) throw new StartError(`There is no command "${noun} ${verb}".\n\n${usage}`);
  if ((name === '') !== (verb === 'list') || rest.length > 0) {
    throw new StartError(
      verb === 'list' ? `\`${noun} list\` takes no name.` : `Say which one: ${noun} ${verb} NAME.`,
    );
  }
  if (values.output !== undefined && values.output !== 'json') throw new StartError('`-o` takes json.');
  const given = readConfig(
    {
      ...(values['data-dir'] !== undefined && { dataDir: values['data-dir'] }),
      ...(values.config !== undefined && { settingsFile: values.config }),
    },
    env,
  );
  await using database = await openOperatorDatabase(given, { migrate: 'apply' });
  const config = await recallUrls(database, given);
  const result = await run({ database, name, values, config });
  return inFormat(result, values.output);
}

/** Who signs the tokens; null when no public address is set and the server does not run, so that nobody knows. */
export function issuerOf({ publicUrl, dataDir }: Pick<ServerConfig, 'publicUrl' | 'dataDir'>): string | null {
  const address = publicUrl ?? readRunState(dataDir)?.httpsUrl;
  return address ? `${address.replace(/\/+$/, '')}/oidc` : null;
}

/** What a command answers that did what it was asked. */
export function answer(text: string, json: unknown): OperatorAnswer {
  return { text, json, exitCode: 0 };
}

/** An answer as `-o` wants it: for people, or as JSON. */
export function inFormat(result: OperatorAnswer, output: string | undefined): OperatorAnswer {
  return output === 'json' ? { ...result, text: JSON.stringify(result.json) } : result;
}

/** What `parse` makes of a command line. Throws `StartError` with the usage for one that cannot be understood. */
export function understood<T>(parse: () => T, usage: string): T {
  try {
    return parse();
  } catch (error) {
    throw new StartError(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
  }
}

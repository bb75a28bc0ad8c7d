import { createClient, type AnswerMeta, type Client } from '@hexabase/client/client.ts';
import type { Operation } from '@hexabase/contract/operation.ts';
import { organization } from '@hexabase/contract/organization.ts';
import { workspace } from '@hexabase/contract/workspace.ts';
import { CliError } from './cli-error.ts';
import type { CliEnvironment } from './environment.ts';
import { accessToken, currentContext } from './session.ts';

/** What every command works with. */
export interface Cli {
  environment: CliEnvironment;
  signal: AbortSignal;
  client: () => Client;
  /** Sends an operation whose types are only known at run time (the commands made from the contract). */
  invoke(operation: Operation, input: InvokeInput): Promise<{ data: unknown; meta: AnswerMeta }>;
  /** Result for standard output. */
  print(text: string): void;
  /** Progress and remarks, for standard error. */
  note(text: string): void;
  /** The workspace or organization to use when none was named: the chosen one, else the only one. Throws `CliError`. */
  currentScope(kind: ScopeKind): Promise<string>;
}

type ScopeKind = 'workspace' | 'organization';

export interface InvokeInput {
  params: Record<string, unknown>;
  query: Record<string, unknown>;
  body: Record<string, unknown> | undefined;
}

export function createCli(environment: CliEnvironment, signal: AbortSignal): Cli {
  const client = (): Client =>
    createClient({
      baseUrl: currentContext(environment).server,
      token: () => accessToken(environment, signal),
    });
  return {
    environment,
    signal,
    client,
    invoke: (operation, { params, query, body }) =>
      client().invoke(operation, { params: textValues(params), query, body, signal }),
    print: (text) => process.stdout.write(`${text}\n`),
    note: (text) => process.stderr.write(`${text}\n`),
    currentScope: async (kind) =>
      currentContext(environment)[kind] ?? (await onlyOne(client(), kind, signal)),
  };
}

async function onlyOne(client: Client, kind: ScopeKind, signal: AbortSignal): Promise<string> {
  const list = kind === 'workspace' ? workspace.operations.list : organization.operations.list;
  const { data } = await client.call(list, { signal });
  const [only, ...others] = data.map(({ slug }) => slug);
  if (only === undefined)
    throw new CliError(`You have no ${kind} yet. Make one: \`hks ${kind} create NAME\`.`);
  if (others.length === 0) return only;
  const names = [only, ...others].join(', ');
  throw new CliError(
    `Say which ${kind}: --${kind} NAME (or \`hks use ${kind} NAME\` once). Yours: ${names}.`,
  );
}

function textValues(values: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, String(value)]));
}

import { parseArgs } from 'node:util';
import type { Client } from '@hexabase/oidc/clients/client.ts';
import type { OpenedDatabase } from '@hexabase/postgres/open-database.ts';
import { readConfig, type ServerConfig } from '../config.ts';
import { StartError } from '../lifecycle/data-folder.ts';
import { addClient, allClients, forgetClient, renewSecret } from './clients.ts';
import type { OperatorAnswer } from './commands.ts';
import { openOperatorDatabase } from './open-operator-database.ts';

const clientUsage = `Usage: hexabase-cli client add NAME --redirect-uri URI… [--public] [--post-logout-redirect-uri URI…]
                               [--backchannel-logout-uri URI]
       hexabase-cli client list
       hexabase-cli client rotate-secret NAME   the old secret stops working at once
       hexabase-cli client remove NAME

Programs of others (Grafana, Argo CD, kubectl oidc-login) that sign people in here. NAME is the client id. A running
server knows of a change at once.

  --redirect-uri URI              may be repeated; compared exactly. Of a public client's loopback address
                                  (http://127.0.0.1/…, http://[::1]/…) the port may vary
  --public                        it can keep no secret (a command line, a page); PKCE is asked of every client
  --post-logout-redirect-uri URI  may be repeated; where a browser may go after signing out
  --backchannel-logout-uri URI    told when a session ends; https, or this machine when there is no --public-url
  --data-dir DIR                  the installation (HKS_DATA_DIR)
  --config FILE                   settings of the server (HKS_SERVER_CONFIG)
  -o json                         prints JSON`;

const options = {
  'data-dir': { type: 'string' },
  config: { type: 'string' },
  'redirect-uri': { type: 'string', multiple: true },
  'post-logout-redirect-uri': { type: 'string', multiple: true },
  'backchannel-logout-uri': { type: 'string' },
  public: { type: 'boolean' },
  output: { type: 'string', short: 'o' },
  help: { type: 'boolean', short: 'h' },
} as const;

interface Request {
  database: OpenedDatabase;
  name: string;
  values: ReturnType<typeof parse>['values'];
  config: ServerConfig;
}

const commands: Readonly<Record<string, (request: Request) => Promise<OperatorAnswer>>> = {
  add,
  list,
  'rotate-secret': async ({ database, name }) => {
    const secret = await renewSecret(database, name);
    return answer(`Secret of ${name}: ${secret}   (shown only now)`, { name, secret });
  },
  remove: async ({ database, name }) => {
    await forgetClient(database, name);
    return answer(`Forgot the client ${name}.`, { name, removed: true });
  },
};

/** Runs `hexabase-cli client …`. Throws `StartError` for a command line that cannot be understood, else `AppError`. */
export async function runClientCommand(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<OperatorAnswer> {
  const { values, positionals } = parse([...argv]);
  const [verb = '', name = '', ...rest] = positionals;
  if (values.help || verb === '') return answer(clientUsage, { usage: clientUsage });
  const command = Object.hasOwn(commands, verb) ? commands[verb] : undefined;
  if (!command) throw new StartError(`There is no command "client ${verb}".\n\n${clientUsage}`);
  if ((name === '') !== (verb === 'list') || rest.length > 0)
    throw new StartError(
      verb === 'list' ? '`client list` takes no name.' : `Say which one: client ${verb} NAME.`,
    );
  if (values.output !== undefined && values.output !== 'json') throw new StartError('`-o` takes json.');
  const config = readConfig(
    {
      ...(values['data-dir'] !== undefined && { dataDir: values['data-dir'] }),
      ...(values.config !== undefined && { settingsFile: values.config }),
    },
    env,
  );
  await using database = await openOperatorDatabase(config, { migrate: 'apply' });
  const result = await command({ database, name, values, config });
  return values.output === 'json' ? { ...result, text: JSON.stringify(result.json) } : result;
}

async function add({ database, name, values, config }: Request): Promise<OperatorAnswer> {
  const { client, secret } = await addClient(
    database,
    {
      name,
      redirectUris: values['redirect-uri'] ?? [],
      postLogoutRedirectUris: values['post-logout-redirect-uri'] ?? [],
      backchannelLogoutUri: values['backchannel-logout-uri'] ?? null,
      isPublic: values.public === true,
    },
    { loopbackNotices: config.publicUrl === undefined },
  );
  const lines = [
    `Added the client ${client.id}.`,
    `Client id: ${client.id}`,
    ...(secret === null ? [] : [`Secret:    ${secret}   (shown only now)`]),
  ];
  return answer(lines.join('\n'), { ...shown(client), secret });
}

async function list({ database }: Request): Promise<OperatorAnswer> {
  const clients = await allClients(database);
  const lines = clients.map((client) => {
    const kind = client.secretHash === null ? 'public' : 'secret';
    return `${client.id.padEnd(20)} ${kind}  ${client.redirectUris.join(' ')}`;
  });
  return answer(lines.length === 0 ? 'There are no clients.' : lines.join('\n'), clients.map(shown));
}

function shown({ secretHash, ...client }: Client) {
  return { ...client, public: secretHash === null };
}

function answer(text: string, json: unknown): OperatorAnswer {
  return { text, json, exitCode: 0 };
}

function parse(args: string[]) {
  try {
    return parseArgs({ args, options, strict: true, allowPositionals: true });
  } catch (error) {
    throw new StartError(`${error instanceof Error ? error.message : String(error)}\n\n${clientUsage}`);
  }
}

import { parseArgs } from 'node:util';
import type { Client } from '@hexabase/oidc/clients/client.ts';
import { addClient, allClients, forgetClient, renewSecret } from './clients.ts';
import type { OperatorAnswer } from './commands.ts';
import { answer, issuerOf, nounOptions, runNounCommand, type NounRequest } from './noun-command.ts';

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
  ...nounOptions,
  'redirect-uri': { type: 'string', multiple: true },
  'post-logout-redirect-uri': { type: 'string', multiple: true },
  'backchannel-logout-uri': { type: 'string' },
  public: { type: 'boolean' },
} as const;

type Request = NounRequest<ReturnType<typeof parse>['values']>;

const verbs: Readonly<Record<string, (request: Request) => Promise<OperatorAnswer>>> = {
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
export function runClientCommand(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<OperatorAnswer> {
  return runNounCommand({ noun: 'client', usage: clientUsage, parse, verbs }, argv, env);
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
  const issuer = issuerOf(config);
  const lines = [
    `Added the client ${client.id}.`,
    ...(issuer === null ? [] : [`Issuer:    ${issuer}`]),
    `Client id: ${client.id}`,
    ...(secret === null ? [] : [`Secret:    ${secret}   (shown only now)`]),
  ];
  return answer(lines.join('\n'), { ...shown(client), issuer, secret });
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

function parse(args: string[]) {
  return parseArgs({ args, options, strict: true, allowPositionals: true });
}

import { parseArgs } from 'node:util';
import { systemClock } from '@hexabase/kernel/clock.ts';
import { createKeyVault } from '@hexabase/kernel/key-vault.ts';
import { readProvider } from '@hexabase/oidc/upstream/provider-input.ts';
import {
  listProviders,
  removeProvider,
  saveProvider,
  switchProvider,
} from '@hexabase/oidc/upstream/provider-store.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import type { OpenedDatabase } from '@hexabase/postgres/open-database.ts';
import { StartError } from '../lifecycle/data-folder.ts';
import { loadMasterKey } from '../lifecycle/master-key.ts';
import type { OperatorAnswer } from './commands.ts';
import { answer, nounOptions, runNounCommand, type NounRequest } from './noun-command.ts';
import { recordOperator } from './store.ts';
import { readPassword } from './users.ts';

export const providerUsage = `Usage: hexabase-cli idp add NAME --client-id ID --secret-stdin [--kind oidc|google|github] [--issuer URL]
                             [--label TEXT] [--scopes "openid email profile"] [--second-factor ask|amr|given]
                             [--groups-claim CLAIM --groups-organization ORG [--groups-parent GROUP] [--group-map VALUE=GROUP …]]
       hexabase-cli idp list
       hexabase-cli idp enable|disable NAME
       hexabase-cli idp remove NAME      forgets it, every link to it and what its groups gave; accounts stay

People sign in through these providers; it works at once, without a restart. \`add\` with a name that is taken changes
that one. Register <address of this server>/auth/idp/NAME/callback with the provider.

  --secret-stdin    reads the client secret from standard input; it is stored sealed and never shown
  --kind            oidc (default, needs --issuer), google, or github (--issuer for an Enterprise server)
  --second-factor   ask (default): people show the second factor that they have here; amr: not when the provider's
                    ID token says that they showed one there; given: never, as the provider asks everybody for one
  --groups-claim    the claim of the ID token (or of the userinfo address) with people's groups. At each sign-in through
                    the provider, members of the organization ORG (slug or id) are put into groups by it, and taken out
                    of those that it put them into before
  --group-map       the group of ORG that a value stands for; any number of times
  --groups-parent   a group of ORG below which every other value has a group of its own
  --data-dir DIR    the installation (HKS_DATA_DIR)
  -o json           prints JSON`;

const options = {
  ...nounOptions,
  kind: { type: 'string' },
  issuer: { type: 'string' },
  label: { type: 'string' },
  scopes: { type: 'string' },
  'second-factor': { type: 'string' },
  'groups-claim': { type: 'string' },
  'groups-organization': { type: 'string' },
  'groups-parent': { type: 'string' },
  'group-map': { type: 'string', multiple: true },
  'client-id': { type: 'string' },
  'secret-stdin': { type: 'boolean' },
} as const;

type Request = NounRequest<ReturnType<typeof parse>['values']>;

/** Runs `hexabase-cli idp …`. Throws `StartError` for a command line that cannot be understood. */
export function runProviderCommand(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  input: NodeJS.ReadableStream,
): Promise<OperatorAnswer> {
  const verbs = {
    add: (request: Request) => add(request, input),
    list,
    remove,
    enable: (request: Request) => switchTo(request, true),
    disable: (request: Request) => switchTo(request, false),
  };
  return runNounCommand({ noun: 'idp', usage: providerUsage, parse, verbs }, argv, env);
}

async function add(
  { database, values, name, config }: Request,
  input: NodeJS.ReadableStream,
): Promise<OperatorAnswer> {
  if (values['secret-stdin'] !== true)
    throw new StartError('Give the client secret on standard input, with `--secret-stdin`.');
  const provider = readProvider(
    {
      name,
      clientId: values['client-id'],
      clientSecret: await readPassword(input),
      ...(values.kind !== undefined && { kind: values.kind }),
      ...(values.issuer !== undefined && { issuer: values.issuer }),
      ...(values.label !== undefined && { label: values.label }),
      ...(values.scopes !== undefined && { scopes: values.scopes }),
      ...(values['second-factor'] !== undefined && { secondFactor: values['second-factor'] }),
      ...groupsOf(values),
    },
    { fromFile: false },
  );
  const vault = createKeyVault(loadMasterKey(config));
  const nowMs = systemClock.now();
  await change(database, { verb: 'add', name }, async (tx) => {
    const { bound } = await saveProvider(tx, vault, { input: provider, nowMs });
    if (!bound) throw new StartError(`There is no organization ${provider.groups?.organization}.`);
    return provider.groups === null ? {} : { groups: provider.groups };
  });
  const { clientSecret: _secret, ...shown } = provider;
  return answer(`People can sign in with ${provider.label} (${provider.issuer}).`, shown);
}

/** What the options say about groups, as it stands in a file. Throws `StartError`. */
function groupsOf(values: Request['values']): { groups?: object } {
  const given = {
    claim: values['groups-claim'],
    organization: values['groups-organization'],
    ...(values['groups-parent'] !== undefined && { parent: values['groups-parent'] }),
  };
  const mapped = values['group-map'] ?? [];
  if (mapped.length === 0 && Object.values(given).every((value) => value === undefined)) return {};
  const map = new Map<string, string>();
  for (const one of mapped) {
    // Values may have an equals sign in them (CN=admins), names of groups have none.
    const at = one.lastIndexOf('=');
    if (at < 1) throw new StartError(`\`--group-map\` takes VALUE=GROUP, not ${one}.`);
    const value = one.slice(0, at);
    if (map.has(value)) throw new StartError(`\`--group-map\` names the value ${value} twice.`);
    map.set(value, one.slice(at + 1));
  }
  return { groups: { ...given, map: Object.fromEntries(map) } };
}

async function list({ database }: Request): Promise<OperatorAnswer> {
  const found = await database.asIdentity((tx) => listProviders(tx));
  const rows = found.map(
    ({ name, kind, enabled, fromFile, issuer }) =>
      `${name.padEnd(20)}  ${kind.padEnd(6)}  ${enabled ? 'enabled ' : 'disabled'}  ${fromFile ? 'file   ' : 'command'}  ${issuer}`,
  );
  const head = `${'NAME'.padEnd(20)}  KIND    STATE     FROM     ISSUER`;
  return answer([head, ...rows].join('\n'), found);
}

async function switchTo({ database, name }: Request, enabled: boolean): Promise<OperatorAnswer> {
  const verb = enabled ? 'enable' : 'disable';
  await change(database, { verb, name }, async (tx) => {
    await switchProvider(tx, name, enabled);
    return {};
  });
  const text = enabled ? 'enabled.' : 'disabled: nobody signs in through it; sessions go on.';
  return answer(`${name} is ${text}`, { name, enabled });
}

async function remove({ database, name }: Request): Promise<OperatorAnswer> {
  let memberships = 0;
  await change(database, { verb: 'remove', name }, async (tx) => {
    ({ memberships } = await removeProvider(tx, name));
    return { memberships };
  });
  const what = memberships === 1 ? '1 membership of a group' : `${memberships} memberships of groups`;
  const also = memberships === 0 ? '' : `, and ${what} that came from it`;
  return answer(`Forgot ${name} and the links to it${also}.`, { name, memberships });
}

async function change(
  database: OpenedDatabase,
  done: { verb: string; name: string },
  run: (tx: Tx) => Promise<Record<string, unknown>>,
): Promise<void> {
  await database.asIdentity(async (tx) => {
    const details = await run(tx);
    const target = `identity-provider/${done.name}`;
    await recordOperator(tx, { action: `operator.idp.${done.verb}`, target, details });
  });
}

function parse(args: string[]) {
  return parseArgs({ args, options, strict: true, allowPositionals: true });
}

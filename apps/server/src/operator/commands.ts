import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { systemClock } from '@hexabase/kernel/clock.ts';
import { createKeyVault } from '@hexabase/kernel/key-vault.ts';
import type { OpenedDatabase } from '@hexabase/postgres/open-database.ts';
import { knownAuthority } from '../certificates/public-authority.ts';
import { readConfig, type ServerConfig } from '../config.ts';
import { findAuthority } from '../installation/authority.ts';
import { recallUrls } from '../installation/recall-urls.ts';
import { StartError } from '../lifecycle/data-folder.ts';
import { loadMasterKey } from '../lifecycle/master-key.ts';
import { runAuditCommand } from './audit-commands.ts';
import { runClientCommand } from './client-commands.ts';
import { runFederationCommand } from './federation-commands.ts';
import { runGrantCommand } from './grants/grant-commands.ts';
import { runHostCommand } from './host-commands.ts';
import { readRunState } from '../lifecycle/run-file.ts';
import { signInAsOperator } from '../sign-in/operator-sign-in.ts';
import { answer, inFormat, understood } from './noun-command.ts';
import { openOperatorDatabase } from './open-operator-database.ts';
import { runProviderCommand } from './provider-commands.ts';
import { listUsers } from './store.ts';
import { addUser, readPassword, replacePassword, resetSecondFactors, switchUser } from './users.ts';
import { validateInstallation } from './validate.ts';

export const operatorUsage = `Usage: hexabase-cli user create --email E [--role super_admin] [--organization NAME] [--password-stdin]
       hexabase-cli user set-password --email E [--password-stdin]
       hexabase-cli user list
       hexabase-cli user sign-in --email E     signs the command line of this machine in, without a password
       hexabase-cli user disable|enable --email E     E is an address, or an id
       hexabase-cli user reset-second-factor --email E
       hexabase-cli audit list|export|verify|key   (hexabase-cli audit --help)
       hexabase-cli grant show|break-glass|end   (hexabase-cli grant --help)
       hexabase-cli idp add|list|remove|enable|disable   (hexabase-cli idp --help)
       hexabase-cli host add|update|list|get|check|cordon|uncordon|drain|remove   (hexabase-cli host --help)
       hexabase-cli federation add|list|remove   (hexabase-cli federation --help)
       hexabase-cli client add|list|rotate-secret|remove   (hexabase-cli client --help)
       hexabase-cli authority                  prints the certificate authority that other programs trust
       hexabase-cli validate

For whoever holds the data folder. It works on a running installation and on a stopped one.

  --data-dir DIR     the installation (HKS_DATA_DIR; default ~/.hexabase, for root /var/lib/hexabase)
  --password-stdin   reads the password from standard input; without it one is made and printed once
  -o json            prints JSON`;

const options = {
  'data-dir': { type: 'string' },
  email: { type: 'string' },
  role: { type: 'string' },
  organization: { type: 'string' },
  'password-stdin': { type: 'boolean' },
  output: { type: 'string', short: 'o' },
  help: { type: 'boolean', short: 'h' },
} as const;

type Values = ReturnType<typeof parse>['values'];

export interface OperatorAnswer {
  /** For people. */
  text: string;
  json: unknown;
  exitCode: 0 | 1;
}

interface Request {
  values: Values;
  config: ServerConfig;
  input: NodeJS.ReadableStream;
}

const commands: Readonly<Record<string, (request: Request) => Promise<OperatorAnswer>>> = {
  'user create': createUser,
  'user set-password': setPassword,
  'user list': showUsers,
  'user sign-in': signIn,
  'user disable': (request) => switchTo(request, false),
  'user enable': (request) => switchTo(request, true),
  'user reset-second-factor': resetFactors,
  authority: showAuthority,
  validate,
};

/** Runs one command of `hexabase-cli`. Throws `StartError` for a command line that cannot be understood. */
export async function runOperator(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  input: NodeJS.ReadableStream,
): Promise<OperatorAnswer> {
  if (argv[0] === 'host') return runHostCommand(argv.slice(1), env);
  if (argv[0] === 'federation') return runFederationCommand(argv.slice(1), env);
  if (argv[0] === 'client') return runClientCommand(argv.slice(1), env);
  if (argv[0] === 'audit') return runAuditCommand(argv.slice(1), env);
  if (argv[0] === 'grant') return runGrantCommand(argv.slice(1), env);
  if (argv[0] === 'idp') return runProviderCommand(argv.slice(1), env, input);
  const { values, positionals } = parse([...argv]);
  if (values.help || positionals.length === 0) return answer(operatorUsage, { usage: operatorUsage });
  const name = positionals.join(' ');
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command) throw new StartError(`There is no command "${name}".\n\n${operatorUsage}`);
  if (values.output !== undefined && values.output !== 'json') throw new StartError('`-o` takes json.');
  const flags = values['data-dir'] === undefined ? {} : { dataDir: values['data-dir'] };
  const result = await command({ values, config: readConfig(flags, env), input });
  return inFormat(result, values.output);
}

async function createUser({ values, config, input }: Request): Promise<OperatorAnswer> {
  const email = requireEmail(values);
  if (values.role !== undefined && values.role !== 'super_admin')
    throw new StartError('`--role` takes super_admin.');
  const password = values['password-stdin'] ? await readPassword(input) : null;
  const made = await withDatabase(config, (database) =>
    addUser(database, {
      email,
      password,
      role: values.role ? 'super_admin' : null,
      organization: values.organization ?? null,
    }),
  );
  const lines = [
    `Made ${made.user.email}${made.organization === null ? '' : `, who owns the new organization "${made.organization}"`}.`,
    ...passwordLine(made.password),
  ];
  return answer(lines.join('\n'), { id: made.user.id, email: made.user.email, password: made.password });
}

async function setPassword({ values, config, input }: Request): Promise<OperatorAnswer> {
  const email = requireEmail(values);
  const given = values['password-stdin'] ? await readPassword(input) : null;
  const password = await withDatabase(config, (database) => replacePassword(database, email, given));
  const lines = [`Set the password of ${email}; its sessions have ended.`, ...passwordLine(password)];
  return answer(lines.join('\n'), { email, password });
}

async function showUsers({ config }: Request): Promise<OperatorAnswer> {
  const users = await withDatabase(config, listUsers);
  const width = Math.max(...users.map((user) => user.email.length), 5);
  const row = (cells: readonly string[]): string =>
    `${(cells[0] ?? '').padEnd(width)}  ${cells.slice(1).join('  ')}`;
  const rows = users.map((user) =>
    row([
      user.email,
      (user.platformRole ?? '-').padEnd(11),
      user.disabledAt ? 'disabled' : 'enabled ',
      user.createdAt.toISOString(),
      user.id,
    ]),
  );
  return answer(
    [row(['EMAIL', 'ROLE       ', 'STATE   ', 'MADE'.padEnd(24), 'ID']), ...rows].join('\n'),
    users,
  );
}

async function signIn({ values, config }: Request): Promise<OperatorAnswer> {
  const email = requireEmail(values);
  const server = await withDatabase(config, async (database) => {
    const { dataDir, publicUrl } = await recallUrls(database, config);
    const found = readRunState(dataDir)?.httpUrl ?? publicUrl;
    if (!found) throw new StartError('The server does not run here. Start it first.');
    await signInAsOperator(database, { email, server: found, config });
    return found;
  });
  return answer(`The command line is signed in as ${email} at ${server}.`, { email, server });
}

async function switchTo({ values, config }: Request, enabled: boolean): Promise<OperatorAnswer> {
  const email = requireEmail(values);
  const { ownerless } = await withDatabase(config, (database) => switchUser(database, email, enabled));
  const done = `${email} is ${enabled ? 'enabled' : 'disabled; its sessions and tokens have ended'}.`;
  return answer([done, ...ownerless.map(withoutOwner)].join('\n'), { email, enabled, ownerless });
}

function withoutOwner(slug: string): string {
  return (
    `Organization ${slug} has no owner now who can sign in: its admins go on, and nobody can make another owner. ` +
    `To hand it over, enable the account, have it run \`hks organization transfer ${slug}\`, and disable it then.`
  );
}

async function resetFactors({ values, config }: Request): Promise<OperatorAnswer> {
  const email = requireEmail(values);
  const vault = createKeyVault(loadMasterKey(config));
  await withDatabase(config, (database) => resetSecondFactors(database, vault, email));
  const text = `Removed the second factors of ${email}; its sessions have ended, and a letter says so.`;
  return answer(text, { email });
}

/** PEM, to be kept in a file. */
async function showAuthority({ config }: Request): Promise<OperatorAnswer> {
  const vault = createKeyVault(loadMasterKey(config));
  const dir = join(config.dataDir, 'ca');
  const caPem = await withDatabase(config, (database) => findAuthority({ database, vault, dir }));
  const known = knownAuthority(config, { caPem, nowMs: systemClock.now() });
  if (known === null)
    throw new StartError('The authority is made at the first start. Start the server first.');
  if (known.authority === null)
    throw new StartError('HKS_PUBLIC_CA is `system`: everybody trusts the certificate at the public URL.');
  const authority = known.authority.trimEnd();
  return answer(authority, { authority: `${authority}\n` });
}

async function validate({ config }: Request): Promise<OperatorAnswer> {
  const findings = await validateInstallation(config, systemClock.now());
  const lines = findings.map(({ what, ok, message }) => `${ok ? 'ok     ' : 'FAILED '} ${what}: ${message}`);
  return { ...answer(lines.join('\n'), findings), exitCode: findings.every((finding) => finding.ok) ? 0 : 1 };
}

async function withDatabase<T>(
  config: ServerConfig,
  run: (database: OpenedDatabase) => Promise<T>,
): Promise<T> {
  await using database = await openOperatorDatabase(config, { migrate: 'apply' });
  return await run(database);
}

function requireEmail(values: Values): string {
  if (values.email === undefined) throw new StartError('Say whom: `--email E`, an address or an id.');
  return values.email;
}

function passwordLine(password: string | null): string[] {
  return password === null ? [] : [`Password: ${password}   (shown only now)`];
}

function parse(args: string[]) {
  return understood(() => parseArgs({ args, options, strict: true, allowPositionals: true }), operatorUsage);
}

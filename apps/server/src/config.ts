import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseTrustedProxies } from '@hexabase/kernel/client-address.ts';
import * as z from 'zod';
import {
  hostEnvironment,
  hostSettings,
  readHostSettings,
  type HostFlags,
  type HostSettings,
} from './hosts/host-settings.ts';
import { readRedisUrl } from './limits/redis-address.ts';
import { readSettingsFile } from './settings-file.ts';

const port = z.coerce.number().int().min(0).max(65_535);

const flags = z.object({
  dataDir: z.string().min(1),
  configFile: z.string().min(1),
  httpPort: port.optional(),
  httpsPort: port.optional(),
  listen: z.string().default('localhost'),
  publicUrl: z.url({ protocol: /^https$/ }).optional(),
  sessionsMax: z.coerce.number().int().min(1).max(1_000).optional(),
  masterKeyFile: z.string().min(1).optional(),
  masterKeyCommand: z.string().trim().min(1).optional(),
  publicUrlBefore: z.url({ protocol: /^https$/ }).optional(),
  publicCa: z.string().min(1).optional(),
  databaseUrl: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
  driver: z.enum(['embedded', 'local']).optional(),
  kubeBin: z.string().min(1).optional(),
  logLevel: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  deletionGraceMinutes: z.coerce.number().int().min(0).max(100_000).default(0),
  warmPool: z.coerce
    .string()
    .regex(
      /^(\d{1,3}|[a-z0-9-]+=\d{1,3}(,[a-z0-9-]+=\d{1,3})*)$/,
      'write a number, or plans: starter=3,pro=1',
    )
    .default('0')
    .transform(poolSizes),
  smtpUrl: z.url({ protocol: /^smtps?$/ }).optional(),
  passwords: z.enum(['on', 'off']).optional(),
  signUp: z.enum(['on', 'off']).optional(),
  addMembers: z.enum(['anybody', 'colleagues']).optional(),
  identityProviders: z.string().min(1).optional(),
  federationPrivateIssuers: z
    .string()
    .regex(/^[\w.:[\]-]+(,[\w.:[\]-]+)*$/)
    .optional(),
  trustedProxies: z
    .string()
    .refine((text) => parseTrustedProxies(text) !== null, 'networks like 10.0.0.0/8,192.0.2.7')
    .optional(),
  redisUrl: z
    .string()
    .refine(
      (text) => readRedisUrl(text) !== null,
      'redis://user:password@host:6379/0, rediss://… or /run/redis.sock',
    )
    .optional(),
  mailFrom: z.string().min(3).max(200).default('Hexabase AI <noreply@localhost>'),
});

export interface ServerConfig extends z.infer<typeof flags> {
  /** Taken out of the environment when it was read, so that no program that is started has it. */
  masterKey?: string | undefined;
  hosts: HostSettings;
}

type Settings = Partial<Record<keyof z.infer<typeof flags>, string>> & HostFlags;

/** Settings of the server that an operator may give on the command line. */
export interface ServerFlags extends Settings {
  /** A YAML file with the same settings. */
  settingsFile?: string;
}

/** Environment variables that the server reads; each is documented in `docs/generated/environment.md`. */
export const environmentVariables = {
  HKS_DATA_DIR: 'Data folder. Default `~/.hexabase`, for root `/var/lib/hexabase`.',
  HKS_SERVER_CONFIG:
    'A YAML file with settings of the server, each under its name (`publicUrl`). Default `/etc/hexabase/config.yaml`.',
  HKS_CONFIG: 'The command line’s settings and session, a YAML file. Default `~/.config/hks/config.yaml`.',
  HKS_TOKEN: 'An API token for the command line, instead of a session: for programs that nobody signs in.',
  HKS_SERVER: 'With `HKS_TOKEN`: address of the server that it is for. Default: that of the context.',
  HKS_CONTEXT: 'The session of the command line to use instead of the current one; kubeconfigs set it.',
  HKS_PUBLIC_URL:
    'Address of the Kubernetes gateway as clients reach it, https. Default: that of this installation’s last start, at first `https://localhost:<port>`.',
  HKS_PUBLIC_URL_BEFORE:
    'The public URL that this installation had, when it has workspaces on host clusters or an external database and `HKS_PUBLIC_URL` is another one on purpose.',
  HKS_PUBLIC_CA:
    'PEM file with the authority behind the certificate at the public URL, when something in front of the server shows its own; `system` for one that is publicly trusted. Default: the server’s own authority.',
  DATABASE_URL: 'An external PostgreSQL (15 or newer), as its owner. Without it one runs in the data folder.',
  HKS_MASTER_KEY:
    'The key that seals everything secret in the database: 32 bytes, base64. Default: `master.key` in the data folder, made at the first start. See `docs/operations/master-key.md`.',
  HKS_MASTER_KEY_FILE: 'Instead of `HKS_MASTER_KEY`: a file that holds it.',
  HKS_MASTER_KEY_COMMAND:
    'Instead of `HKS_MASTER_KEY`: a program that prints it, for example one that asks a key service to decrypt it. Run once at the start, without a shell; arguments are separated by spaces.',
  HKS_SESSIONS_MAX: 'Sessions that one person may have at once; one more ends the oldest. Default 3.',
  HKS_DRIVER:
    'What carries workspaces that are on no host cluster: `embedded`, or `local` for a real kube-apiserver and etcd each. Default: the driver of this data folder, at first `embedded`.',
  HKS_KUBE_BIN:
    'Folder with kube-apiserver, etcd, kube-controller-manager, kube-scheduler and kwok, for the driver `local`.',
  BROWSER: 'The program with which the command line opens web pages to sign in.',
  HKS_DELETION_GRACE_MINUTES:
    'How long the deletion of a workspace can be taken back; it sleeps meanwhile. Default 0: not at all.',
  HKS_WARM_POOL:
    'Tenants made in advance on each host cluster, so that a new workspace is there at once: a number, of plan `starter`, or `starter=3,pro=1`. Default 0.',
  HKS_LOG_LEVEL: '`debug`, `info`, `warn` or `error`. Default `info`.',
  HKS_SMTP_URL:
    'Mail server, `smtps://user:password@host:465` or `smtp://…`. Without it mails are kept and read with `hks outbox`.',
  HKS_MAIL_FROM: 'Sender of mails, `Hexabase AI <noreply@example.com>`.',
  HKS_PASSWORDS:
    '`off` takes no e-mail and password: people sign in through identity providers. Default `on` for a trial on one machine, `off` with a public URL or an external database.',
  HKS_SIGN_UP:
    'Whether people without an account get one by signing up: `on` or `off`. Default `on` for a trial on one machine, `off` with a public URL or an external database.',
  HKS_ADD_MEMBERS:
    'Whom admins may add to an organization without asking: `anybody` with an account here, which tells that there is one, or only `colleagues`, with whom they are in another organization; all others are invited. Default `anybody` for a trial on one machine, `colleagues` with a public URL or an external database.',
  HKS_IDENTITY_PROVIDERS:
    'A YAML file with the identity providers through which people sign in, read at each start; see `docs/guides/sign-in.md`.',
  HKS_FEDERATION_PRIVATE_ISSUERS:
    'Hosts (`gitlab.internal`, `10.0.0.5:8443`; separated by commas) whose tokens may be taken for those of service accounts although their addresses are not public. Default: none. Their certificates: `NODE_EXTRA_CA_CERTS`.',
  HKS_TRUSTED_PROXIES:
    'Networks (`10.0.0.0/8,192.0.2.7`; separated by commas) of the proxies in front of the server: only their `X-Forwarded-For` is believed. Default: none, the address of the connection counts. See `docs/operations/rate-limits.md`.',
  HKS_REDIS_URL:
    'A Redis in which the rate limits are counted for all replicas: `redis://user:password@host:6379/0`, `rediss://…` with TLS, or the path of a Unix socket. Default: none, they are counted in PostgreSQL. See `docs/operations/rate-limits.md`.',
  ...hostEnvironment,
} as const;

/**
 * Reads flags, then environment, then the settings file, then defaults. The public and the discovery URL, where nobody names
 * them, are in the database (`recallUrls`). Throws a `ZodError` that names what is wrong, and `StartError` for a settings
 * file that cannot be used.
 */
export function readConfig(given: ServerFlags, env: NodeJS.ProcessEnv): ServerConfig {
  const home = env['HOME'] || homedir();
  const file = readSettingsFile(given.settingsFile ?? (env['HKS_SERVER_CONFIG'] || undefined), settingNames);
  const settings = flags.parse({
    dataDir: resolve(given.dataDir ?? (env['HKS_DATA_DIR'] || file.dataDir || defaultDataDir(home))),
    configFile: resolve(
      given.configFile ?? (env['HKS_CONFIG'] || file.configFile || defaultConfigFile(home, env)),
    ),
    httpPort: given.httpPort ?? file.httpPort,
    httpsPort: given.httpsPort ?? file.httpsPort,
    listen: given.listen ?? file.listen,
    publicUrl: given.publicUrl ?? (env['HKS_PUBLIC_URL'] || file.publicUrl),
    publicUrlBefore: given.publicUrlBefore ?? (env['HKS_PUBLIC_URL_BEFORE'] || file.publicUrlBefore),
    publicCa: pathOrWord(given.publicCa ?? (env['HKS_PUBLIC_CA'] || file.publicCa), 'system'),
    databaseUrl: given.databaseUrl ?? (env['DATABASE_URL'] || file.databaseUrl),
    sessionsMax: given.sessionsMax ?? (env['HKS_SESSIONS_MAX'] || file.sessionsMax),
    masterKeyFile: absolute(given.masterKeyFile ?? (env['HKS_MASTER_KEY_FILE'] || file.masterKeyFile)),
    masterKeyCommand: given.masterKeyCommand ?? (env['HKS_MASTER_KEY_COMMAND'] || file.masterKeyCommand),
    driver: given.driver ?? (env['HKS_DRIVER'] || file.driver),
    kubeBin: given.kubeBin ?? (env['HKS_KUBE_BIN'] || file.kubeBin),
    deletionGraceMinutes:
      given.deletionGraceMinutes ?? (env['HKS_DELETION_GRACE_MINUTES'] || file.deletionGraceMinutes),
    warmPool: given.warmPool ?? (env['HKS_WARM_POOL'] || file.warmPool),
    logLevel: given.logLevel ?? (env['HKS_LOG_LEVEL'] || file.logLevel),
    smtpUrl: given.smtpUrl ?? (env['HKS_SMTP_URL'] || file.smtpUrl),
    passwords: given.passwords ?? (env['HKS_PASSWORDS'] || file.passwords),
    signUp: given.signUp ?? (env['HKS_SIGN_UP'] || file.signUp),
    addMembers: given.addMembers ?? (env['HKS_ADD_MEMBERS'] || file.addMembers),
    identityProviders: given.identityProviders ?? (env['HKS_IDENTITY_PROVIDERS'] || file.identityProviders),
    federationPrivateIssuers:
      given.federationPrivateIssuers ??
      (env['HKS_FEDERATION_PRIVATE_ISSUERS'] || file.federationPrivateIssuers),
    trustedProxies: given.trustedProxies ?? (env['HKS_TRUSTED_PROXIES'] || file.trustedProxies),
    redisUrl: given.redisUrl ?? (env['HKS_REDIS_URL'] || file.redisUrl),
    mailFrom: given.mailFrom ?? (env['HKS_MAIL_FROM'] || file.mailFrom),
  });
  return { ...settings, ...takeMasterKey(env), hosts: readHostSettings(given, env, file) };
}

/** A number alone is of the smallest plan: what is larger takes one too, and restarts its control plane once. */
function poolSizes(text: string): Readonly<Record<string, number>> {
  const pairs = text.includes('=') ? text.split(',').map((pair) => pair.split('=')) : [['starter', text]];
  return Object.fromEntries(pairs.map(([plan = '', size]) => [plan, Number(size)]));
}

/** Takes the key along, out of the environment: programs that we start have no business with it. */
function takeMasterKey(env: NodeJS.ProcessEnv): Pick<ServerConfig, 'masterKey'> {
  const masterKey = env['HKS_MASTER_KEY'];
  delete env['HKS_MASTER_KEY'];
  return masterKey ? { masterKey } : {};
}

function absolute(path: string | undefined): string | undefined {
  return path === undefined ? undefined : resolve(path);
}

function pathOrWord(text: string | undefined, word: string): string | undefined {
  return text === undefined || text === word ? text : resolve(text);
}

const settingNames = [...keysOf(flags.shape), ...keysOf(hostSettings.omit({ path: true }).shape)];

function keysOf<T extends object>(shape: T): Extract<keyof T, string>[] {
  return Object.keys(shape).filter((key): key is Extract<keyof T, string> => key in shape);
}

function defaultDataDir(home: string): string {
  return process.getuid?.() === 0 ? '/var/lib/hexabase' : join(home, '.hexabase');
}

function defaultConfigFile(home: string, env: NodeJS.ProcessEnv): string {
  return join(env['XDG_CONFIG_HOME'] || join(home, '.config'), 'hks', 'config.yaml');
}

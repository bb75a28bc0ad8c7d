import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import * as z from 'zod';

const port = z.coerce.number().int().min(0).max(65_535);

const flags = z.object({
  dataDir: z.string().min(1),
  configFile: z.string().min(1),
  httpPort: port.optional(),
  httpsPort: port.optional(),
  listen: z.string().default('localhost'),
  publicUrl: z.url({ protocol: /^https$/ }).optional(),
  databaseUrl: z.url({ protocol: /^postgres(ql)?$/ }).optional(),
  logLevel: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
});

export type ServerConfig = z.infer<typeof flags>;

/** Settings of the server that an operator may give on the command line. */
export type ServerFlags = Partial<Record<keyof ServerConfig, string>>;

/** Environment variables that the server reads; each is documented in `docs/generated/environment.md`. */
export const environmentVariables = {
  HKS_DATA_DIR: 'Data folder. Default `~/.hexabase`, for root `/var/lib/hexabase`.',
  HKS_CONFIG: 'The command line’s settings and session, a YAML file. Default `~/.config/hks/config.yaml`.',
  HKS_CONTEXT: 'The session of the command line to use instead of the current one; kubeconfigs set it.',
  HKS_PUBLIC_URL:
    'Address of the Kubernetes gateway as clients reach it, https. Default `https://localhost:<port>`.',
  DATABASE_URL: 'An external PostgreSQL (15 or newer), as its owner. Without it one runs in the data folder.',
  BROWSER: 'The program with which the command line opens web pages to sign in.',
  HKS_LOG_LEVEL: '`debug`, `info`, `warn` or `error`. Default `info`.',
} as const;

/** Reads flags, then environment, then defaults. Throws a `ZodError` that names what is wrong. */
export function readConfig(given: ServerFlags, env: NodeJS.ProcessEnv): ServerConfig {
  const home = env['HOME'] || homedir();
  return flags.parse({
    dataDir: resolve(given.dataDir ?? (env['HKS_DATA_DIR'] || defaultDataDir(home))),
    configFile: resolve(given.configFile ?? (env['HKS_CONFIG'] || defaultConfigFile(home, env))),
    httpPort: given.httpPort,
    httpsPort: given.httpsPort,
    listen: given.listen,
    publicUrl: given.publicUrl ?? (env['HKS_PUBLIC_URL'] || undefined),
    databaseUrl: given.databaseUrl ?? (env['DATABASE_URL'] || undefined),
    logLevel: given.logLevel ?? (env['HKS_LOG_LEVEL'] || undefined),
  });
}

function defaultDataDir(home: string): string {
  return process.getuid?.() === 0 ? '/var/lib/hexabase' : join(home, '.hexabase');
}

function defaultConfigFile(home: string, env: NodeJS.ProcessEnv): string {
  return join(env['XDG_CONFIG_HOME'] || join(home, '.config'), 'hks', 'config.yaml');
}

import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseYamlWithSecrets } from '@hexabase/kernel/text/yaml-with-secrets.ts';
import { stringify } from 'yaml';
import * as z from 'zod';
import { forgetCredentials } from './credential-folder.ts';
import { acquireFileLock } from './file-lock.ts';

const context = z.object({
  /** Base URL of the API, without a trailing slash. */
  server: z.string(),
  email: z.string().optional(),
  /** Slug or id that commands use when `--organization` is absent. */
  organization: z.string().optional(),
  workspace: z.string().optional(),
  accessToken: z.string().optional(),
  /** RFC 3339. */
  accessTokenExpiresAt: z.string().optional(),
  refreshToken: z.string().optional(),
  /** Of this sign-in: what was cached for another one in the same context is nobody's. */
  signIn: z.string().optional(),
});

const configFile = z.object({
  currentContext: z.string().default('local'),
  contexts: z.record(z.string(), context).default({}),
  /** By server and person: the cookie by which the server knows this machine. It outlives signing out, and signs nobody in. */
  knownDevices: z.record(z.string(), z.string()).optional(),
});

/** One server and one signed-in person, as the command line knows them. */
export type CliContext = z.infer<typeof context>;
export type CliConfig = z.infer<typeof configFile>;

/** Raised when the settings file is there but not readable as one; says the path. */
export class ConfigFileError extends Error {
  constructor(path: string, why: string) {
    super(`The settings file ${path} cannot be used: ${why}. Mend it, or move it away and sign in again.`);
    this.name = 'ConfigFileError';
  }
}

/** Reads the settings file; an absent one is empty settings. */
export function readCliConfig(path: string): CliConfig {
  if (!existsSync(path)) return { currentContext: 'local', contexts: {} };
  const parsed = configFile.safeParse(parseYaml(path) ?? {});
  if (!parsed.success) throw new ConfigFileError(path, z.prettifyError(parsed.error));
  return parsed.data;
}

/** Replaces the settings file in one step, readable by its owner only: it holds the session. */
export function writeCliConfig(path: string, config: CliConfig): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const scratch = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  writeFileSync(scratch, stringify(config), { mode: 0o600, flush: true });
  chmodSync(scratch, 0o600);
  renameSync(scratch, path);
}

/** Changes the settings file while no other process does. Throws `LockError` when another one never ends. */
export async function updateCliConfig(
  path: string,
  change: (config: CliConfig) => Promise<void> | void,
): Promise<CliConfig> {
  using _lock = await acquireFileLock(`${path}.lock`);
  const config = readCliConfig(path);
  await change(config);
  writeCliConfig(path, config);
  return config;
}

/** Does something with the settings while no other process changes them. */
export async function holdCliConfig<T>(path: string, use: (config: CliConfig) => T): Promise<T> {
  using _lock = await acquireFileLock(`${path}.lock`);
  return use(readCliConfig(path));
}

const contextPattern = /^[A-Za-z0-9][A-Za-z0-9._@:-]{0,63}$/;

/** Whether a new context may be called so: a word that a shell takes as it is, and that is no property of every object. */
export function isContextName(name: string): boolean {
  return contextPattern.test(name) && !(name in {});
}

/** The context of that name. Not read from the object by name: that has `constructor` too. */
export function findContext({ contexts }: CliConfig, name: string): CliContext | undefined {
  return Object.hasOwn(contexts, name) ? contexts[name] : undefined;
}

/** Puts somebody who has just signed in into a context; to be called within `updateCliConfig`. */
export function startSignIn(
  { path, config }: { path: string; config: CliConfig },
  name: string,
  context: Omit<CliContext, 'signIn'>,
): void {
  forgetCredentials(path, name);
  config.contexts[name] = { ...context, signIn: randomBytes(9).toString('base64url') };
}

/** Takes whoever is signed in out of a context; to be called within `updateCliConfig`. */
export function endSignIn({ path, config }: { path: string; config: CliConfig }, name: string): void {
  forgetCredentials(path, name);
  delete config.contexts[name];
}

function parseYaml(path: string): unknown {
  const text = orUnusable(path, '', () => readFileSync(path, 'utf8'));
  return orUnusable(path, 'it ', () => parseYamlWithSecrets(text));
}

function orUnusable<T>(path: string, subject: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new ConfigFileError(path, `${subject}${error instanceof Error ? error.message : String(error)}`);
  }
}

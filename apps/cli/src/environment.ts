import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { browserCommand } from './login/open-browser.ts';

/** What the command line takes from its surroundings. Read once, in `main.ts`. */
export interface CliEnvironment {
  /** The settings file with the session. */
  configFile: string;
  /** The context to use instead of the current one; kubeconfigs name the one that they were made with. */
  context: string | null;
  /** An API token to use instead of a session: programs that nobody signs in. */
  token: string | null;
  /** The server that the token is for; that of the context when null. */
  server: string | null;
  /** Absolute path of the launcher, for kubeconfigs. */
  launcher: string;
  /** The process that called the launcher: kubectl, when it asks for a credential. */
  parentPid: number;
  isTerminal: boolean;
  /** The program that opens web pages here; null where there is none. `BROWSER` chooses it. */
  browser: readonly string[] | null;
}

/**
 * Reads the environment. `HKS_CONFIG` moves the settings, `HKS_TOKEN` and `HKS_SERVER` replace them; the launcher sets
 * `HKS_LAUNCHER` and `HKS_PARENT_PID`.
 */
export function readEnvironment(env: NodeJS.ProcessEnv): CliEnvironment {
  // An empty variable counts as absent, as in the launcher.
  const base = env['XDG_CONFIG_HOME'] || join(env['HOME'] || homedir(), '.config');
  const configFile = resolve(env['HKS_CONFIG'] || join(base, 'hks', 'config.yaml'));
  const token = env['HKS_TOKEN'] || null;
  return {
    configFile,
    context: env['HKS_CONTEXT'] || null,
    token,
    server: env['HKS_SERVER']?.replace(/\/+$/, '') || null,
    launcher: env['HKS_LAUNCHER'] ?? resolve(import.meta.dirname, '../../../hks'),
    parentPid: Number(env['HKS_PARENT_PID'] ?? process.ppid),
    browser: browserCommand(env, process.platform),
    isTerminal: process.stdout.isTTY === true && process.stdin.isTTY === true,
  };
}

import {
  endSignIn,
  findContext,
  isContextName,
  readCliConfig,
  startSignIn,
  updateCliConfig,
} from '@hexabase/client/config-file.ts';
import { deviceIdFor } from '@hexabase/client/device-id.ts';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { CliError } from '../cli-error.ts';
import { loginByBrowser } from '../login/by-browser.ts';
import { loginByDevice } from '../login/by-device.ts';
import { loginByPassword, rememberDevice } from '../login/by-password.ts';
import { serverUrl } from '../login/server-url.ts';
import { contextName, contextTokens, currentContext, reach, type Tokens } from '../session.ts';
import { sayOverruled } from './use.ts';

interface LoginOptions {
  email?: string;
  device?: boolean;
  context?: string;
}

/** `hks login [SERVER]` in its three ways, and `hks logout`. */
export function addLogin(program: Command, cli: Cli): void {
  program
    .command('login')
    .description('Signs in with the browser; on a machine without one, by a code to type elsewhere.')
    .argument('[server]', 'for example http://localhost:8080; the current one when absent')
    .option('--device', 'show an address and a code for the browser of another device')
    .option('--email <address>', 'no browser: the password is read from the terminal or standard input')
    .option('--context <name>', 'name under which the session is kept; HKS_CONTEXT, else local, when absent')
    .action(async (server: string | undefined, options: LoginOptions) => {
      const url = serverUrl(server ?? currentContext(cli.environment).server, 'The server to sign in to');
      const name = contextToBe(cli, options.context ?? cli.environment.context ?? 'local');
      const { email, tokens } = await signIn(cli, url, options);
      const path = cli.environment.configFile;
      await updateCliConfig(path, (config) => {
        const before = findContext(config, name);
        // What somebody else had chosen there need not be there for them.
        const chosen = before?.server === url && before.email === email ? before : {};
        startSignIn({ path, config }, name, { ...chosen, server: url, email, ...contextTokens(tokens) });
        rememberDevice(config, { server: url, email }, tokens);
        config.currentContext = name;
      });
      cli.print(`Signed in to ${url} as ${email}.`);
      sayOverruled(cli, name);
    });
  addLogout(program, cli);
}

async function signIn(
  cli: Cli,
  url: string,
  options: LoginOptions,
): Promise<{ email: string; tokens: Tokens }> {
  const { email, device } = options;
  const at = { server: url, deviceId: await deviceIdFor(cli.environment.configFile, url) };
  if (email !== undefined && device) throw new CliError('Use either --email or --device.');
  if (email !== undefined) return { email, tokens: await loginByPassword(cli, at, email) };
  const { browser } = cli.environment;
  const granted =
    device || browser === null ? await loginByDevice(cli, at) : await loginByBrowser(cli, at, browser);
  return { email: granted.user.email, tokens: granted };
}

/**
 * Throws `CliError` for what is no name; before anybody signs in, since the session would be kept nowhere. One that is there
 * goes on, whatever it was called before there was a rule.
 */
function contextToBe({ environment }: Cli, name: string): string {
  if (isContextName(name) || findContext(readCliConfig(environment.configFile), name)) return name;
  throw new CliError(
    `"${name}" cannot be the name of a context. Use letters, digits and . _ @ : - (64 at most, a letter or digit first), and no word like "constructor".`,
  );
}

function addLogout(program: Command, cli: Cli): void {
  program
    .command('logout')
    .description('Ends the session on the server and forgets it here.')
    .action(async () => {
      const context = currentContext(cli.environment);
      if (context.refreshToken) {
        await reach(`${context.server}/auth/logout`, {
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            ...(context.accessToken && { authorization: `Bearer ${context.accessToken}` }),
          },
          body: JSON.stringify({ refresh_token: context.refreshToken }),
          signal: cli.signal,
        });
      }
      const path = cli.environment.configFile;
      await updateCliConfig(path, (config) =>
        endSignIn({ path, config }, contextName(cli.environment, config)),
      );
      cli.print('Signed out.');
    });
}

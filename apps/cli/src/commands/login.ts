import { updateCliConfig } from '@hexabase/client/config-file.ts';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { CliError } from '../cli-error.ts';
import { forgetCredentials } from '../credential-cache.ts';
import { loginByBrowser } from '../login/by-browser.ts';
import { loginByDevice } from '../login/by-device.ts';
import { loginByPassword, rememberDevice } from '../login/by-password.ts';
import { currentContext, reach, rememberTokens, type Tokens } from '../session.ts';

interface LoginOptions {
  email?: string;
  device?: boolean;
  context: string;
}

/** `hks login [SERVER]` in its three ways, `hks logout`, `hks use`. */
export function addLogin(program: Command, cli: Cli): void {
  program
    .command('login')
    .description('Signs in with the browser; on a machine without one, by a code to type elsewhere.')
    .argument('[server]', 'for example http://localhost:8080; the current one when absent')
    .option('--device', 'show an address and a code for the browser of another device')
    .option('--email <address>', 'no browser: the password is read from the terminal or standard input')
    .option('--context <name>', 'name under which the session is kept', 'local')
    .action(async (server: string | undefined, options: LoginOptions) => {
      const url = serverUrl(server ?? currentContext(cli.environment).server);
      const { email, tokens } = await signIn(cli, url, options);
      await updateCliConfig(cli.environment.configFile, (config) => {
        const context = { ...config.contexts[options.context], server: url, email };
        rememberTokens(context, tokens);
        rememberDevice(config, { server: url, email }, tokens);
        config.contexts[options.context] = context;
        config.currentContext = options.context;
      });
      // Cached kubectl credentials are the former person's.
      forgetCredentials(cli.environment.credentialsDir);
      cli.print(`Signed in to ${url} as ${email}.`);
    });
  addLogout(program, cli);
  addUse(program, cli);
}

async function signIn(
  cli: Cli,
  url: string,
  options: LoginOptions,
): Promise<{ email: string; tokens: Tokens }> {
  const { email, device } = options;
  if (email !== undefined && device) throw new CliError('Use either --email or --device.');
  if (email !== undefined) return { email, tokens: await loginByPassword(cli, url, email) };
  const { browser } = cli.environment;
  const granted =
    device || browser === null ? await loginByDevice(cli, url) : await loginByBrowser(cli, url, browser);
  return { email: granted.user.email, tokens: granted };
}

/** Throws `CliError` for what is no address of a server. */
function serverUrl(given: string): string {
  const url = URL.canParse(given) ? new URL(given) : null;
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return given.replace(/\/+$/, '');
  throw new CliError(
    `"${given}" is not the address of a server. Write it out, for example http://localhost:8080.`,
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
      await updateCliConfig(cli.environment.configFile, (config) => {
        delete config.contexts[config.currentContext];
      });
      forgetCredentials(cli.environment.credentialsDir);
      cli.print('Signed out.');
    });
}

function addUse(program: Command, cli: Cli): void {
  program
    .command('use')
    .description('Remembers a workspace or organization for the commands that follow.')
    .argument('<kind>', 'workspace or organization')
    .argument('<name>', 'slug or id')
    .action(async (kind: string, name: string) => {
      if (kind !== 'workspace' && kind !== 'organization')
        throw new CliError('Use `hks use workspace NAME` or `hks use organization NAME`.');
      await updateCliConfig(cli.environment.configFile, (config) => {
        const context = config.contexts[config.currentContext];
        if (!context) throw new CliError('You are not signed in.');
        context[kind] = name;
      });
      cli.print(`Using ${kind} ${name}.`);
    });
}

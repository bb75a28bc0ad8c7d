import { updateCliConfig } from '@hexabase/client/config-file.ts';
import type { Command } from 'commander';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { Cli } from '../cli.ts';
import { CliError } from '../cli-error.ts';
import { forgetCredentials } from '../credential-cache.ts';
import { currentContext, reach, rememberTokens, requestTokens } from '../session.ts';

/** `hks login [SERVER] --email …`, `hks logout`, `hks use`. */
export function addLogin(program: Command, cli: Cli): void {
  program
    .command('login')
    .description('Signs in with e-mail and password. The password is read from the terminal or standard input.')
    .argument('[server]', 'for example http://localhost:8080; the current one when absent')
    .requiredOption('--email <address>')
    .option('--context <name>', 'name under which the session is kept', 'local')
    .action(async (server: string | undefined, options: { email: string; context: string }) => {
      const url = (server ?? currentContext(cli.environment.configFile).server).replace(/\/+$/, '');
      const password = await readPassword(cli);
      const tokens = await requestTokens(`${url}/auth/login`, { email: options.email, password }, cli.signal);
      await updateCliConfig(cli.environment.configFile, (config) => {
        const context = { ...config.contexts[options.context], server: url, email: options.email };
        rememberTokens(context, tokens);
        config.contexts[options.context] = context;
        config.currentContext = options.context;
      });
      // Cached kubectl credentials are the former person's.
      forgetCredentials(cli.environment.credentialsDir);
      cli.print(`Signed in to ${url} as ${options.email}.`);
    });
  addLogout(program, cli);
  addUse(program, cli);
}

function addLogout(program: Command, cli: Cli): void {
  program
    .command('logout')
    .description('Ends the session on the server and forgets it here.')
    .action(async () => {
      const context = currentContext(cli.environment.configFile);
      if (context.refreshToken) {
        await reach(`${context.server}/auth/logout`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...(context.accessToken && { authorization: `Bearer ${context.accessToken}` }) },
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
      if (kind !== 'workspace' && kind !== 'organization') throw new CliError('Use `hks use workspace NAME` or `hks use organization NAME`.');
      await updateCliConfig(cli.environment.configFile, (config) => {
        const context = config.contexts[config.currentContext];
        if (!context) throw new CliError('You are not signed in.');
        context[kind] = name;
      });
      cli.print(`Using ${kind} ${name}.`);
    });
}

/** From the terminal without echo, else from standard input; never from an argument, which others could see. */
async function readPassword(cli: Cli): Promise<string> {
  if (!cli.environment.isTerminal) return (await text(process.stdin)).replace(/\r?\n$/, '');
  // What is typed would be echoed to the output: there is none.
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const prompt = createInterface({ input: process.stdin, output: silent, terminal: true });
  process.stderr.write('Password: ');
  try {
    return await prompt.question('', { signal: cli.signal });
  } finally {
    prompt.close();
    process.stderr.write('\n');
  }
}

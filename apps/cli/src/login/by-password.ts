import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { readCliConfig, type CliConfig } from '@hexabase/client/config-file.ts';
import type { Cli } from '../cli.ts';
import { CliError } from '../cli-error.ts';
import type { ServerForDevice } from './request-grant.ts';
import { requestTokens, SecondFactorNeeded, type Tokens } from '../session.ts';

/**
 * Signs in with e-mail and password, and a code where the account asks for one. Both come from the terminal or, without
 * one, from the first two lines of standard input.
 */
export async function loginByPassword(
  cli: Cli,
  { server, deviceId: device_id }: ServerForDevice,
  email: string,
): Promise<Tokens> {
  const deviceCookie = knownDevice(cli.environment.configFile, server, email);
  const { signal } = cli;
  const lines = cli.environment.isTerminal ? [] : (await text(process.stdin)).split(/\r?\n/);
  const password = lines[0] ?? (await ask(cli, 'Password: '));
  try {
    const body = { email, password, device_id };
    return await requestTokens(`${server}/auth/login`, body, { signal, deviceCookie });
  } catch (error) {
    if (!(error instanceof SecondFactorNeeded)) throw error;
    const code = lines[1] ?? (cli.environment.isTerminal ? await ask(cli, 'Code: ') : '');
    if (code === '') {
      throw new CliError(
        `${error.message} Give it as the second line of standard input, or use \`hks login\` with the browser.`,
      );
    }
    const body = { ticket: error.ticket, code, device_id };
    return requestTokens(`${server}/auth/second-factor`, body, { signal });
  }
}

/** Keeps the cookie by which the server knows this machine when this person signs in again. */
export function rememberDevice(
  config: CliConfig,
  at: { server: string; email: string },
  { deviceCookie }: Tokens,
): void {
  if (deviceCookie === undefined) return;
  config.knownDevices = { ...config.knownDevices, [keyOf(at.server, at.email)]: deviceCookie };
}

function knownDevice(configFile: string, server: string, email: string): string | undefined {
  return readCliConfig(configFile).knownDevices?.[keyOf(server, email)];
}

function keyOf(server: string, email: string): string {
  return `${email.trim().toLowerCase()} at ${server}`;
}

/** From the terminal without echo; never from an argument, which others could see. */
async function ask(cli: Cli, question: string): Promise<string> {
  // What is typed would be echoed to the output: there is none.
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const prompt = createInterface({ input: process.stdin, output: silent, terminal: true });
  process.stderr.write(question);
  try {
    return await prompt.question('', { signal: cli.signal });
  } finally {
    prompt.close();
    process.stderr.write('\n');
  }
}

import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { Cli } from '../cli.ts';
import { requestTokens, type Tokens } from '../session.ts';

/** Signs in with e-mail and password. The password comes from the terminal or, without one, from standard input. */
export async function loginByPassword(cli: Cli, server: string, email: string): Promise<Tokens> {
  const password = await readPassword(cli);
  return requestTokens(`${server}/auth/login`, { email, password }, cli.signal);
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

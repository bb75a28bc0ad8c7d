import { mkdir, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandsOf, shows } from './guide-commands.ts';
import { startProduct, succeed, type Product } from './product.ts';
import { checkout, kubectls, run } from './programs.ts';

type Person = 'you' | 'bob';

const commands = commandsOf('access.md', ['you', 'bob']);
const [kubectlPath] = Object.values(kubectls());
const limitMs = 90_000;

/** Every command of the guide, in order, with a real kubectl against the product as it starts. */
describe.skipIf(kubectlPath === undefined)('the guide to access', () => {
  let product: Product;
  let bin: string;
  /** What Bob copies: the code from his letter, and the token that is shown to him once. */
  const copied = { INVITATION: '', TOKEN: '' };

  beforeAll(async () => {
    product = await startProduct();
    bin = join(product.configDir, 'bin');
    await mkdir(bin);
    await symlink(kubectlPath ?? '', join(bin, 'kubectl'));
  });
  afterAll(() => product[Symbol.asyncDispose]());

  const envOf = (who: Person): NodeJS.ProcessEnv => ({
    ...product.env,
    PATH: `${bin}:${checkout}:${product.env['PATH']}`,
    HOME: join(product.configDir, who),
    KUBECONFIG: join(product.configDir, `${who}.kubeconfig`),
    ...(who === 'bob' && {
      HKS_CONFIG: join(product.configDir, 'bob', 'config.yaml'),
      SERVER: product.httpUrl,
      ...copied,
    }),
  });

  async function signBobIn(): Promise<void> {
    const login = ['login', product.httpUrl, '--email', 'bob@example.com'];
    const outcome = await run(join(checkout, 'hks'), login, {
      env: envOf('bob'),
      input: 'a long passphrase of bob\n',
    });
    succeed(outcome);
  }

  /** As an operator of a trial reads it. */
  async function codeOfLetter(): Promise<string> {
    const [newest]: { id: string }[] = JSON.parse(
      succeed(await product.hks(['outbox', 'list', '-o', 'json'])),
    );
    const letter = succeed(await product.hks(['outbox', 'get', newest?.id ?? '', '-o', 'json']));
    return /hks_inv_[\w-]+/.exec(letter)?.[0] ?? '';
  }

  it('holds commands of both', () => {
    expect(commands.filter(({ who }) => who === 'bob').length).toBeGreaterThan(5);
    expect(commands.filter(({ who }) => who === 'you').length).toBeGreaterThan(15);
  });

  it.each(commands)('$who: $text', { timeout: limitMs + 10_000 }, async ({ who, text, answer }) => {
    if (commands.find((command) => command.who === 'bob')?.text === text) await signBobIn();
    if (text.includes('$INVITATION')) copied.INVITATION = await codeOfLetter();
    const until = Date.now() + limitMs;
    for (;;) {
      const { code, stdout, stderr } = await run('/bin/sh', ['-c', text], {
        env: envOf(who),
        cwd: dirname(bin),
      });
      const output = `${stdout}${stderr}`;
      copied.TOKEN = /hks_pat_[\w-]+/.exec(stdout)?.[0] ?? copied.TOKEN;
      const fits = answer.length === 0 ? code === 0 : answer.every((line) => shows(output, line));
      if (fits) return;
      // Only reading again and kubectl's first call after a change of rights may need another try.
      if (Date.now() > until || (who === 'you' && !/ get /.test(text)))
        throw new Error(`${text}\nended with ${code}: ${output}`);
    }
  });
});

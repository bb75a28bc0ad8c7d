import { mkdir, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandsOf, shows } from './guide-commands.ts';
import { startProduct, succeed, type Product } from './product.ts';
import { checkout, kubectls, run } from './programs.ts';

type Person = 'you' | 'bob' | 'olga';

const commands = commandsOf('audit.md', ['you', 'bob', 'olga']);
const [kubectlPath] = Object.values(kubectls());
const limitMs = 90_000;

/** Every command of the guide, in order, with a real kubectl against the product as it starts. */
describe.skipIf(kubectlPath === undefined)('the guide to the audit log', () => {
  let product: Product;
  let bin: string;
  /** What Bob copies from his letter. */
  let invitation = '';

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
    ...(who !== 'you' && { HKS_CONFIG: join(product.configDir, who, 'config.yaml') }),
    ...(who === 'bob' && { INVITATION: invitation }),
  });

  async function signIn(who: Person): Promise<void> {
    const login = ['login', product.httpUrl, '--email', `${who}@example.com`];
    const input = `a long passphrase of ${who}\n`;
    succeed(await run(join(checkout, 'hks'), login, { env: envOf(who), input }));
  }

  /** As an operator of a trial reads it. */
  async function codeOfLetter(): Promise<string> {
    const [newest]: { id: string }[] = JSON.parse(
      succeed(await product.hks(['outbox', 'list', '-o', 'json'])),
    );
    const letter = succeed(await product.hks(['outbox', 'get', newest?.id ?? '', '-o', 'json']));
    return /hks_inv_[\w-]+/.exec(letter)?.[0] ?? '';
  }

  it('holds commands of all three', () => {
    expect(commands.filter(({ who }) => who === 'bob').length).toBeGreaterThan(3);
    expect(commands.filter(({ who }) => who === 'olga').length).toBeGreaterThan(2);
    expect(commands.filter(({ who }) => who === 'you').length).toBeGreaterThan(12);
  });

  it.each(commands)('$who: $text', { timeout: limitMs + 10_000 }, async ({ who, text, answer }) => {
    if (who !== 'you' && commands.find((command) => command.who === who)?.text === text) await signIn(who);
    if (text.includes('$INVITATION')) invitation = await codeOfLetter();
    const until = Date.now() + limitMs;
    for (;;) {
      const { code, stdout, stderr } = await run('/bin/sh', ['-c', text], {
        env: envOf(who),
        cwd: dirname(bin),
      });
      const output = `${stdout}${stderr}`;
      const fits = answer.length === 0 ? code === 0 : answer.every((line) => shows(output, line));
      if (fits) return;
      // Only reading again may need another try: calls of kubectl reach the log within a second.
      if (Date.now() > until || !/ (?:list|get) /.test(text))
        throw new Error(`${text}\nended with ${code}: ${output}`);
    }
  });
});

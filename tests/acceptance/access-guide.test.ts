import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandsOf, startGuide, typeCommand, typingMs, type GuideScene } from './guide-commands.ts';
import { succeed, type Product } from './product.ts';
import { checkout, kubectls, run } from './programs.ts';

type Person = 'you' | 'bob';

const guide = 'access.md';
const commands = commandsOf(guide, ['you', 'bob']);
const [kubectlPath] = Object.values(kubectls());

/** Every command of the guide, in order, with a real kubectl against the product as it starts. */
describe.skipIf(kubectlPath === undefined)('the guide to access', () => {
  let product: Product;
  let scene: GuideScene;
  /** What Bob copies: the code from his letter, and the token that is shown to him once. */
  const copied = { INVITATION: '', TOKEN: '' };

  beforeAll(async () => {
    scene = await startGuide(kubectlPath ?? '');
    ({ product } = scene);
  });
  afterAll(() => scene?.[Symbol.asyncDispose]());

  const envOf = (who: Person): NodeJS.ProcessEnv => ({
    ...scene.envOf(who),
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

  it('holds commands of both', () => {
    expect(commands.filter(({ who }) => who === 'bob').length).toBeGreaterThan(5);
    expect(commands.filter(({ who }) => who === 'you').length).toBeGreaterThan(15);
  });

  it.each(commands)('$who: $text', { timeout: typingMs }, async (command) => {
    const { who, text } = command;
    if (commands.find((one) => one.who === 'bob')?.text === text) await signBobIn();
    if (text.includes('$INVITATION')) copied.INVITATION = await scene.codeOfLetter();
    // Only reading again and kubectl's first call after a change of rights may need another try.
    const again = who !== 'you' || / get /.test(text);
    const printed = await typeCommand(command, { guide, env: envOf(who), cwd: product.configDir, again });
    copied.TOKEN = /hks_pat_[\w-]+/.exec(printed)?.[0] ?? copied.TOKEN;
  });
});

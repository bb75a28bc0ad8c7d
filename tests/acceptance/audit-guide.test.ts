import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandsOf, startGuide, typeCommand, typingMs, type GuideScene } from './guide-commands.ts';
import { succeed, type Product } from './product.ts';
import { checkout, kubectls, run } from './programs.ts';

type Person = 'you' | 'bob' | 'olga';

const guide = 'audit.md';
const commands = commandsOf(guide, ['you', 'bob', 'olga']);
const [kubectlPath] = Object.values(kubectls());

/** Every command of the guide, in order, with a real kubectl against the product as it starts. */
describe.skipIf(kubectlPath === undefined)('the guide to the audit log', () => {
  let product: Product;
  let scene: GuideScene;
  /** What Bob copies from his letter. */
  let invitation = '';

  beforeAll(async () => {
    scene = await startGuide(kubectlPath ?? '');
    ({ product } = scene);
  });
  afterAll(() => scene?.[Symbol.asyncDispose]());

  const envOf = (who: Person): NodeJS.ProcessEnv => ({
    ...scene.envOf(who),
    ...(who !== 'you' && { HKS_CONFIG: join(product.configDir, who, 'config.yaml') }),
    ...(who === 'bob' && { INVITATION: invitation }),
  });

  async function signIn(who: Person): Promise<void> {
    const login = ['login', product.httpUrl, '--email', `${who}@example.com`];
    const input = `a long passphrase of ${who}\n`;
    succeed(await run(join(checkout, 'hks'), login, { env: envOf(who), input }));
  }

  it('holds commands of all three', () => {
    expect(commands.filter(({ who }) => who === 'bob').length).toBeGreaterThan(3);
    expect(commands.filter(({ who }) => who === 'olga').length).toBeGreaterThan(2);
    expect(commands.filter(({ who }) => who === 'you').length).toBeGreaterThan(12);
  });

  it.each(commands)('$who: $text', { timeout: typingMs }, async (command) => {
    const { who, text } = command;
    if (who !== 'you' && commands.find((one) => one.who === who)?.text === text) await signIn(who);
    if (text.includes('$INVITATION')) invitation = await scene.codeOfLetter();
    // Only reading again may need another try: calls of kubectl reach the log within a second.
    const again = / (?:list|get) /.test(text);
    await typeCommand(command, { guide, env: envOf(who), cwd: product.configDir, again });
  });
});

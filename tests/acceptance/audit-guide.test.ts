import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandsOf, shows, startGuide, type GuideScene } from './guide-commands.ts';
import { succeed, type Product } from './product.ts';
import { checkout, kubectls, run } from './programs.ts';

type Person = 'you' | 'bob' | 'olga';

const commands = commandsOf('audit.md', ['you', 'bob', 'olga']);
const [kubectlPath] = Object.values(kubectls());
const limitMs = 90_000;

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

  it.each(commands)('$who: $text', { timeout: limitMs + 10_000 }, async ({ who, text, answer }) => {
    if (who !== 'you' && commands.find((command) => command.who === who)?.text === text) await signIn(who);
    if (text.includes('$INVITATION')) invitation = await scene.codeOfLetter();
    const until = Date.now() + limitMs;
    for (;;) {
      const { code, stdout, stderr } = await run('/bin/sh', ['-c', text], {
        env: envOf(who),
        cwd: product.configDir,
      });
      const output = `${stdout}${stderr}`;
      const fits = answer.length === 0 ? code === 0 : answer.every((line) => shows(output, line));
      if (fits) return;
      // Only reading again may need another try: calls of kubectl reach the log within a second.
      if (Date.now() > until || !/ (?:list|get) /.test(text))
        throw new Error(`${text}\nended with ${code}: ${output}`);
      await sleep(500);
    }
  });
});

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandsOf, startGuide, typeCommand, typingMs, type GuideScene } from './guide-commands.ts';
import type { Product } from './product.ts';
import { kubectls, run } from './programs.ts';

const guide = 'automation.md';
const commands = commandsOf(guide, ['you', 'pipeline']);
const [kubectlPath] = Object.values(kubectls());

/** Every command of the guide, in order, with a real kubectl; the pipeline has a token and an address, and no session. */
describe.skipIf(kubectlPath === undefined)('the guide to automation', () => {
  let product: Product;
  let scene: GuideScene;
  let token = '';

  beforeAll(async () => {
    scene = await startGuide(kubectlPath ?? '');
    ({ product } = scene);
  });
  afterAll(() => scene?.[Symbol.asyncDispose]());

  const pipelineConfig = () => join(product.configDir, 'pipeline', 'config.yaml');
  const envOf = (who: 'you' | 'pipeline'): NodeJS.ProcessEnv => ({
    ...scene.envOf(who),
    ...(who === 'pipeline' && {
      HKS_CONFIG: pipelineConfig(),
      HKS_TOKEN: token,
      HKS_SERVER: product.httpUrl,
    }),
  });

  it('holds commands of both', () => {
    expect(commands.filter(({ who }) => who === 'pipeline').length).toBeGreaterThan(5);
    expect(commands.filter(({ who }) => who === 'you').length).toBeGreaterThan(5);
  });

  it.each(commands)('$who: $text', { timeout: typingMs }, async (command) => {
    const { who, text } = command;
    // Only what follows a namespace that is still being made may need another try.
    const again = / (get|list|create deployment) /.test(text);
    const printed = await typeCommand(command, { guide, env: envOf(who), cwd: scene.bin, again });
    token = /hks_sat_\S+/.exec(printed)?.[0] ?? token;
  });

  it('left no settings with the pipeline, and the token in none of its files', async () => {
    expect(existsSync(pipelineConfig())).toBe(false);
    const { code, stdout } = await run('grep', ['-rl', token, product.configDir, product.dataDir], {
      env: product.env,
    });
    expect([code, stdout]).toEqual([1, '']);
  });
});

import { existsSync } from 'node:fs';
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandsOf, shows } from './guide-commands.ts';
import { startProduct, type Product } from './product.ts';
import { checkout, kubectls, run } from './programs.ts';

const commands = commandsOf('automation.md', ['you', 'pipeline']);
const [kubectlPath] = Object.values(kubectls());
const limitMs = 90_000;

/** Every command of the guide, in order, with a real kubectl; the pipeline has a token and an address, and no session. */
describe.skipIf(kubectlPath === undefined)('the guide to automation', () => {
  let product: Product;
  let bin: string;
  let token = '';

  beforeAll(async () => {
    product = await startProduct();
    bin = join(product.configDir, 'bin');
    await mkdir(bin);
    await symlink(kubectlPath ?? '', join(bin, 'kubectl'));
  });
  afterAll(() => product[Symbol.asyncDispose]());

  const pipelineConfig = () => join(product.configDir, 'pipeline', 'config.yaml');
  const envOf = (who: 'you' | 'pipeline'): NodeJS.ProcessEnv => ({
    ...product.env,
    PATH: `${bin}:${checkout}:${product.env['PATH']}`,
    HOME: join(product.configDir, who),
    KUBECONFIG: join(product.configDir, `${who}.kubeconfig`),
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

  it.each(commands)('$who: $text', { timeout: limitMs + 10_000 }, async ({ who, text, answer }) => {
    const until = Date.now() + limitMs;
    for (;;) {
      const { code, stdout, stderr } = await run('/bin/sh', ['-c', text], { env: envOf(who), cwd: bin });
      const output = `${stdout}${stderr}`;
      const fits = answer.length === 0 ? code === 0 : answer.every((line) => shows(output, line));
      token = /hks_sat_\S+/.exec(stdout)?.[0] ?? token;
      if (fits) return;
      // Only what follows a namespace that is still being made may need another try.
      if (Date.now() > until || !/ (get|list|create deployment) /.test(text))
        throw new Error(`${text}\nended with ${code}: ${output}`);
    }
  });

  it('left no settings with the pipeline, and the token in none of its files', async () => {
    expect(existsSync(pipelineConfig())).toBe(false);
    const { code, stdout } = await run('grep', ['-rl', token, product.configDir, product.dataDir], {
      env: product.env,
    });
    expect([code, stdout]).toEqual([1, '']);
  });
});

import { mkdirSync, readFileSync } from 'node:fs';
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startProduct, succeed, type Product } from './product.ts';
import { checkout, run } from './programs.ts';

export interface GuideCommand<Who extends string> {
  who: Who;
  text: string;
  /** Lines of the answer; `…` stands for anything. */
  answer: string[];
}

/** Types in each of their terminals, before anything else. */
const everyone = 'everyone';

/** The commands of a guide's `console` blocks, in order; each block says which of the people types. */
export function commandsOf<Who extends string>(guide: string, people: readonly Who[]): GuideCommand<Who>[] {
  return blocksOf(guide)
    .filter(({ name }) => name !== everyone)
    .flatMap(({ name, commands }) => {
      const who = people.find((one) => one === name);
      if (who === undefined) throw new Error(`${guide}: ${name} is nobody`);
      return commands.map((command) => ({ who, ...command }));
    });
}

/**
 * What everybody types in the checkout before anything else, and then a command in the folder they are in. Where programs
 * and settings are, is known from the guide alone.
 */
export function inTerminal(guide: string, text: string): string {
  const before = blocksOf(guide)
    .filter(({ name }) => name === everyone)
    .flatMap(({ commands }) => commands.map((command) => command.text));
  return ['here=$PWD', `cd '${checkout}'`, ...before, 'cd "$here"', text].join('\n');
}

function blocksOf(guide: string): { name: string; commands: { text: string; answer: string[] }[] }[] {
  const text = readFileSync(join(checkout, 'docs/guides', guide), 'utf8');
  return [...text.matchAll(/^```console (\w+)\n([\s\S]*?)^```/gm)].map(([, name = '', block = '']) => ({
    name,
    commands: block
      .split(/^\$ /m)
      .slice(1)
      .map((part) => {
        const [command = '', ...answer] = part.trimEnd().split('\n');
        return { text: command, answer };
      }),
  }));
}

const limitMs = 90_000;

/** A test's time for one command. */
export const typingMs = limitMs + 10_000;

/**
 * Types a command as it stands in the guide, and answers what it printed once that is what stands there. It is tried again
 * where `again` allows it, each half second. Throws with the last output.
 */
export async function typeCommand(
  { text, answer }: GuideCommand<string>,
  { guide, env, cwd, again }: { guide: string; env: NodeJS.ProcessEnv; cwd: string; again: boolean },
): Promise<string> {
  const until = Date.now() + limitMs;
  for (;;) {
    const { code, stdout, stderr } = await run('/bin/sh', ['-c', inTerminal(guide, text)], { env, cwd });
    const output = `${stdout}${stderr}`;
    const fits = answer.length === 0 ? code === 0 : answer.every((line) => shows(output, line));
    if (fits) return stdout;
    if (!again || Date.now() > until) throw new Error(`${text}\nended with ${code}: ${output}`);
    await sleep(500);
  }
}

/** Whether the output has what a line of the guide says. */
export function shows(output: string, line: string): boolean {
  const parts = line.split('…').map((part) =>
    part
      .trim()
      .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
      .replace(/\s+/g, '\\s+'),
  );
  return new RegExp(parts.join('[\\s\\S]*'), 'i').test(output);
}

/** The product as it starts, and the people of a guide beside it. */
export interface GuideScene extends AsyncDisposable {
  product: Product;
  /** Has their kubectl in it, and nothing else. */
  bin: string;
  /** A home for each; the kubectl is found by name, and everything else as the guide says. */
  envOf(who: string): NodeJS.ProcessEnv;
  /** The code of the newest letter, as an operator of a trial reads it. */
  codeOfLetter(): Promise<string>;
}

export async function startGuide(kubectlPath: string): Promise<GuideScene> {
  const product = await startProduct();
  const bin = join(product.configDir, 'bin');
  await mkdir(bin);
  await symlink(kubectlPath, join(bin, 'kubectl'));
  const homeOf = (who: string): string => {
    const home = join(product.configDir, who);
    mkdirSync(home, { recursive: true });
    return home;
  };
  return {
    product,
    bin,
    envOf: (who) => ({
      ...product.env,
      PATH: `${bin}:${product.env['PATH']}`,
      HOME: homeOf(who),
    }),
    async codeOfLetter() {
      const listed = succeed(await product.hks(['outbox', 'list', '-o', 'json']));
      const [newest]: { id: string }[] = JSON.parse(listed);
      const letter = succeed(await product.hks(['outbox', 'get', newest?.id ?? '', '-o', 'json']));
      return /hks_inv_[\w-]+/.exec(letter)?.[0] ?? '';
    },
    [Symbol.asyncDispose]: () => product[Symbol.asyncDispose](),
  };
}

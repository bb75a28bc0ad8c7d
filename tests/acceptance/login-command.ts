import { spawn, type ChildProcess } from 'node:child_process';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { expect } from 'vitest';
import { launcher, type Product } from './product.ts';

/** Opens a page and collects what the browser complains of: errors of scripts, blocked forms, styles and content. */
export async function openPage(
  browser: Browser,
  url: string,
  options: { javaScriptEnabled?: boolean; colorScheme?: 'dark' } = {},
): Promise<{ page: Page; complaints: string[] }> {
  const page = await (await browser.newContext(options)).newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(url);
  return { page, complaints };
}

/** Types who somebody is into the page to sign in, and sends it. */
export async function signInOn(page: Page, person: { email: string; password: string }): Promise<void> {
  await page.getByLabel('E-mail address').fill(person.email);
  await page.getByLabel('Password').fill(person.password);
  await page.getByRole('button', { name: /^Sign in/ }).click();
}

/** `hks login` while it waits. */
export interface Login {
  /** The first group of what the command says once it says it. */
  match(pattern: RegExp): Promise<string>;
  end: Promise<{ code: number | null; output: string }>;
  interrupt(): void;
  hks: Product['hks'];
  /** The file to which its "browser" writes what it was to open. */
  opened: string;
}

/** The page that `hks login` asks to be opened. */
export const signInPage = (login: Login): Promise<string> =>
  login.match(/(http:\/\/\S+\/auth\/authorize\S+)/);

/** Runs `hks login` with settings of its own and a browser that only writes down what it was asked to open. */
export async function startLogin(product: Product, name: string, args: readonly string[]): Promise<Login> {
  const opened = join(product.configDir, `${name}.opened`);
  const program = join(product.configDir, `${name}-browser.sh`);
  await writeFile(program, `#!/bin/sh\nprintf '%s\\n' "$@" > '${opened}'\n`);
  await chmod(program, 0o755);
  const env = { ...product.env, HKS_CONFIG: join(product.configDir, name, 'config.yaml'), BROWSER: program };
  const child = spawn(launcher, ['login', product.httpUrl, ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = collect(child);
  const end = new Promise<{ code: number | null; output: string }>((done) =>
    child.once('close', (code) => done({ code, output: said() })),
  );
  return {
    match: async (pattern) => {
      await expect.poll(said, { timeout: 20_000 }).toMatch(pattern);
      return pattern.exec(said())?.[1] ?? '';
    },
    end,
    interrupt: () => child.kill('SIGINT'),
    hks: (words, options) => product.hks(words, { env, ...options }),
    opened,
  };
}

function collect(child: ChildProcess): () => string {
  let output = '';
  const take = (chunk: Buffer): void => {
    output += chunk.toString();
  };
  child.stdout?.on('data', take);
  child.stderr?.on('data', take);
  return () => output;
}

import { spawn, type ChildProcess } from 'node:child_process';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { browserPath, launchBrowser } from './browser.ts';
import { launcher, startProduct, succeed, type Product } from './product.ts';

const owner = 'owner@hexabase.local';

describe.skipIf(browserPath === undefined)('signing the command line in with a real browser', () => {
  let product: Product;
  let browser: Browser;

  beforeAll(async () => {
    product = await startProduct();
    browser = await launchBrowser();
  });

  afterAll(async () => {
    await browser?.close();
    await product?.[Symbol.asyncDispose]();
  });

  it('hks login opens the browser, and is signed in when the person is', async () => {
    const login = await startLogin(product, 'loopback', []);
    const { page, complaints } = await openPage(
      browser,
      await login.match(/(http:\/\/\S+\/auth\/authorize\S+)/),
    );
    expect(new URL(page.url()).origin).toBe(product.httpUrl);
    await signIn(page, 'not the password');
    const problem = page.getByRole('alert');
    expect(await problem.innerText()).toBe('The e-mail address or the password is wrong.');
    expect(await page.getByLabel('E-mail address').inputValue()).toBe(owner);
    // The address is there already, so the cursor stands in the password.
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('password');
    await page.getByLabel('Password').fill(product.password);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Signed in' }).waitFor();
    expect(new URL(page.url()).hostname).toBe('127.0.0.1');
    expect(await login.end).toMatchObject({ code: 0, output: expect.stringContaining(`as ${owner}.`) });
    expect(succeed(await login.hks(['organization', 'list']))).toContain('My organization');
    expect(complaints.filter((complaint) => !complaint.includes('401'))).toEqual([]);
    await page.context().close();
  });

  it('hks login --device shows a code that is typed on a page, without any script and in the dark', async () => {
    const login = await startLogin(product, 'device', ['--device']);
    const code = await login.match(/^ {2}([A-Z]{4}-[A-Z]{4})$/m);
    const { page, complaints } = await openPage(
      browser,
      await login.match(/open (http:\/\/\S+\/device) and/),
      {
        javaScriptEnabled: false,
        colorScheme: 'dark',
      },
    );
    await page.getByLabel('Code').fill(code.toLowerCase());
    await page.getByRole('button', { name: 'Continue' }).click();
    expect(await page.getByText(code, { exact: true }).count()).toBe(1);
    await signIn(page, product.password);
    await page.getByRole('heading', { name: 'Signed in' }).waitFor();
    expect(await login.end).toMatchObject({ code: 0, output: expect.stringContaining(`as ${owner}.`) });
    expect(succeed(await login.hks(['organization', 'list']))).toContain('My organization');
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it('hks login says so when the sign-in is cancelled in the browser', async () => {
    const login = await startLogin(product, 'cancelled', []);
    const { page } = await openPage(browser, await login.match(/(http:\/\/\S+\/auth\/authorize\S+)/));
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('heading', { name: 'Not signed in' }).waitFor();
    expect(await login.end).toMatchObject({
      code: 1,
      output: expect.stringContaining('refused in the browser'),
    });
    await page.context().close();
  });

  it('hks login --device says so when it is refused', async () => {
    const login = await startLogin(product, 'refused', ['--device']);
    const { page } = await openPage(browser, await login.match(/or open (http:\/\/\S+)/));
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByRole('button', { name: 'Refuse' }).click();
    await page.getByRole('heading', { name: 'Refused' }).waitFor();
    expect(await login.end).toMatchObject({
      code: 1,
      output: expect.stringContaining('refused in the browser'),
    });
    await page.context().close();
  });

  it('hks login opens exactly that address with the browser that BROWSER names', async () => {
    const login = await startLogin(product, 'opened', []);
    const address = await login.match(/(http:\/\/\S+\/auth\/authorize\S+)/);
    await expect
      .poll(() => readFile(login.opened, 'utf8').catch(() => ''), { timeout: 10_000 })
      .toBe(`${address}\n`);
    login.interrupt();
    expect(await login.end).toMatchObject({ code: 130, output: expect.any(String) });
  });
});

async function signIn(page: Page, password: string): Promise<void> {
  await page.getByLabel('E-mail address').fill(owner);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: /^Sign in/ }).click();
}

/** Opens a page and collects what the browser complains of: blocked forms, styles and content. */
async function openPage(
  browser: Browser,
  url: string,
  options: { javaScriptEnabled?: boolean; colorScheme?: 'dark' } = {},
): Promise<{ page: Page; complaints: string[] }> {
  const page = await (await browser.newContext(options)).newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  await page.goto(url);
  return { page, complaints };
}

interface Login {
  /** The first group of what the command says once it says it. */
  match(pattern: RegExp): Promise<string>;
  end: Promise<{ code: number | null; output: string }>;
  interrupt(): void;
  hks: Product['hks'];
  /** The file to which its "browser" writes what it was to open. */
  opened: string;
}

/** Runs `hks login` with settings of its own and a browser that only writes down what it was asked to open. */
async function startLogin(product: Product, name: string, args: readonly string[]): Promise<Login> {
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

import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { browserPath, launchBrowser } from './browser.ts';
import { startProduct, succeed, type Product } from './product.ts';

const email = 'new.person@example.com';

describe.skipIf(browserPath === undefined)('a password by letter', () => {
  let product: Product;
  let browser: Browser;
  let page: Page;
  const complaints: string[] = [];

  beforeAll(async () => {
    product = await startProduct();
    browser = await launchBrowser();
    page = await (await browser.newContext({ javaScriptEnabled: false })).newPage();
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
  });

  afterAll(async () => {
    await browser?.close();
    await product?.[Symbol.asyncDispose]();
  });

  /** The address in the newest letter, as the operator of a trial reads it. */
  async function link(): Promise<string> {
    const listed = succeed(await product.hks(['outbox', 'list', '-o', 'json']));
    const [newest]: { id: string }[] = JSON.parse(listed);
    const letter = succeed(await product.hks(['outbox', 'get', newest?.id ?? '', '-o', 'json']));
    const { text }: { text: string } = JSON.parse(letter);
    return /(http:\S+\/auth\/finish\S+)/.exec(text)?.[1] ?? '';
  }

  async function choose(password: string): Promise<void> {
    await page.goto(await link());
    await page.getByText(`For ${email}.`).waitFor();
    await page.getByLabel('New password').fill(password);
    await page.getByRole('button', { name: 'Set the password' }).click();
  }

  async function askAt(path: string): Promise<void> {
    await page.goto(product.httpUrl + path);
    await page.getByLabel('E-mail address').fill(email);
    await page.getByRole('button', { name: 'Send the letter' }).click();
    await page.getByRole('heading', { name: 'Read your mail' }).waitFor();
  }

  const login = (password: string) =>
    product.hks(['login', product.httpUrl, '--email', email], {
      env: { ...product.env, HKS_CONFIG: join(product.configDir, 'letter', 'config.yaml') },
      input: `${password}\n`,
    });

  it('somebody new makes an account with an organization of their own', async () => {
    await askAt('/auth/sign-up');
    await choose('aaaaaaaaaaaa');
    expect(await page.getByRole('alert').innerText()).toContain('lists that attackers try first');
    await page.getByLabel('New password').fill('a sentence to remember');
    await page.getByRole('button', { name: 'Set the password' }).click();
    await page.getByRole('heading', { name: 'Done' }).waitFor();
    expect(succeed(await login('a sentence to remember'))).toContain(email);
    const env = { ...product.env, HKS_CONFIG: join(product.configDir, 'letter', 'config.yaml') };
    expect(succeed(await product.hks(['organization', 'list'], { env }))).toContain('organization');
  });

  it('a lost password is replaced, once', async () => {
    await askAt('/auth/reset');
    await choose('another sentence to know');
    await page.getByRole('heading', { name: 'Done' }).waitFor();
    succeed(await login('another sentence to know'));
    expect((await login('a sentence to remember')).code).not.toBe(0);
    await page.goto(await link());
    await page.getByText('was used already').waitFor();
    expect(complaints.filter((complaint) => !/status of 40[04]/.test(complaint))).toEqual([]);
  });
});

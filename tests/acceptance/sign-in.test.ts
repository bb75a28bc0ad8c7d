import { readFile } from 'node:fs/promises';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { browserPath, launchBrowser } from './browser.ts';
import { openPage, signInOn, signInPage, startLogin } from './login-command.ts';
import { startProduct, succeed, type Product } from './product.ts';

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
    const { page, complaints } = await openPage(browser, await signInPage(login));
    expect(new URL(page.url()).origin).toBe(product.httpUrl);
    await signInOn(page, { email: owner, password: 'not the password' });
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
    await signInOn(page, { email: owner, password: product.password });
    await page.getByRole('heading', { name: 'Signed in' }).waitFor();
    expect(await login.end).toMatchObject({ code: 0, output: expect.stringContaining(`as ${owner}.`) });
    expect(succeed(await login.hks(['organization', 'list']))).toContain('My organization');
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it('hks login says so when the sign-in is cancelled in the browser', async () => {
    const login = await startLogin(product, 'cancelled', []);
    const { page } = await openPage(browser, await signInPage(login));
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
    const address = await signInPage(login);
    await expect
      .poll(() => readFile(login.opened, 'utf8').catch(() => ''), { timeout: 10_000 })
      .toBe(`${address}\n`);
    login.interrupt();
    expect(await login.end).toMatchObject({ code: 130, output: expect.any(String) });
  });
});

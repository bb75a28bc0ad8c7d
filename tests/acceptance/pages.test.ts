import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { browserPath, launchBrowser } from './browser.ts';
import { openPage } from './login-command.ts';
import { startProduct, type Product } from './product.ts';
import { checkout } from './programs.ts';

describe.skipIf(browserPath === undefined)('the pages in a real browser', () => {
  let product: Product;
  let browser: Browser;

  beforeAll(async () => {
    product = await startProduct();
    browser = await launchBrowser();
  });

  afterAll(async () => {
    await browser.close();
    await product[Symbol.asyncDispose]();
  });

  it('the landing page says that it is ready, that workspaces are simulated, and what to type', async () => {
    const { page, complaints } = await openPage(browser, product.httpUrl);
    expect(await page.getByText('ready', { exact: true }).count()).toBe(1);
    expect(await page.getByText('simulated', { exact: false }).count()).toBeGreaterThan(0);
    expect(await page.locator('pre').innerText()).toContain('workspace create my-first-workspace');
    expect(await page.getByText(product.httpsUrl).count()).toBe(1);
    // Whoever reaches the page learns nothing of the machine.
    expect(await page.content()).not.toContain(checkout);
    expect(complaints).toEqual([]);
  });

  it('the API page is reached from it and shows an operation when asked', async () => {
    const { page, complaints } = await openPage(browser, product.httpUrl);
    await page.getByRole('link', { name: 'browse it' }).click();
    const operation = page.locator('details', { hasText: '/api/v1/workspaces/{id}/kube-token' });
    expect(await operation.evaluate((element) => element.hasAttribute('open'))).toBe(false);
    await operation.locator('summary').click();
    expect(await operation.innerText()).toContain('Mints a 15-minute OIDC token');
    expect(complaints).toEqual([]);
  });

  it('nothing on the pages comes from elsewhere or runs inline', async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    const asked: string[] = [];
    page.on('request', (request) => asked.push(new URL(request.url()).origin));
    await page.goto(`${product.httpUrl}/docs`);
    expect([...new Set(asked)]).toEqual([product.httpUrl]);
    expect(await page.locator('script').count()).toBe(0);
    await context.close();
  });

  it('the pages follow a dark colour scheme', async () => {
    const context = await browser.newContext({ colorScheme: 'dark' });
    const page = await context.newPage();
    await page.goto(product.httpUrl);
    const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const channels = background.match(/\d+/g)?.slice(0, 3).map(Number) ?? [255];
    expect(Math.max(...channels)).toBeLessThan(80);
    await context.close();
  });
});

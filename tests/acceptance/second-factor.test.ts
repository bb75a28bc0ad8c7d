import { join } from 'node:path';
import { appCode } from '@hexabase/testkit/authenticator-app.ts';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addAuthenticator, browserPath, launchBrowser } from './browser.ts';
import { openPage, signInOn, signInPage, startLogin } from './login-command.ts';
import { refused, startProduct, succeed, type Product } from './product.ts';

const owner = 'owner@hexabase.local';
const codesPage = { name: 'One more step' };

describe.skipIf(browserPath === undefined)('second factors with a real browser', () => {
  let product: Product;
  let browser: Browser;
  let secret = '';
  let recoveryCodes: string[] = [];

  beforeAll(async () => {
    product = await startProduct();
    browser = await launchBrowser();
    succeed(await login(`${product.password}\n`));
  });

  afterAll(async () => {
    await browser?.close();
    await product?.[Symbol.asyncDispose]();
  });

  const login = (input: string) => product.hks(['login', product.httpUrl, '--email', owner], { input });

  const prove = (page: Page) => signInOn(page, { email: owner, password: product.password });

  it('an authenticator app is added at the command line, and signing in with a password asks for it', async () => {
    const added = JSON.parse(succeed(await product.hks(['second-factor', 'add-totp', '-o', 'json'])));
    secret = added.secret;
    expect(added.uri).toContain(`secret=${secret}`);
    const confirm = ['second-factor', 'confirm', added.id, appCode(secret), '-o', 'json'];
    const codes: { code: string }[] = JSON.parse(succeed(await product.hks(confirm)));
    recoveryCodes = codes.map(({ code }) => code);
    expect(succeed(await product.hks(['second-factor', 'list']))).toMatch(/Authenticator app.*totp/);
    expect(refused(await login(`${product.password}\n`))).toContain('second line of standard input');
    expect(refused(await login(`${product.password}\n000000\n`))).toContain('The code is wrong');
    expect(succeed(await login(`${product.password}\n${recoveryCodes[0]}\n`))).toContain(`as ${owner}.`);
    expect(refused(await login(`${product.password}\n${recoveryCodes[0]}\n`))).toContain('The code is wrong');
  });

  it('hks login asks for it on a second page, without any script', async () => {
    const started = await startLogin(product, 'app', []);
    const address = await signInPage(started);
    const { page, complaints } = await openPage(browser, address, { javaScriptEnabled: false });
    await prove(page);
    await page.getByRole('heading', codesPage).waitFor();
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('code');
    await page.getByLabel(/^Code of your authenticator app/).fill('000000');
    await page.keyboard.press('Enter');
    expect(await page.getByRole('alert').innerText()).toContain('That did not fit');
    // Each code works once; that of the next half minute is taken for one whose clock is ahead.
    const next = appCode(secret, Date.now() + 30_000);
    await page.getByLabel(/^Code of your authenticator app/).fill(next);
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByRole('heading', { name: 'Signed in' }).waitFor();
    expect(await started.end).toMatchObject({ code: 0, output: expect.stringContaining(`as ${owner}.`) });
    expect(complaints.filter((complaint) => !complaint.includes('401'))).toEqual([]);
    await page.context().close();
  });

  it('a passkey is added on a page, and signs in from then on: hks login, and a device', async () => {
    succeed(await login(`${product.password}\n${recoveryCodes[1]}\n`));
    const add = ['second-factor', 'add-passkey', '--name', 'laptop', '-o', 'json'];
    const { url } = JSON.parse(succeed(await product.hks(add)));
    const { page, complaints } = await openPage(browser, 'about:blank');
    await addAuthenticator(page);
    await page.goto(url);
    await page.getByText(`a second factor of ${owner}, under the name “laptop”`).waitFor();
    await page.getByRole('button', { name: 'Make the passkey' }).click();
    await page.getByRole('heading', { name: 'Passkey added' }).waitFor();
    await page.goto(url);
    await page.getByText('was used already').waitFor();

    const started = await startLogin(product, 'passkey', []);
    await page.goto(await signInPage(started));
    await prove(page);
    await page.getByRole('button', { name: 'Use a passkey' }).click();
    await page.getByRole('heading', { name: 'Signed in' }).waitFor();
    expect(await started.end).toMatchObject({ code: 0, output: expect.stringContaining(`as ${owner}.`) });

    const device = await startLogin(product, 'passkey-device', ['--device']);
    await page.goto(await device.match(/or open (http:\/\/\S+)/));
    await page.getByRole('button', { name: 'Continue' }).click();
    await prove(page);
    await page.getByRole('button', { name: 'Use a passkey' }).click();
    await page.getByRole('heading', { name: 'Signed in' }).waitFor();
    expect(await device.end).toMatchObject({ code: 0, output: expect.stringContaining(`as ${owner}.`) });
    expect(succeed(await device.hks(['second-factor', 'list']))).toMatch(/laptop.*passkey/);
    expect(complaints.filter((complaint) => !complaint.includes('404'))).toEqual([]);
    await page.context().close();
  });

  it('another passkey, or a person who is not verified, signs nobody in and says so', async () => {
    const started = await startLogin(product, 'foreign', []);
    const { page } = await openPage(browser, 'about:blank');
    await addAuthenticator(page);
    await page.goto(await signInPage(started));
    await prove(page);
    await page.getByRole('button', { name: 'Use a passkey' }).click();
    await page.getByRole('alert').filter({ hasText: 'was told no' }).waitFor();
    await page.getByRole('button', { name: 'Cancel' }).click();
    expect(await started.end).toMatchObject({ code: 1 });
    await page.context().close();
  });

  it('somebody whom the organization asks is told at the command line what to do', async () => {
    succeed(await login(`${product.password}\n${recoveryCodes[2]}\n`));
    const [organization] = JSON.parse(succeed(await product.hks(['organization', 'list', '-o', 'json'])));
    const env = { ...product.env, HKS_CONFIG: join(product.configDir, 'member', 'config.yaml') };
    const member = (args: readonly string[], input?: string) =>
      product.hks(args, { env, ...(input !== undefined && { input }) });
    await makeMember(organization.slug);
    succeed(await member(['login', product.httpUrl, '--email', 'member@example.com'], 'a member of ours\n'));
    const get = ['organization', 'get', organization.slug];
    succeed(await member(get));
    succeed(await product.hks(['organization', 'second-factor', organization.slug, 'required']));
    const told = refused(await member(get));
    expect(told).toContain('asks its members for a second factor');
    expect(told).toContain('hks second-factor add-totp');
    const added = JSON.parse(succeed(await member(['second-factor', 'add-totp', '-o', 'json'])));
    succeed(await member(['second-factor', 'confirm', added.id, appCode(added.secret)]));
    succeed(await member(get));
  });

  /** By the operator's program, and as a member of the owner's organization. */
  async function makeMember(organization: string): Promise<void> {
    const { run, checkout } = await import('./programs.ts');
    const create = ['user', 'create', '--email', 'member@example.com', '--password-stdin'];
    const input = 'a member of ours\n';
    succeed(await run(join(checkout, 'hexabase-cli'), create, { env: product.env, input }));
    const add = ['member', 'add', '--organization', organization, '--role', 'viewer', 'member@example.com'];
    succeed(await product.hks(add));
  }
});

import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import Provider from 'oidc-provider';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { browserPath, launchBrowser } from './browser.ts';
import { signInPage, startLogin } from './login-command.ts';
import { startProduct, succeed, type Product } from './product.ts';
import { checkout, run } from './programs.ts';

const owner = 'owner@hexabase.local';

describe.skipIf(browserPath === undefined)('signing in through another OpenID provider', () => {
  let product: Product;
  let browser: Browser;
  let provider: { url: string; server: Server };
  /** Of whoever signs in there. */
  let groups: readonly string[] = [];

  beforeAll(async () => {
    product = await startProduct();
    browser = await launchBrowser();
    provider = await startProvider(`${product.httpUrl}/auth/idp/acme/callback`, () => groups);
  });

  afterAll(async () => {
    await browser?.close();
    provider?.server.close();
    await product?.[Symbol.asyncDispose]();
  });

  const operator = (args: readonly string[], input = '') =>
    run(join(checkout, 'hexabase-cli'), ['idp', ...args], { env: product.env, input });

  it('an operator adds a provider, whose secret is never shown again', async () => {
    const add = ['add', 'acme', '--label', 'Acme', '--issuer', provider.url, '--client-id', 'hexabase'];
    expect((await operator(add)).stderr).toContain('--secret-stdin');
    succeed(await operator([...add, '--secret-stdin'], 'secret of the client\n'));
    const listed = succeed(await operator(['list', '-o', 'json']));
    expect(JSON.parse(listed)).toMatchObject([{ name: 'acme', label: 'Acme', enabled: true }]);
    expect(listed).not.toContain('secret of the client');
  });

  it('hks login signs a newcomer in through it, with an organization of their own', async () => {
    const login = await startLogin(product, 'newcomer', []);
    const page = await (await browser.newContext()).newPage();
    await page.goto(await signInPage(login));
    await page.getByRole('link', { name: 'Continue with Acme' }).click();
    await signInAtProvider(page, 'grace@acme.example');
    expect(new URL(page.url()).origin).toBe(product.httpUrl);
    await page.getByText('You have signed in as grace@acme.example with Acme').waitFor();
    expect(await page.getByLabel('Password').count()).toBe(0);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { name: 'Signed in' }).waitFor();
    expect(await login.end).toMatchObject({
      code: 0,
      output: expect.stringContaining('as grace@acme.example.'),
    });
    expect(succeed(await login.hks(['organization', 'list']))).toContain('organization');
    await page.context().close();
  });

  it('an address that has an account is connected only after that account has signed in', async () => {
    const login = await startLogin(product, 'owner', []);
    const page = await (await browser.newContext({ javaScriptEnabled: false })).newPage();
    await page.goto(await signInPage(login));
    await page.getByRole('link', { name: 'Continue with Acme' }).click();
    await signInAtProvider(page, owner);
    await page.getByText(`There is an account for ${owner} already`).waitFor();
    await page.getByLabel('Password').fill(product.password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { name: 'Signed in' }).waitFor();
    expect(await login.end).toMatchObject({ code: 0, output: expect.stringContaining(`as ${owner}.`) });
    const again = await startLogin(product, 'owner-again', []);
    await page.goto(await signInPage(again));
    await page.getByRole('link', { name: 'Continue with Acme' }).click();
    await page.getByText(`You have signed in as ${owner} with Acme`).waitFor();
    await page.context().close();
    again.interrupt();
    await again.end;
  });

  it('its groups are followed at each sign-in, and go with it', async () => {
    const members = async (group: string) =>
      JSON.parse(succeed(await product.hks(['group', 'members', 'list', group, '-o', 'json'])));
    succeed(await product.hks(['group', 'create', 'acme-groups']));
    succeed(await product.hks(['group', 'create', 'platform-team']));
    succeed(await product.hks(['member', 'add', 'grace@acme.example', '--role', 'viewer']));
    const add = ['add', 'acme', '--label', 'Acme', '--issuer', provider.url, '--client-id', 'hexabase'];
    const binding = [
      '--groups-claim',
      'groups',
      '--groups-parent',
      'acme-groups',
      '--scopes',
      'openid email groups',
    ];
    const map = [
      '--group-map',
      'CN=platform,DC=acme=platform-team',
      '--secret-stdin',
      '--groups-organization',
    ];
    const wrong = await operator([...add, ...binding, ...map, 'nowhere'], 'secret of the client\n');
    expect([wrong.code === 0, wrong.stderr]).toEqual([
      false,
      expect.stringContaining('no organization nowhere'),
    ]);
    succeed(await operator([...add, ...binding, ...map, 'my-organization'], 'secret of the client\n'));
    for (const said of [['CN=platform,DC=acme', 'ops', 'system:masters'], ['ops']]) {
      groups = said;
      await signInAgain(product, browser, 'grace@acme.example');
      const mapped = said.length === 1 ? [] : [{ email: 'grace@acme.example', source: 'acme' }];
      expect(await members('platform-team')).toMatchObject(mapped);
      expect(await members('acme-groups')).toMatchObject([{ through: 'ops', source: 'acme' }]);
    }
    const removed = succeed(await operator(['remove', 'acme']));
    expect(removed).toContain('1 membership of a group');
    expect(await members('acme-groups')).toEqual([]);
    succeed(await operator([...add, '--secret-stdin'], 'secret of the client\n'));
  });

  it('a disabled provider takes nobody, at once', async () => {
    succeed(await operator(['disable', 'acme']));
    const answer = await fetch(
      `${product.httpUrl}/auth/idp/acme?${new URLSearchParams({ return_to: '/device?user_code=BCDF-GHJK' })}`,
      { redirect: 'manual' },
    );
    expect(answer.status).toBe(404);
  });

  it('no browser is sent to a page that is not ours', async () => {
    succeed(await operator(['enable', 'acme']));
    for (const to of [
      'https://evil.example/',
      '//evil.example',
      '/\\evil.example',
      '/docs',
      '/auth/authorize?\\x',
    ]) {
      const query = new URLSearchParams({ return_to: to });
      const answer = await fetch(`${product.httpUrl}/auth/idp/acme?${query}`, { redirect: 'manual' });
      expect([to, answer.status]).toEqual([to, 400]);
    }
  });
});

async function signInAgain(product: Product, browser: Browser, email: string): Promise<void> {
  const login = await startLogin(product, 'again', []);
  const page = await (await browser.newContext()).newPage();
  await page.goto(await signInPage(login));
  await page.getByRole('link', { name: 'Continue with Acme' }).click();
  await signInAtProvider(page, email);
  await page.getByText(`You have signed in as ${email} with Acme`).waitFor();
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Signed in' }).waitFor();
  expect(await login.end).toMatchObject({ code: 0 });
  await page.context().close();
}

async function signInAtProvider(page: Page, email: string): Promise<void> {
  await page.locator('input[name=login]').fill(email);
  await page.locator('input[name=password]').fill('anything');
  await page.locator('button[type=submit]').click();
  await page.getByRole('button', { name: 'Continue' }).click();
}

/** Whatever address is typed there is taken as verified. */
async function startProvider(
  redirectUri: string,
  groups: () => readonly string[],
): Promise<{ url: string; server: Server }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the provider has no port');
  const url = `http://127.0.0.1:${address.port}`;
  const provider = new Provider(url, {
    clients: [{ client_id: 'hexabase', client_secret: 'secret of the client', redirect_uris: [redirectUri] }],
    claims: {
      openid: ['sub'],
      email: ['email', 'email_verified'],
      profile: ['name'],
      groups: ['groups'],
    },
    pkce: { required: () => true },
    findAccount: (_context, sub) => ({
      accountId: sub,
      claims: async () => ({
        sub,
        email: sub,
        email_verified: true,
        name: sub.split('@')[0] ?? '',
        groups: groups(),
      }),
    }),
  });
  server.on('request', provider.callback());
  return { url, server };
}

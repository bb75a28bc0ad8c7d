import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { appCode } from '@hexabase/testkit/authenticator-app.ts';
import * as openid from 'openid-client';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { begin, discover } from '../attacks/relying-parties.ts';
import { addAuthenticator, browserPath, launchBrowser } from './browser.ts';
import { openPage, signInOn } from './login-command.ts';
import { faultsOf, focused } from './page-faults.ts';
import { addPerson, startProduct, succeed, type Person, type Product } from './product.ts';
import { checkout, run } from './programs.ts';

const signIn = { name: 'Sign in to Hexabase AI' };
/** As long as a name may be, and nowhere to break it. */
const longName = 'w'.repeat(63);

describe.skipIf(browserPath === undefined)('signing in at a client with a real browser', () => {
  let product: Product;
  let browser: Browser;
  let ann: Person;
  let client: { url: string; server: Server };
  let config: openid.Configuration;
  let workspace: { slug: string };
  let gateway: { url: string; certificateAuthority: string };

  beforeAll(async () => {
    [product, browser, client] = await Promise.all([startProduct(), launchBrowser(), startClient()]);
    ann = await addPerson(product, 'ann');
    workspace = JSON.parse(succeed(await ann.hks(['workspace', 'create', 'team', '-o', 'json'])));
    const kubeconfig = parse(succeed(await ann.hks(['kubeconfig', workspace.slug])));
    const authority = kubeconfig.clusters[0].cluster['certificate-authority-data'];
    gateway = { url: product.httpsUrl, certificateAuthority: Buffer.from(authority, 'base64').toString() };
    const uris = ['--redirect-uri', `${client.url}/callback`];
    const back = ['--post-logout-redirect-uri', `${client.url}/bye`];
    const added = succeed(await operator(['add', 'grafana', ...uris, ...back]));
    config = await discover({ gateway }, 'grafana', /Secret:\s+(\S+)/.exec(added)?.[1] ?? '');
    succeed(await operator(['add', longName, '--public', ...uris]));
  });

  afterAll(async () => {
    await browser?.close();
    client?.server.close();
    await product?.[Symbol.asyncDispose]();
  });

  const operator = (args: readonly string[]) =>
    run(join(checkout, 'hexabase-cli'), ['client', ...args], { env: product.env });

  const prove = (page: Page) => signInOn(page, ann);

  const start = (scope: string, from = config) => begin(from, `${client.url}/callback`, { scope });

  it('by keyboard alone: a wrong password is said, refusing says so to the client', async () => {
    const { start: address, checks } = await start('openid email');
    const { page, complaints } = await openPage(browser, address);
    await page.getByRole('heading', signIn).waitFor();
    expect(await page.getByText('to go on to grafana').count()).toBe(1);
    expect(await faultsOf(page)).toEqual([]);
    expect(await page.getByLabel('E-mail address').getAttribute('autocomplete')).toBe('username');
    expect(await page.getByLabel('Password').getAttribute('autocomplete')).toBe('current-password');
    const order = [await focused(page)];
    for (let step = 0; step < 4; step++) order.push(await press(page, 'Tab'));
    expect(order).toEqual(['E-mail address', 'Password', 'Sign in', 'Cancel', 'Lost your password?']);
    for (let step = 0; step < 4; step++) await press(page, 'Shift+Tab');

    await page.keyboard.type(ann.email);
    await press(page, 'Tab');
    await page.keyboard.type('not the password');
    await page.keyboard.press('Enter');
    const said = page.getByRole('alert');
    await said.waitFor();
    expect(await said.innerText()).toBe('The e-mail address or the password is wrong.');
    expect(new URL(page.url()).origin).toBe(product.httpUrl);
    expect(await page.title()).toBe('Problem: sign in');
    expect(await page.getByLabel('E-mail address').inputValue()).toBe(ann.email);
    expect(await page.getByLabel('Password').inputValue()).toBe('');
    expect(await page.getByLabel('Password').getAttribute('aria-invalid')).toBe('true');
    expect(await faultsOf(page)).toEqual([]);
    expect(await focused(page)).toBe('Password');
    await page.keyboard.type(ann.password);
    expect(await press(page, 'Tab')).toBe('Sign in');
    await page.keyboard.press('Space');

    await page.getByRole('heading', { name: 'Let grafana know who you are?' }).waitFor();
    // Nothing is agreed to by an Enter too many: the keyboard is at the top, where the page is read from.
    expect(await page.evaluate(() => document.activeElement?.tagName)).toBe('BODY');
    expect(await press(page, 'Tab')).toBe('Allow');
    expect(await press(page, 'Tab')).toBe('Refuse');
    await page.keyboard.press('Enter');
    await page.waitForURL(`${client.url}/**`);
    const refusal = openid.authorizationCodeGrant(config, new URL(page.url()), checks);
    await expect(refusal).rejects.toMatchObject({ error: 'access_denied' });
    expect(complaints.filter((complaint) => !complaint.includes('401'))).toEqual([]);
    await page.context().close();
  });

  it('somebody else signs in in the same browser, at a client that it was allowed for before', async () => {
    const bob = await addPerson(product, 'bob');
    const first = await start('openid email');
    const { page } = await openPage(browser, first.start);
    await prove(page);
    expect((await redeem(page, first, 'Allow')).claims()?.['email']).toBe(ann.email);
    const other = await begin(config, `${client.url}/callback`, { scope: 'openid email', prompt: 'login' });
    await page.goto(other.start);
    await signInOn(page, bob);
    expect((await redeem(page, other, 'Allow')).claims()?.['email']).toBe(bob.email);
    // And of the one before nothing is left in it.
    const silent = await begin(config, `${client.url}/callback`, { scope: 'openid email', prompt: 'none' });
    await page.goto(silent.start);
    expect((await redeem(page, silent)).claims()?.['email']).toBe(bob.email);
    await page.context().close();
  });

  it('the consent names the client, where it leads and what it is told; it is asked once in a browser, and for more', async () => {
    const first = await start('openid email');
    const { page, complaints } = await openPage(browser, first.start);
    await prove(page);
    await page.getByRole('heading', { name: 'Let grafana know who you are?' }).waitFor();
    const text = await page.getByRole('main').innerText();
    expect(text).toContain(`You are signed in as ${ann.email}.`);
    expect(text).toContain(`Afterwards you go on to ${new URL(client.url).host}.`);
    expect(await page.getByRole('listitem').allInnerTexts()).toEqual([
      'know that it is you',
      'see your e-mail address',
    ]);
    expect(await faultsOf(page)).toEqual([]);
    const told = (await redeem(page, first, 'Allow')).claims();
    expect([told?.['email'], told?.['groups']]).toEqual([ann.email, undefined]);

    const again = await start('openid email');
    await page.goto(again.start);
    expect((await redeem(page, again)).claims()?.sub).toBe(told?.sub);
    const anew = { scope: 'openid email', prompt: 'consent' };
    await page.goto((await begin(config, `${client.url}/callback`, anew)).start);
    await page.getByRole('button', { name: 'Allow' }).waitFor();

    const more = await start('openid email profile groups');
    await page.goto(more.start);
    expect(await page.getByRole('listitem').allInnerTexts()).toContain('see the groups you belong to');
    const tokens = await redeem(page, more, 'Allow');
    const groups = tokens.claims()?.['groups'];
    expect(groups).toEqual(expect.any(Array));
    expect(groups).toContain(`hexabase:user:${told?.sub}`);
    expect(groups).toContain(`ann-company/${workspace.slug}.WSAdmins`);

    const elsewhere = await openPage(browser, (await start('openid email')).start);
    await prove(elsewhere.page);
    await elsewhere.page.getByRole('button', { name: 'Allow' }).waitFor();
    await elsewhere.page.context().close();

    const logout = { post_logout_redirect_uri: `${client.url}/bye`, state: 'over' };
    const hint = { id_token_hint: tokens.id_token ?? '', ...logout };
    await page.goto(openid.buildEndSessionUrl(config, hint).href);
    await page.getByRole('heading', { name: 'Sign out of Hexabase AI?' }).waitFor();
    expect(await page.getByText('grafana asks to sign this browser out').count()).toBe(1);
    expect(await faultsOf(page)).toEqual([]);
    expect(await focused(page)).toBe('Sign out');
    await page.keyboard.press('Enter');
    await page.waitForURL(`${client.url}/bye?state=over`);
    await page.goto((await start('openid email')).start);
    await page.getByRole('heading', signIn).waitFor();
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it('signing out without a client ends on a page that says so', async () => {
    const { page, complaints } = await openPage(browser, `${product.httpUrl}/oidc/session/end`);
    // Nobody is signed in here, so nobody is asked.
    await page.getByRole('heading', { name: 'Done' }).waitFor();
    expect(await faultsOf(page)).toEqual([]);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it('a device of another program is let in by its code', async () => {
    const waiting = await openid.initiateDeviceAuthorization(config, { scope: 'openid email' });
    const { page, complaints } = await openPage(browser, waiting.verification_uri);
    expect(await faultsOf(page)).toEqual([]);
    expect(await focused(page)).toBe('Code');
    await page.keyboard.type('BBBB-BBBB');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').filter({ hasText: 'Nothing waits for that code.' }).waitFor();
    expect(await faultsOf(page)).toEqual([]);
    await page.getByLabel('Code').fill(waiting.user_code.toLowerCase());
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Let grafana sign you in?' }).waitFor();
    expect(await page.getByText(waiting.user_code, { exact: true }).count()).toBe(1);
    expect(await faultsOf(page)).toEqual([]);
    await page.getByRole('button', { name: 'Continue' }).click();
    await prove(page);
    await page.getByText('Afterwards you go on at your device.').waitFor();
    await page.getByRole('button', { name: 'Allow' }).click();
    await page.getByRole('heading', { name: 'Signed in' }).waitFor();
    expect(await faultsOf(page)).toEqual([]);
    const tokens = await openid.pollDeviceAuthorizationGrant(config, waiting);
    expect(tokens.claims()?.['email']).toBe(ann.email);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it('long names, letters, and what is over or wrong have pages that fit too', async () => {
    const long = await start('openid email', await discover({ gateway }, longName, ''));
    const { page } = await openPage(browser, long.start);
    expect(await faultsOf(page)).toEqual([]);
    await prove(page);
    await page.getByRole('button', { name: 'Allow' }).waitFor();
    expect(await faultsOf(page)).toEqual([]);
    expect((await redeem(page, long, 'Allow')).claims()?.['email']).toBe(ann.email);
    const foreign = new URL(long.start);
    foreign.searchParams.set('redirect_uri', 'https://elsewhere.example/');
    for (const [address, heading] of [
      ['/auth/reset', 'Set a new password'],
      ['/oidc/interaction/gone', 'This did not work'],
      [foreign.href, 'This did not work'],
    ] as const) {
      await page.goto(new URL(address, product.httpUrl).href);
      expect(await page.getByRole('heading').allInnerTexts()).toEqual([heading]);
      expect(await faultsOf(page)).toEqual([]);
    }
    await page.context().close();
  });

  it('whoever has a second factor is asked for it, by keyboard too', async () => {
    const added = JSON.parse(succeed(await ann.hks(['second-factor', 'add-totp', '-o', 'json'])));
    succeed(await ann.hks(['second-factor', 'confirm', added.id, appCode(added.secret)]));
    const flow = await start('openid email');
    const { page, complaints } = await openPage(browser, flow.start);
    await prove(page);
    await page.getByRole('heading', { name: 'One more step' }).waitFor();
    expect(await faultsOf(page)).toEqual([]);
    const code = page.getByLabel('Code of your authenticator app, or a recovery code');
    expect(await code.getAttribute('autocomplete')).toBe('one-time-code');
    expect(await focused(page)).toBe('Code of your authenticator app, or a recovery code');
    await page.keyboard.type('000000');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').filter({ hasText: 'That did not fit' }).waitFor();
    expect(await code.getAttribute('aria-describedby')).toBe('problem');
    expect(await faultsOf(page)).toEqual([]);
    // Each code works once; that of the next half minute is taken for one whose clock is ahead.
    await page.keyboard.type(appCode(added.secret, Date.now() + 30_000));
    await page.keyboard.press('Enter');
    const claims = (await redeem(page, flow, 'Allow')).claims();
    expect([claims?.['email'], claims?.['amr']]).toEqual([ann.email, ['mfa']]);
    expect(complaints.filter((complaint) => !complaint.includes('401'))).toEqual([]);
    await page.context().close();
  });

  it('a passkey is the second factor at a client too, and another’s is not', async () => {
    const bea = await addPerson(product, 'bea');
    const add = ['second-factor', 'add-passkey', '--name', 'laptop', '-o', 'json'];
    const { url } = JSON.parse(succeed(await bea.hks(add)));
    const flow = await start('openid email');
    const stranger = await openPage(browser, 'about:blank');
    const { page, complaints } = await openPage(browser, 'about:blank');
    for (const one of [stranger.page, page]) await addAuthenticator(one);
    await page.goto(url);
    await page.getByRole('button', { name: 'Make the passkey' }).click();
    await page.getByRole('heading', { name: 'Passkey added' }).waitFor();

    await stranger.page.goto((await start('openid email')).start);
    await signInOn(stranger.page, bea);
    await stranger.page.getByRole('button', { name: 'Use a passkey' }).click();
    await stranger.page.getByRole('alert').filter({ hasText: 'was told no' }).waitFor();
    expect(await stranger.page.getByRole('button', { name: 'Allow' }).count()).toBe(0);

    await page.goto(flow.start);
    await signInOn(page, bea);
    await page.getByRole('heading', { name: 'One more step' }).waitFor();
    expect(await faultsOf(page)).toEqual([]);
    await page.getByRole('button', { name: 'Use a passkey' }).click();
    const claims = (await redeem(page, flow, 'Allow')).claims();
    expect([claims?.['email'], claims?.['amr']]).toEqual([bea.email, ['mfa']]);
    expect(complaints).toEqual([]);
    for (const one of [stranger.page, page]) await one.context().close();
  });

  /** Waits until the browser is at the client, which redeems what it brings. */
  async function redeem(page: Page, flow: Awaited<ReturnType<typeof begin>>, button?: string) {
    if (button !== undefined) await page.getByRole('button', { name: button }).click();
    await page.waitForURL(`${client.url}/**`);
    return openid.authorizationCodeGrant(flow.config, new URL(page.url()), flow.checks);
  }
});

/** Answers what has the keyboard then. */
async function press(page: Page, key: string): Promise<string> {
  await page.keyboard.press(key);
  return focused(page);
}

/** Where browsers come back to. */
async function startClient(): Promise<{ url: string; server: Server }> {
  const server = createServer((_request, response) =>
    response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>A client</title>'),
  );
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  return { url: `http://127.0.0.1:${port}`, server };
}

import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '@hexabase/testkit/free-port.ts';
import { kubeBinaries } from '@hexabase/testkit/host-cluster.ts';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { browserPath } from '../browser.ts';
import { refused, succeed, type Person } from '../product.ts';
import { run, type Outcome } from '../programs.ts';
import { startArgoCd, type ArgoCd } from './argo-cd.ts';
import { commandsIn, guideBlocks, inPlace } from './guide-settings.ts';
import { makeDesk, type Desk } from './kubelogin.ts';
import { agree, browserOf, endBrowserSessions, startSignOn, type SignOnScene } from './scene.ts';

const section = 'Argo CD';
const binaries = kubeBinaries() ?? '';

/** What the guide says, typed: Argo CD's API server and command line as they are (`./hks test host --argocd` builds them). */
describe.skipIf(!existsSync(join(binaries, 'argocd')) || browserPath === undefined)(
  'Argo CD signs people in with the product',
  () => {
    let scene: SignOnScene;
    let argo: ArgoCd;
    let callback = '';
    const pages: Page[] = [];

    beforeAll(async () => {
      scene = await startSignOn();
      callback = `http://localhost:${await freePort()}`;
      const [settings = ''] = guideBlocks(section, 'yaml');
      const pem = scene.gateway.certificateAuthority.trim().replaceAll('\n', '\n      ');
      const here = inPlace(settings, {
        'https://hexabase.example.com': scene.product.httpsUrl,
        '(hexabase-ca.pem)': pem,
        'acme/platform': scene.group,
      });
      argo = await startArgoCd({ binaries, folder: await scene.folder('argo-cd') }, here);
      const [console = ''] = guideBlocks(section, 'console');
      const [add = ''] = commandsIn(console);
      const names = { 'https://argocd.example.com': argo.url, 'http://localhost:8085': callback };
      succeed(await scene.type(inPlace(add, names)));
    });

    afterAll(async () => {
      await argo?.[Symbol.asyncDispose]();
      await scene?.[Symbol.asyncDispose]();
    });

    /** Somebody types what the guide says, with a browser of theirs. */
    async function signIn(
      person: Person,
    ): Promise<{ desk: Desk; argocd(...args: string[]): Promise<Outcome> }> {
      const [, console = ''] = guideBlocks(section, 'console');
      const [trust = '', login = ''] = commandsIn(console);
      const folder = await scene.folder(`argo-cd-desk-${pages.length}`);
      const desk = await makeDesk(folder, { env: scene.product.env, programs: { argocd: argo.program } });
      const typed = inPlace(`${trust}\n${login}`, {
        'hexabase-ca.pem': scene.authority,
        'argocd.example.com': `${new URL(argo.url).host} --plaintext`,
      });
      const port = new URL(callback).port;
      const waiting = desk.start(`${typed} --sso-port ${port} --sso-launch-browser=false`);
      const page = await browserOf(scene);
      pages.push(page);
      await page.goto(await waiting.said(/(http:\/\/\S+\/oidc\/auth\?\S+)/));
      await agree(page, person);
      await page.getByText('Authentication successful').waitFor();
      expect(await waiting.end).toMatchObject({
        code: 0,
        output: expect.stringContaining(`'${person.email}' logged in successfully`),
      });
      const env = { ...desk.env, SSL_CERT_FILE: scene.authority };
      return { desk, argocd: (...args) => run(argo.program, args, { env }) };
    }

    it('its command line, by code with PKCE; a group of ours is an administrator there', async () => {
      const { argocd } = await signIn(scene.ann);
      const info = JSON.parse(succeed(await argocd('account', 'get-user-info', '-o', 'json')));
      expect(info).toMatchObject({ loggedIn: true, iss: scene.issuer });
      expect(info.groups).toContain(scene.group);
      succeed(await argocd('proj', 'create', 'shop'));
      expect(succeed(await argocd('proj', 'list', '-o', 'name'))).toContain('shop');
    });

    it('who is in no group that it knows is signed in and may nothing', async () => {
      const { argocd } = await signIn(scene.bob);
      const info = JSON.parse(succeed(await argocd('account', 'get-user-info', '-o', 'json')));
      expect([info.loggedIn, info.groups.includes(scene.group)]).toEqual([true, false]);
      expect(refused(await argocd('proj', 'create', 'theirs'))).toContain('PermissionDenied');
    });

    it('its pages, without signing in anew in a browser that is signed in here', async () => {
      const [page] = pages;
      await page?.goto(
        `${argo.url}/auth/login?return_url=${encodeURIComponent(`${argo.url}/api/v1/session/userinfo`)}`,
      );
      // With http addresses of this machine only, it counts as a program of this machine, and those are asked for each time.
      await page?.getByRole('button', { name: 'Allow' }).click();
      await page?.waitForURL(`${argo.url}/**`);
      const info = JSON.parse((await page?.locator('body').innerText()) ?? '');
      expect(info).toMatchObject({ loggedIn: true, iss: scene.issuer });
      expect(info.groups).toContain(scene.group);
    });

    it('signing out there signs out here, and its pages ask anew', async () => {
      const [page] = pages;
      await page?.goto(`${argo.url}/auth/logout`);
      await page?.getByText('argocd asks to sign this browser out').waitFor();
      await page?.getByRole('button', { name: 'Sign out' }).click();
      await page?.waitForURL(`${argo.url}/**`);
      await page?.goto(`${argo.url}/auth/login`);
      await page?.getByRole('heading', { name: 'Sign in to Hexabase AI' }).waitFor();
    });

    it('its command line renews what it holds, and no more once the session was ended', async () => {
      const { desk, argocd } = await signIn(scene.ann);
      await forgetToken(desk);
      expect(succeed(await argocd('proj', 'list', '-o', 'name'))).toContain('default');
      await endBrowserSessions(scene.ann);
      await forgetToken(desk);
      expect(refused(await argocd('proj', 'list', '-o', 'name'))).not.toContain('default');
    });
  },
);

/** Puts a token that has run out in place of the one that the command line holds: it reads no more of it than that. */
async function forgetToken(desk: Desk): Promise<void> {
  const file = join(desk.env['HOME'] ?? '', '.config/argocd/config');
  const config = parse(await readFile(file, 'utf8'));
  const encoded = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');
  const ranOut = `${encoded({ alg: 'RS256', typ: 'JWT' })}.${encoded({ exp: 1 })}.c2lnbmVk`;
  for (const user of config.users) user['auth-token'] = ranOut;
  await writeFile(file, stringify(config), { mode: 0o600 });
}

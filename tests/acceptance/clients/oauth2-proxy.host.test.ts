import { createServer, type Server } from 'node:http';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '@hexabase/testkit/free-port.ts';
import { start, until, type Running } from '@hexabase/testkit/running-program.ts';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { browserPath } from '../browser.ts';
import { succeed } from '../product.ts';
import { run } from '../programs.ts';
import { builtClient } from './built-client.ts';
import { commandsIn, guideBlocks, inPlace } from './guide-settings.ts';
import { agree, browserOf, endBrowserSessions, startSignOn, type SignOnScene } from './scene.ts';

const section = 'oauth2-proxy';
const program = builtClient('oauth2-proxy', 'HKS_TEST_OAUTH2_PROXY');
const refreshSeconds = 2;

/** What the guide says, typed, with the real oauth2-proxy (`./hks test host --argocd` builds it, or `HKS_TEST_OAUTH2_PROXY` names one). */
describe.skipIf(program === '' || browserPath === undefined)(
  'oauth2-proxy lets in whom the product names',
  () => {
    let scene: SignOnScene;
    let proxy: Running;
    let behind: Server;
    let tool = '';
    let page: Page;

    beforeAll(async () => {
      scene = await startSignOn();
      behind = createServer((request, response) => {
        const { 'x-forwarded-email': email, 'x-forwarded-groups': groups } = request.headers;
        response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' });
        response.end(JSON.stringify({ email, groups }));
      });
      await new Promise<void>((done) => behind.listen(0, '127.0.0.1', done));
      const address = behind.address();
      const port = await freePort();
      tool = `http://localhost:${port}`;
      const [console = ''] = guideBlocks(section, 'console');
      const [add = ''] = commandsIn(console);
      const added = succeed(await scene.type(inPlace(add, { 'https://tool.example.com': tool })));
      const [settings = ''] = guideBlocks(section, 'toml');
      const file = join(await scene.folder('oauth2-proxy'), 'settings.toml');
      const here = inPlace(settings, {
        'https://hexabase.example.com': scene.product.httpsUrl,
        '"hexabase.example.com"': `"${new URL(scene.product.httpUrl).host}"`,
        'https://tool.example.com': tool,
        '/etc/oauth2-proxy/hexabase-ca.pem': scene.authority,
        hkso_secret: /Secret:\s+(\S+)/.exec(added)?.[1] ?? '',
        'acme/platform': scene.group,
        '"10m"': `"${refreshSeconds}s"`,
        '127.0.0.1:4180': `127.0.0.1:${port}`,
        '127.0.0.1:8080': `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`,
      });
      // Without TLS on this machine a browser keeps no cookie that asks for it.
      await writeFile(file, `${here}cookie_secure = false\nskip_provider_button = true\n`);
      proxy = start(program, [`--config=${file}`]);
      await until([proxy], async () => (await fetch(`${tool}/ping`)).ok || null);
      page = await browserOf(scene);
    });

    afterAll(async () => {
      await proxy?.stop();
      behind?.close();
      await scene?.[Symbol.asyncDispose]();
    });

    const enter = async (): Promise<void> => {
      await page.goto(tool);
      await agree(page, scene.ann);
      await page.waitForURL(`${tool}/**`);
    };
    const shown = async (): Promise<{ email: string; groups: string }> =>
      JSON.parse(await page.locator('body').innerText());

    it('members of the group, and nobody else; what lies behind is told who it is, renewed tokens included', async () => {
      await enter();
      const { email, groups } = await shown();
      expect([email, groups.split(',')]).toEqual([scene.ann.email, expect.arrayContaining([scene.group])]);
      await sleep((refreshSeconds + 1) * 1_000);
      await page.goto(`${tool}/later`);
      expect(await shown()).toEqual({ email, groups });
      const bobs = await browserOf(scene);
      await bobs.goto(tool);
      await agree(bobs, scene.bob);
      await bobs.waitForURL(`${tool}/**`);
      expect(await bobs.locator('body').innerText()).toContain('Forbidden');
      await bobs.context().close();
    });

    it('signing out of both', async () => {
      const end = new URL('/oidc/session/end', scene.product.httpUrl);
      end.searchParams.set('client_id', 'oauth2-proxy');
      end.searchParams.set('post_logout_redirect_uri', `${tool}/`);
      await page.goto(`${tool}/oauth2/sign_out?rd=${encodeURIComponent(end.href)}`);
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.getByRole('heading', { name: 'Sign in to Hexabase AI' }).waitFor();
    });

    it('a session that is ended here is over there at the next refresh', async ({ skip }) => {
      const { stdout } = await run(program, ['--version'], { env: process.env });
      const minor = Number(/ v7\.(\d+)\./.exec(stdout)?.[1] ?? Infinity);
      skip(
        minor < 15,
        'before 7.15 it goes on with a session whose refresh was refused until its token expires',
      );
      await enter();
      await endBrowserSessions(scene.ann);
      const isOut = async (): Promise<boolean> => {
        await page.goto(tool);
        return page.url().startsWith(scene.product.httpUrl);
      };
      await expect.poll(isOut, { timeout: 20_000, interval: 1_000 }).toBe(true);
    });
  },
);

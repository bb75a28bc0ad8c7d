import { freePort } from '@hexabase/testkit/free-port.ts';
import type { Running } from '@hexabase/testkit/running-program.ts';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { browserPath } from '../browser.ts';
import { succeed } from '../product.ts';
import { hasApache, startApache } from './apache.ts';
import { commandsIn, guideBlocks, inPlace } from './guide-settings.ts';
import { agree, browserOf, endBrowserSessions, startSignOn, type SignOnScene } from './scene.ts';

const section = 'Apache httpd';

/** What the guide says, typed: Debian's Apache httpd as it is. Skipped where it is not installed. */
describe.skipIf(!hasApache || browserPath === undefined)(
  'Apache httpd lets in whom the product names',
  () => {
    let scene: SignOnScene;
    let apache: Running;
    let tool = '';
    let page: Page;

    beforeAll(async () => {
      scene = await startSignOn();
      const port = await freePort();
      tool = `http://localhost:${port}`;
      const [console = ''] = guideBlocks(section, 'console');
      const [add = ''] = commandsIn(console);
      const added = succeed(await scene.type(inPlace(add, { 'https://tool.example.com': tool })));
      const [settings = ''] = guideBlocks(section, 'apache');
      const here = inPlace(settings, {
        'https://hexabase.example.com': scene.product.httpsUrl,
        'https://tool.example.com': tool,
        '/etc/apache2/hexabase-ca.pem': scene.authority,
        hkso_secret: /Secret:\s+(\S+)/.exec(added)?.[1] ?? '',
        'acme/platform': scene.group,
      });
      apache = await startApache(await scene.folder('apache'), port, here);
      page = await browserOf(scene);
    });

    afterAll(async () => {
      await apache?.stop();
      await scene?.[Symbol.asyncDispose]();
    });

    const enter = async (): Promise<void> => {
      await page.goto(tool);
      await agree(page, scene.ann);
      await page.getByRole('heading', { name: 'Inside' }).waitFor();
    };

    it('members of the group, and nobody else', async () => {
      await enter();
      const bobs = await browserOf(scene);
      await bobs.goto(tool);
      await agree(bobs, scene.bob);
      await bobs.waitForURL(`${tool}/**`);
      expect(await bobs.locator('h1').innerText()).toBe('Unauthorized');
      await bobs.context().close();
    });

    it('signing out there signs out here', async () => {
      await page.goto(`${tool}/signed-in?logout=${encodeURIComponent(`${tool}/bye.html`)}`);
      await page.getByText('apache asks to sign this browser out').waitFor();
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.getByRole('heading', { name: 'Bye' }).waitFor();
      await page.goto(tool);
      await page.getByRole('heading', { name: 'Sign in to Hexabase AI' }).waitFor();
    });

    it('a session that is ended here is over there', async () => {
      await enter();
      await endBrowserSessions(scene.ann);
      const isOut = async (): Promise<boolean> => {
        await page.goto(tool);
        return page.url().startsWith(scene.product.httpUrl);
      };
      await expect.poll(isOut, { timeout: 20_000, interval: 500 }).toBe(true);
    });
  },
);

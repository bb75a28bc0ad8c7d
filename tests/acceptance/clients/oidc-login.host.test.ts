import { join } from 'node:path';
import { freePort } from '@hexabase/testkit/free-port.ts';
import { kubeBinaries } from '@hexabase/testkit/host-cluster.ts';
import { startKubeApiServer, type TestKubeApiServer } from '@hexabase/testkit/kube-api-server.ts';
import * as openid from 'openid-client';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { discover } from '../../attacks/relying-parties.ts';
import { browserPath } from '../browser.ts';
import { refused, succeed, type Person } from '../product.ts';
import { run } from '../programs.ts';
import { commandsIn, guideBlocks, inPlace } from './guide-settings.ts';
import { kubeloginPath, makeDesk, type Desk } from './kubelogin.ts';
import { agree, browserOf, endBrowserSessions, startSignOn, type SignOnScene } from './scene.ts';

const section = 'kubectl oidc-login';
const binaries = kubeBinaries();
const admin = { token: 'admin', name: 'admin', groups: ['system:masters'] };

/** What the guide says, typed: kube-apiserver, kubectl and kubelogin as they are, against the product as it starts. */
describe.skipIf(binaries === null || browserPath === undefined)('a cluster that is not ours', () => {
  const kubectl = join(binaries ?? '', 'kubectl');
  let scene: SignOnScene;
  let api: TestKubeApiServer;
  let here: Readonly<Record<string, string>>;
  let callback = '';
  let annsPage: Page;
  const desks: Record<string, Desk> = {};

  beforeAll(async () => {
    scene = await startSignOn();
    callback = `http://localhost:${await freePort()}`;
    here = { 'https://hexabase.example.com': scene.product.httpsUrl };
    const [first = ''] = guideBlocks(section, 'console');
    const [add = ''] = commandsIn(first);
    succeed(await scene.type(inPlace(add, { 'http://localhost:8000': callback })));
    const [flags = ''] = guideBlocks(section, 'text');
    const more = inPlace(flags, { ...here, '/etc/kubernetes/hexabase-ca.pem': scene.authority });
    // The controllers put the rights of `view` together.
    const flagList = more.trim().split('\n');
    api = await startKubeApiServer(binaries ?? '', [admin], { controllers: true, more: flagList });
  });

  afterAll(async () => {
    await api?.[Symbol.asyncDispose]();
    await scene?.[Symbol.asyncDispose]();
  });

  const bind = () => {
    const [, second = ''] = guideBlocks(section, 'console');
    const [command = ''] = commandsIn(second);
    return inPlace(command, { 'acme/platform': scene.group });
  };

  /** A machine with the user of the guide in its kubeconfig, and more arguments of the plugin. */
  async function deskOf(name: string, more: readonly string[] = []): Promise<Desk> {
    const folder = await scene.folder(name);
    const programs = { kubectl, ...(kubeloginPath !== '' && { 'kubectl-oidc_login': kubeloginPath }) };
    const desk = await makeDesk(folder, { env: scene.product.env, programs });
    const [, , third = ''] = guideBlocks(section, 'console');
    const [setCredentials = ''] = commandsIn(third);
    const listen = `--listen-address=127.0.0.1:${new URL(callback).port}`;
    const added = [`--browser-command=${desk.browserCommand}`, listen, ...more];
    const typed = inPlace(setCredentials, { ...here, 'hexabase-ca.pem': scene.authority });
    const authority = `--certificate-authority=${join(folder, 'cluster.pem')}`;
    for (const command of [
      `printf %s '${api.certificateAuthority}' > cluster.pem`,
      `kubectl config set-cluster other --server=${api.url} ${authority}`,
      'kubectl config set-credentials admin --token=admin',
      'kubectl config set-context other --cluster=other --user=admin',
      'kubectl config use-context other',
      `${typed} ${added.map((one) => `--exec-arg=${one}`).join(' ')}`,
    ]) {
      succeed(await run('/bin/sh', ['-c', command], { env: desk.env, cwd: folder }));
    }
    desks[name] = desk;
    return desk;
  }

  describe('kubectl oidc-login', () => {
    beforeEach(({ skip }) =>
      skip(kubeloginPath === '', '`--argocd` was not asked for, and HKS_TEST_KUBELOGIN names no kubelogin'),
    );

    it('by code with PKCE in a browser, once; its groups are what the administrator gave rights to', async () => {
      const desk = await deskOf('ann-desk');
      succeed(await run('/bin/sh', ['-c', bind()], { env: desk.env }));
      const first = desk.start('kubectl --user=oidc get namespaces');
      const address = new URL(await first.opened());
      const page = await browserOf(scene);
      await page.goto(address.href);
      await page.waitForURL(`${scene.product.httpUrl}/**`);
      await agree(page, scene.ann);
      await page.waitForURL(`${callback}/**`);
      expect(await first.end).toMatchObject({ code: 0, output: expect.stringContaining('kube-system') });
      annsPage = page;

      const quietly = desk.start('kubectl --user=oidc auth whoami -o json');
      const { output } = await quietly.end;
      const { username, groups } = JSON.parse(output).status.userInfo;
      expect(username).toBe(scene.ann.email);
      expect(groups).toEqual(expect.arrayContaining([`sso:${scene.group}`, 'system:authenticated']));
      const shown = await run('/bin/sh', ['-c', 'kubectl --user=oidc create namespace mine'], {
        env: desk.env,
      });
      expect(refused(shown)).toContain('forbidden');
    });

    it('what it keeps is renewed without a browser, and no more once the session was ended', async () => {
      const login = await pluginCommand('ann-desk');
      const kept = await tokenOf(login);
      let renewed = kept;
      const renew = async (): Promise<string> => (renewed = await tokenOf(`${login} --force-refresh`));
      // Those of one second are the same.
      await expect.poll(renew, { timeout: 20_000, interval: 500 }).not.toBe(kept);
      expect(await tokenOf(login)).toBe(renewed);
      await endBrowserSessions(scene.ann);
      const again = desks['ann-desk']?.start(`${login} --force-refresh`);
      await annsPage.goto((await again?.opened()) ?? '');
      await agree(annsPage, scene.ann);
      expect(await again?.end).toMatchObject({ code: 0 });
    });

    it('by a code on a machine without a browser; who is in no group that has rights is refused by name', async () => {
      const desk = await deskOf('bob-desk', ['--grant-type=device-code', '--skip-open-browser']);
      const waiting = desk.start('kubectl --user=oidc get namespaces');
      const page = await browserOf(scene);
      await page.goto(await waiting.said(/(http\S+user_code=\S+)/));
      await letIn(page, scene.bob);
      const { code, output } = await waiting.end;
      expect([code, output]).toEqual([1, expect.stringContaining(`User "${scene.bob.email}" cannot list`)]);
      await page.context().close();
    });

    it('a token for one client is refused by every other door: another audience there, and the gateway of a workspace', async () => {
      const desk = desks['ann-desk'];
      const login = await pluginCommand('ann-desk');
      succeed(await scene.type(`hexabase-cli client add other --public --redirect-uri ${callback}`));
      const waiting = desk?.start(login.replace('--oidc-client-id=kubectl', '--oidc-client-id=other'));
      await annsPage.goto((await waiting?.opened()) ?? '');
      await annsPage.getByRole('button', { name: 'Allow' }).click();
      const foreign = JSON.parse((await waiting?.end)?.output ?? '').status.token;
      const asked = { env: desk?.env ?? {} };
      const there = await run(kubectl, [`--token=${foreign}`, 'get', 'namespaces'], asked);
      expect(refused(there)).toContain('You must be logged in to the server');

      succeed(await scene.ann.hks(['workspace', 'create', 'team']));
      const config = parse(succeed(await scene.ann.hks(['kubeconfig', 'team'])));
      const { server } = config.clusters[0].cluster;
      const door = [
        '--kubeconfig=/dev/null',
        `--server=${server}`,
        `--certificate-authority=${scene.authority}`,
      ];
      const token = await tokenOf(login);
      const ours = await run(kubectl, [...door, `--token=${token}`, 'get', 'namespaces'], asked);
      expect(refused(ours)).toContain('You must be logged in to the server');
    });
  });

  it('kubectl alone, given a refresh token, renews its ID token and keeps the next refresh token', async () => {
    const client = await discover({ gateway: scene.gateway }, 'kubectl', '');
    const waiting = await openid.initiateDeviceAuthorization(client, { scope: 'openid email groups' });
    const page = await browserOf(scene);
    await page.goto(waiting.verification_uri_complete ?? '');
    await letIn(page, scene.ann);
    const { refresh_token: given = '' } = await openid.pollDeviceAuthorizationGrant(client, waiting);
    await page.context().close();
    const desk = await deskOf('plain-desk');
    const provider = {
      'idp-issuer-url': scene.issuer,
      'client-id': 'kubectl',
      'idp-certificate-authority': scene.authority,
      'refresh-token': given,
    };
    const settings = Object.entries(provider).map(([key, value]) => `--auth-provider-arg=${key}=${value}`);
    const set = ['config', 'set-credentials', 'plain', '--auth-provider=oidc', ...settings];
    succeed(await run(kubectl, set, { env: desk.env }));
    const whoami = ['--user=plain', 'auth', 'whoami', '-o', 'json'];
    const { status } = JSON.parse(succeed(await run(kubectl, whoami, { env: desk.env })));
    expect(status.userInfo).toMatchObject({
      username: scene.ann.email,
      groups: expect.arrayContaining([`sso:${scene.group}`]),
    });
    const { config } = (await userOf(desk, 'plain'))['auth-provider'];
    expect(config['id-token']).toMatch(/^eyJ/);
    expect(config['refresh-token']).not.toBe(given);
  });

  /** The plugin as the kubeconfig of that desk calls it. */
  async function pluginCommand(name: string): Promise<string> {
    const { exec } = await userOf(desks[name], 'oidc');
    return [exec.command, ...exec.args].join(' ');
  }

  async function userOf(desk: Desk | undefined, name: string) {
    const view = ['config', 'view', '--raw', '-o', 'json'];
    const { users } = JSON.parse(succeed(await run(kubectl, view, { env: desk?.env ?? {} })));
    return users.find((one: { name: string }) => one.name === name).user;
  }

  async function tokenOf(command: string): Promise<string> {
    const env = desks['ann-desk']?.env ?? {};
    return JSON.parse(succeed(await run('/bin/sh', ['-c', command], { env }))).status.token;
  }
});

/** Lets the device in whose code the address carries. */
async function letIn(page: Page, person: Person): Promise<void> {
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('heading', { name: 'Let kubectl sign you in?' }).waitFor();
  await page.getByRole('button', { name: 'Continue' }).click();
  await agree(page, person);
  await page.getByRole('heading', { name: 'Signed in' }).waitFor();
}

import { hash, randomBytes } from 'node:crypto';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { browserPath } from '../browser.ts';
import { succeed, type Person } from '../product.ts';
import { fetchTrusting } from '../relying-party.ts';
import { commandsIn, guideBlocks, inPlace } from './guide-settings.ts';
import { agree, browserOf, startSignOn, type SignOnScene } from './scene.ts';

const section = 'Grafana';

/**
 * Not Grafana, which cannot be had here, but the requests that its generic OAuth connector makes with the guide's settings:
 * no discovery and no nonce, a verifier of 128 characters, the secret in a header, claims from the ID token before those of
 * userinfo, and the ID token as a hint at the end.
 */
describe.skipIf(browserPath === undefined)("Grafana's requests, with the settings of the guide", () => {
  let scene: SignOnScene;
  let settings: ReadonlyMap<string, string>;
  let call: ReturnType<typeof fetchTrusting>;
  const grafana = 'https://grafana.example.com';
  const callback = `${grafana}/login/generic_oauth`;
  const setting = (name: string): string => settings.get(name) ?? '';

  beforeAll(async () => {
    scene = await startSignOn();
    call = fetchTrusting(scene.gateway.certificateAuthority);
    const [console = ''] = guideBlocks(section, 'console');
    const [add = ''] = commandsIn(console);
    const added = succeed(await scene.type(add));
    expect(added).toContain(`Issuer:    ${scene.issuer}`);
    const [ini = ''] = guideBlocks(section, 'ini');
    const here = inPlace(ini, {
      'https://hexabase.example.com': scene.product.httpsUrl,
      'hkso_…': /Secret:\s+(\S+)/.exec(added)?.[1] ?? '',
      'acme/platform': scene.group,
    });
    settings = new Map(
      [...here.matchAll(/^(\w+) = (.*)$/gm)].map(([, name = '', value = '']) => [name, value]),
    );
  });

  afterAll(() => scene?.[Symbol.asyncDispose]());

  interface Tokens {
    access_token: string;
    id_token: string;
    refresh_token: string;
  }

  async function redeem(more: Record<string, string>): Promise<{ status: number; tokens: Tokens }> {
    const pair = [setting('client_id'), setting('client_secret')].map(encodeURIComponent).join(':');
    const response = await call(setting('token_url'), {
      method: 'POST',
      headers: {
        authorization: `Basic ${Buffer.from(pair).toString('base64')}`,
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: new URLSearchParams(more),
    });
    return { status: response.status, tokens: JSON.parse(await response.text()) };
  }

  async function signIn(person: Person): Promise<{ page: Page; tokens: Tokens }> {
    const verifier = randomBytes(96).toString('base64url');
    const state = `${randomBytes(32).toString('base64url')}=`;
    const asked = new URL(setting('auth_url'));
    asked.search = `${new URLSearchParams({
      client_id: setting('client_id'),
      code_challenge: hash('sha256', verifier, 'base64url'),
      code_challenge_method: 'S256',
      redirect_uri: callback,
      response_type: 'code',
      scope: setting('scopes'),
      state,
    })}`;
    const page = await browserOf(scene);
    // Nothing answers there; what it is asked is what counts.
    await page.route(`${grafana}/**`, (route) =>
      route.fulfill({ contentType: 'text/html', body: 'Grafana' }),
    );
    await page.goto(asked.href);
    await agree(page, person);
    await page.waitForURL(`${grafana}/**`);
    const back = new URL(page.url()).searchParams;
    expect(back.get('state')).toBe(state);
    const code = back.get('code') ?? '';
    const exchange = {
      grant_type: 'authorization_code',
      code,
      redirect_uri: callback,
      code_verifier: verifier,
    };
    const { status, tokens } = await redeem(exchange);
    expect(status).toBe(200);
    return { page, tokens };
  }

  /** What `contains(groups[*], 'X') && 'A' || 'B'` says (JMESPath); throws for another path. */
  function roleOf(claims: { groups: string[] }): string {
    const path = /^contains\(groups\[\*\], '(.+)'\) && '(\w+)' \|\| '(\w+)'$/.exec(
      setting('role_attribute_path'),
    );
    const [, group = '', then = '', otherwise = ''] = path ?? [];
    if (path === null) throw new Error('the guide has another role_attribute_path');
    return claims.groups.includes(group) ? then : otherwise;
  }

  it('the ID token and userinfo both say who it is, and which role the path makes of the groups', async () => {
    for (const [person, role] of [
      [scene.ann, 'Admin'],
      [scene.bob, 'Viewer'],
    ] as const) {
      const { page, tokens } = await signIn(person);
      const claims = JSON.parse(Buffer.from(tokens.id_token.split('.')[1] ?? '', 'base64url').toString());
      const headers = { authorization: `Bearer ${tokens.access_token}` };
      const userinfo = JSON.parse(await (await call(setting('api_url'), { headers })).text());
      for (const said of [claims, userinfo]) {
        expect([said.email, roleOf(said)]).toEqual([person.email, role]);
        expect([typeof said.sub, typeof said.name]).toEqual(['string', 'string']);
        expect(said[setting('login_attribute_path')]).toBe(person.email);
        expect(said[setting('groups_attribute_path')]).toEqual(expect.any(Array));
      }
      await page.context().close();
    }
  });

  it('what it holds is renewed; signing out there signs out here, and renews no more', async () => {
    const { page, tokens } = await signIn(scene.ann);
    const refreshing = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token };
    const { status, tokens: next } = await redeem(refreshing);
    expect([status, next.refresh_token === tokens.refresh_token]).toEqual([200, false]);
    const end = new URL(setting('signout_redirect_url'));
    end.searchParams.set('id_token_hint', next.id_token);
    await page.goto(end.href);
    await page.getByText('grafana asks to sign this browser out').waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.waitForURL(`${grafana}/login`);
    const after = await redeem({ ...refreshing, refresh_token: next.refresh_token });
    expect(after).toMatchObject({ status: 400, tokens: { error: 'invalid_grant' } });
  });
});

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exchange } from './exchange.ts';
import { startProduct, type Attacked } from './start-product.ts';

let product: Attacked;
beforeAll(async () => {
  product = await startProduct();
});
afterAll(() => product[Symbol.asyncDispose]());

const callback = encodeURIComponent('http://127.0.0.1:9/callback');
const challenge = 'A'.repeat(43);
const authorize = `/auth/authorize?client_id=hks&redirect_uri=${callback}&response_type=code&code_challenge=${challenge}&code_challenge_method=S256`;

/** Every kind of answer: pages, documents, refusals, redirects, and those that the OpenID provider gives itself. */
const addresses = [
  '/',
  '/docs',
  '/openapi.json',
  '/health',
  '/nothing/here',
  '/api/v1/organizations',
  authorize,
  '/auth/authorize?client_id=other',
  '/device',
  '/auth/reset',
  '/auth/sign-up',
  '/auth/finish?code=none',
  '/auth/idp/none?return_to=%2Fdevice',
  '/oidc/.well-known/openid-configuration',
  '/oidc/jwks',
  '/oidc/auth?client_id=none',
  '/oidc/device',
  '/oidc/session/end',
  '/oidc/interaction/none',
  '/oidc/nothing',
];

describe.each(['api', 'gateway'] as const)('at the %s’s address', (where) => {
  test.each(addresses)('C09 %s is sent with headers that close it', async (path) => {
    const { headers, text } = await exchange(product[where], { path });
    const policy = String(headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|\*/);
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY' });
    expect(headers['referrer-policy']).toMatch(/^(no-referrer|same-origin)$/);
    expect(headers['strict-transport-security'], 'this machine serves http too').toBeUndefined();
    expect(text).not.toMatch(/<[^>]+ (on\w+|style)=/);
    for (const cookie of headers['set-cookie'] ?? []) {
      expect(cookie).toMatch(/httponly/i);
      expect(cookie).toMatch(/samesite=(strict|lax)/i);
      if (where === 'gateway') expect(cookie).toMatch(/secure/i);
      else expect(cookie).not.toMatch(/secure/i);
    }
  });

  test('B12 no address lets pages of others read what it answers', async () => {
    for (const path of addresses.filter((one) => !/well-known|jwks/.test(one))) {
      const { headers } = await exchange(product[where], {
        path,
        headers: ['Origin', 'https://evil.example'],
      });
      expect([path, headers['access-control-allow-origin']]).toEqual([path, undefined]);
    }
  });

  test('B12 pages of others change nothing, with whatever they send', async () => {
    for (const path of ['/auth/login', '/auth/token', '/auth/refresh', '/api/v1/organizations'])
      for (const from of ['https://evil.example', 'null']) {
        const sent = { method: 'POST', path, body: {}, headers: ['Origin', from] };
        expect([path, (await exchange(product[where], sent)).status]).toEqual([path, 403]);
      }
  });
});

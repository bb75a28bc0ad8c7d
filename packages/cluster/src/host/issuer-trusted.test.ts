import { once } from 'node:events';
import { createServer } from 'node:https';
import { makeAuthority, signServer } from '@hexabase/kernel/certificates/sign-certificates.ts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { checkIssuerTrusted } from './issuer-trusted.ts';

const authority = makeAuthority([], Date.now());
const { certPem, keyPem } = signServer(authority, ['127.0.0.1'], Date.now());
const server = createServer({ cert: certPem, key: keyPem }, (_request, response) => response.end('{}'));
let issuer = '';

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  issuer = `https://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}/oidc`;
});
afterAll(() => void server.close());

const check = (given: string | null, at = issuer) =>
  checkIssuerTrusted(at, { authority: given, signal: AbortSignal.timeout(10_000) });

it('is trusted with the authority that signed it, and with no other, nor with those of the system', async () => {
  expect(await check(authority.certPem)).toMatchObject({ status: 'True', reason: 'Trusted' });
  for (const wrong of [makeAuthority([], Date.now()).certPem, null]) {
    const found = await check(wrong);
    expect(found).toMatchObject({ status: 'False', reason: 'AnotherAuthority', required: true });
    expect(found.todo).toContain('HKS_PUBLIC_CA');
  }
});

it('is not trusted under a name that its certificate does not bear', async () => {
  const elsewhere = issuer.replace('127.0.0.1', 'localhost');
  expect(await check(authority.certPem, elsewhere)).toMatchObject({ status: 'False' });
});

it('is asked for at the discovery address alone where there is one', async () => {
  const elsewhere = { discoveryUrl: `${issuer}/.well-known/openid-configuration` };
  const signal = AbortSignal.timeout(10_000);
  const [nobodys, own] = ['https://127.0.0.1:1/oidc', { authority: authority.certPem, signal }];
  expect(await checkIssuerTrusted(nobodys, { ...own, ...elsewhere })).toMatchObject({ status: 'True' });
  const wrong = { ...own, ...elsewhere, authority: makeAuthority([], Date.now()).certPem };
  expect((await checkIssuerTrusted(nobodys, wrong)).todo).toContain('HKS_DISCOVERY_CA');
});

it('is unknown, and no fault of the certificate, when nobody answers here', async () => {
  expect(await check(authority.certPem, 'https://127.0.0.1:1/oidc')).toMatchObject({ status: 'Unknown' });
});

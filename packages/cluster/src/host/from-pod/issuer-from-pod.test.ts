import { expect, it } from 'vitest';
import { saidInPod } from './issuer-from-pod.ts';

const issuer = 'https://hexabase.example/oidc';
const inside = 'https://inside.example:8443';
const discoveryUrl = `${inside}/oidc/.well-known/openid-configuration`;
const document = (values: Record<string, string>) => JSON.stringify({ issuer, ...values }, null, 2);

it('what a pod reads is good when it is of this issuer', () => {
  const jwks_uri = `${issuer}/jwks`;
  expect(saidInPod(document({ jwks_uri }), { issuer })).toMatchObject({ status: 'True', reason: 'Reached' });
  const other = document({ jwks_uri, issuer: 'https://other.example' });
  expect(saidInPod(other, { issuer })).toMatchObject({ status: 'False', reason: 'AnotherIssuer' });
  const found = saidInPod('wget: bad address', { issuer });
  expect(found).toMatchObject({ status: 'False', reason: 'NotReached', required: true });
  expect([found.message, found.todo].join()).toMatch(/bad address.*public address/);
});

it('a document at the discovery address names keys there, or API servers do not find them', () => {
  const there = document({ jwks_uri: `${inside}/oidc/jwks` });
  expect(saidInPod(there, { issuer, discoveryUrl })).toMatchObject({ status: 'True', reason: 'Reached' });
  for (const jwks_uri of [`${issuer}/jwks`, `${inside}.evil.example/oidc/jwks`]) {
    const found = saidInPod(document({ jwks_uri }), { issuer, discoveryUrl });
    expect(found).toMatchObject({ status: 'False', reason: 'KeysElsewhere', required: true });
    expect(found.message).toContain(jwks_uri);
  }
  expect(saidInPod('no route to host', { issuer, discoveryUrl }).todo).toContain('discovery address');
});

import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { testIssuer, type TestIssuer } from '@hexabase/testkit/test-issuer.ts';
import fc from 'fast-check';
import { decodeProtectedHeader } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unmetCondition } from './conditions.ts';
import { openIssuerKeys, type IssuerKeys } from './issuer-keys.ts';
import { fetchJson, isPublicAddress } from './safe-fetch.ts';

let issuer: TestIssuer;
let keys: IssuerKeys;
let nowMs = 1_000_000;

beforeAll(async () => {
  issuer = await testIssuer();
  setDefaultCACertificates([...getCACertificates('default'), issuer.certificateAuthority]);
  const { host, port } = new URL(issuer.issuer);
  keys = openIssuerKeys({ clock: { now: () => nowMs }, privateHosts: [host, `localhost:${port}`] });
});
afterAll(() => issuer[Symbol.asyncDispose]());

const kid = () => String(decodeProtectedHeader(issuer.sign({})).kid);

describe('the keys of an issuer', () => {
  it('are asked for once, however many tokens come at once', async () => {
    const found = await Promise.all(Array.from({ length: 50 }, () => keys.find(issuer.issuer, kid())));
    expect(found.every((one) => one !== null)).toBe(true);
    expect(issuer.asked()).toBe(1);
  });

  it('are asked for again for an unknown key, at most once in ten seconds', async () => {
    const before = issuer.asked();
    for (let index = 0; index < 20; index += 1)
      expect(await keys.find(issuer.issuer, `k${index}`)).toBeNull();
    expect(issuer.asked() - before).toBe(0);
    nowMs += 10_000;
    for (let index = 0; index < 20; index += 1)
      expect(await keys.find(issuer.issuer, `k${index}`)).toBeNull();
    expect(issuer.asked() - before).toBe(1);
  });

  it('follow a rotation, and forget the old key with it', async () => {
    const old = kid();
    issuer.rotate();
    nowMs += 10_000;
    expect(await keys.find(issuer.issuer, kid())).not.toBeNull();
    expect(await keys.find(issuer.issuer, old)).toBeNull();
  });

  it('are none when the issuer names itself otherwise', async () => {
    expect(await keys.find(issuer.issuer.replace('127.0.0.1', 'localhost'), kid())).toBeNull();
  });
});

describe('what is fetched', () => {
  it('is https only, and nothing inside', async () => {
    for (const url of ['http://example.com', 'file:///etc/passwd', 'https://u:p@example.com'])
      await expect(fetchJson(url, [])).rejects.toThrow('plain https');
    for (const url of [
      'https://10.0.0.1',
      'https://[::ffff:127.0.0.1]',
      'https://0x7f.1',
      issuer.issuer,
      'https://localhost',
    ])
      await expect(fetchJson(url, [])).rejects.toThrow('not public');
  });

  it.each([
    '0.0.0.0 10.1.2.3 100.64.0.1 127.0.0.1 169.254.169.254 172.16.0.1 172.31.255.255 192.168.0.1 198.18.0.1 224.0.0.1 255.255.255.255',
    ':: ::1 ::ffff:10.0.0.1 ::ffff:a9fe:a9fe 64:ff9b::a00:1 fc00::1 fd12::1 fe80::1 ff02::1 2001::1 2001:db8::1 2002:a00:1::',
  ])('%s are inside', (addresses) => {
    expect(addresses.split(' ').filter(isPublicAddress)).toEqual([]);
  });

  it.each(['140.82.112.3', '172.32.0.1', '8.8.8.8', '2606:50c0:8000::153', '2a01:4f8::1'])(
    '%s is public',
    (address) => expect(isPublicAddress(address)).toBe(true),
  );
});

describe('conditions', () => {
  const claims = {
    repository: 'acme/shop',
    ref: 'refs/heads/main',
    run: 7,
    protected: true,
    list: ['acme/shop'],
  };
  it.each([
    [['repository=acme/shop']],
    [['repository=acme/*', 'ref=refs/**']],
    [['ref=refs/*/main', 'run=7', 'protected=true']],
    [['ref=refs/heads/ma*n']],
  ])('%j hold', (conditions) => expect(unmetCondition(claims, conditions)).toBeNull());

  it.each([
    'repository=acme/shop2',
    'repository=acme',
    'repository=acm*',
    'ref=refs/*',
    'list=acme/shop',
    'toString=x',
    'absent=**',
    'repository=acme.shop',
  ])('%s does not', (condition) => expect(unmetCondition(claims, ['run=7', condition])).toBe(condition));

  it('hold where a regular expression of the same meaning matches, and nowhere else', () => {
    const text = fc
      .array(fc.constantFrom('a', 'b', '/', ':'), { maxLength: 9 })
      .map((characters) => characters.join(''));
    const pattern = fc
      .array(fc.constantFrom('a', 'b', 'aa', 'ab', '/', ':', '*', '**'), { maxLength: 7 })
      .map((parts) => parts.join('').replaceAll(/\*{3,}/g, '**'));
    fc.assert(
      fc.property(text, pattern, (value, parts) => {
        const meaning = parts.replaceAll(/\*+/g, (stars) => (stars === '*' ? '[^/:]*' : '.*'));
        const isMet = unmetCondition({ claim: value }, [`claim=${parts}`]) === null;
        expect(isMet).toBe(new RegExp(`^${meaning}$`).test(value));
      }),
      { numRuns: 3_000 },
    );
  });

  it(
    'of a hundred rules that almost hold are judged while somebody waits for it',
    { timeout: 10_000 },
    () => {
      const almost = `claim=a*${'a'.repeat(190)}**${'a'.repeat(190)}**b`;
      const conditions = Array.from({ length: 2_000 }, () => `claim=${'a'.repeat(390)}**`);
      expect(unmetCondition({ claim: 'a'.repeat(1_000) }, [...conditions, almost])).toBe(almost);
    },
  );

  it('are met by no claim of more than a thousand characters', () => {
    expect(unmetCondition({ claim: 'a'.repeat(1_000) }, ['claim=a**'])).toBeNull();
    expect(unmetCondition({ claim: 'a'.repeat(1_001) }, ['claim=a**'])).toBe('claim=a**');
  });
});

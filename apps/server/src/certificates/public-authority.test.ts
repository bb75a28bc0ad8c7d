import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeAuthority } from '@hexabase/kernel/certificates/sign-certificates.ts';
import { afterAll, expect, it } from 'vitest';
import { issuerAuthority, publicAuthority } from './public-authority.ts';

const folder = mkdtempSync(join(tmpdir(), 'hks-public-ca-'));
const nowMs = Date.now();
const dayMs = 86_400_000;
const own = { caPem: makeAuthority([], nowMs).certPem, nowMs };
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

it('is ours, nobody’s in particular, or the one that an operator names', () => {
  expect(publicAuthority({}, own)).toBe(own.caPem);
  expect(publicAuthority({ publicCa: 'system' }, own)).toBeNull();
  const [first, second] = [makeAuthority([], nowMs), makeAuthority([], nowMs)];
  const both = file('both.pem', `# of the load balancer\n${first.certPem}${second.certPem}`);
  expect(publicAuthority({ publicCa: both }, own)).toBe(
    `${first.certPem.trim()}\n${second.certPem.trim()}\n`,
  );
});

it('never passes on a private key that lies beside it', () => {
  const { certPem, keyPem } = makeAuthority([], nowMs);
  const given = publicAuthority({ publicCa: file('pair.pem', keyPem + certPem) }, own);
  expect(given).toBe(`${certPem.trim()}\n`);
});

it('is refused in words when it cannot be one', () => {
  const refused = (publicCa: string) => () => publicAuthority({ publicCa }, own);
  expect(refused(join(folder, 'none.pem'))).toThrow('ENOENT');
  expect(refused(file('text.pem', 'hello'))).toThrow('there is no PEM certificate in it');
  const garbage = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----';
  expect(refused(file('garbage.pem', garbage))).toThrow('cannot be read');
  const old = makeAuthority([], nowMs - 20_000 * dayMs);
  expect(refused(file('old.pem', old.certPem))).toThrow('ended at');
});

it('of tenants on host clusters is that of the address at which they look, and ours where nothing is said of it', () => {
  const there = makeAuthority([], nowMs).certPem;
  const discoveryUrl = 'https://inside.example';
  const given = (hosts: Parameters<typeof issuerAuthority>[0]['hosts']) =>
    issuerAuthority({ publicCa: 'system', hosts }, own);
  expect(given({})).toBeNull();
  expect(given({ discoveryUrl })).toBe(own.caPem);
  expect(given({ discoveryUrl, discoveryCa: 'system' })).toBeNull();
  expect(given({ discoveryUrl, discoveryCa: file('inside.pem', there) })).toBe(`${there.trim()}\n`);
  expect(() => given({ discoveryUrl, discoveryCa: join(folder, 'none.pem') })).toThrow('HKS_DISCOVERY_CA');
});

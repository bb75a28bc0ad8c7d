import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { credentialCache, type CredentialCache, type Holder } from './credential-cache.ts';

const workspaceId = '01a2016a-1d1b-74a7-9172-949418ba4f3c';
let dir: string;
let cache: CredentialCache;
/** Whoever is signed in now. */
let signedIn: string;
let minted: number;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'credentials-'));
  signedIn = 'monday';
  cache = cacheOf('monday');
  minted = 0;
});

function cacheOf(signIn: string, context = 'local', id = workspaceId): CredentialCache {
  const whileSignedIn: Holder['whileSignedIn'] = (write) => {
    if (signIn === signedIn) write();
    return Promise.resolve(signIn === signedIn);
  };
  return credentialCache({ dir, context, signIn, whileSignedIn }, id);
}
afterEach(() => rmSync(dir, { recursive: true }));

async function mint(lifetimeMs = 900_000): Promise<{ token: string; expiresAt: string }> {
  minted += 1;
  const token = `token-${minted}`;
  await delay(5);
  return { token, expiresAt: new Date(Date.now() + lifetimeMs).toISOString() };
}

const crowd = (pids: readonly number[]): Promise<string[]> =>
  Promise.all(pids.map((pid) => cache.fresh(pid, mint)));
const pids = (count: number, from = 1): number[] => Array.from({ length: count }, (_, index) => index + from);

it('answers an ExecCredential of the version that kubectl wants', async () => {
  expect(JSON.parse(await cache.fresh(1, mint))).toEqual({
    apiVersion: 'client.authentication.k8s.io/v1',
    kind: 'ExecCredential',
    status: { token: 'token-1', expirationTimestamp: expect.any(String) as string },
  });
});

it('of many callers at once one mints, and all get the same', async () => {
  expect(new Set(await crowd(pids(200))).size).toBe(1);
  expect(minted).toBe(1);
});

it('a caller that asks again had it refused and gets another; everybody else gets that one too', async () => {
  const first = await cache.fresh(1, mint);
  const second = await cache.fresh(1, mint);
  expect(second).not.toBe(first);
  expect(await cache.fresh(2, mint)).toBe(second);
  expect(minted).toBe(2);
});

it('many callers that were refused at once share one new credential', async () => {
  await crowd(pids(50));
  expect(new Set(await crowd(pids(50))).size).toBe(1);
  expect(minted).toBe(2);
});

it('a credential in its last minute is not handed out', async () => {
  await cache.fresh(1, () => mint(59_000));
  expect(await cache.fresh(2, mint)).toContain('token-2');
});

it('lies in files that only their owner can read, and leaves no others', async () => {
  await crowd(pids(5));
  const files = readdirSync(dir, { recursive: true, encoding: 'utf8' }).toSorted();
  expect(files.filter((name) => !name.includes('.served'))).toEqual([`${workspaceId}.json`]);
  for (const name of files) expect([name, statSync(join(dir, name)).mode & 0o077]).toEqual([name, 0]);
});

it('a minter that was killed stops nobody, and its half-written token is removed', async () => {
  writeFileSync(join(dir, `${workspaceId}.lock`), '4194999');
  const scratch = join(dir, `${workspaceId}.half.tmp`);
  writeFileSync(scratch, 'token');
  utimesSync(scratch, 0, 0);
  await cache.fresh(1, mint);
  expect(readdirSync(dir)).not.toContain(`${workspaceId}.half.tmp`);
});

it('a damaged file counts as none', async () => {
  writeFileSync(join(dir, `${workspaceId}.json`), '99999999999\n');
  expect(await cache.fresh(1, mint)).toContain('token-1');
  expect(readFileSync(join(dir, `${workspaceId}.json`), 'utf8')).toMatch(/^\d+ \S+ local monday\n\{.*\}\n$/);
});

it('is of one sign-in in one context, also where two of them have one folder', async () => {
  const mine = await cache.fresh(1, mint);
  signedIn = 'tuesday';
  expect(await cacheOf('tuesday').fresh(2, mint)).not.toBe(mine);
  expect(await cacheOf('tuesday', 'LOCAL').fresh(3, mint)).not.toBe(mine);
  expect(minted).toBe(3);
});

it('is not kept, nor given, when somebody else signed in while it was minted', async () => {
  const slow = cache.fresh(1, async () => {
    signedIn = 'tuesday';
    return mint();
  });
  await expect(slow).rejects.toThrow('signed in or out here at this moment');
  expect(readdirSync(dir).filter((name) => !name.endsWith('.served'))).toEqual([]);
});

it('a failure to mint is the caller’s, and the next one tries again', async () => {
  await expect(cache.fresh(1, () => Promise.reject(new Error('gone')))).rejects.toThrow('gone');
  expect(await cache.fresh(1, mint)).toContain('token-1');
});

it.each(['', '../../etc/passwd', 'demo', 'a'.repeat(65)])('%j is no id of a workspace', (id) => {
  expect(() => cacheOf('monday', 'local', id)).toThrow('takes the id');
});

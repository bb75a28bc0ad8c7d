import { existsSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { acquireFileLock } from './file-lock.ts';

let dir: string;
let path: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'file-lock-'));
  path = join(dir, 'thing.lock');
});
afterEach(() => rmSync(dir, { recursive: true }));

/** No process has it: the largest pid of Linux is below. */
const deadPid = 4_194_999;

/** Many take the lock at once; answers how many held it at the same time at most. */
async function crowd(size: number): Promise<number> {
  let inside = 0;
  let most = 0;
  await Promise.all(
    Array.from({ length: size }, async () => {
      using _lock = await acquireFileLock(path);
      most = Math.max(most, (inside += 1));
      await delay(1);
      inside -= 1;
    }),
  );
  return most;
}

it('one holds it at a time, and it is gone afterwards', async () => {
  expect(await crowd(30)).toBe(1);
  expect(existsSync(path)).toBe(false);
});

it('a dead holder’s lock is taken over, by one of those who wait for it', async () => {
  writeFileSync(path, String(deadPid));
  expect(await crowd(30)).toBe(1);
});

it('one that never got its pid written is taken over once it is old', async () => {
  writeFileSync(path, '');
  const longAgo = Date.now() / 1000 - 120;
  utimesSync(path, longAgo, longAgo);
  using lock = await acquireFileLock(path);
  expect(lock).not.toBeNull();
  expect(readFileSync(path, 'utf8')).toBe(String(process.pid));
});

it('a guard that a killed process left does not stop the next one for good', async () => {
  writeFileSync(path, String(deadPid));
  const guard = `${path}.takeover`;
  writeFileSync(guard, '');
  const longAgo = Date.now() / 1000 - 60;
  utimesSync(guard, longAgo, longAgo);
  using lock = await acquireFileLock(path);
  expect(lock).not.toBeNull();
});

it('waiting ends without the lock when it is not needed any more', async () => {
  writeFileSync(path, String(process.ppid));
  let asked = 0;
  expect(await acquireFileLock(path, () => (asked += 1) > 2)).toBeNull();
  expect(readFileSync(path, 'utf8')).toBe(String(process.ppid));
});

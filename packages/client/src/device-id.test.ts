import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { deviceIdFor } from './device-id.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'device-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const idOf = (server: string, file = 'config.yaml') => deviceIdFor(join(dir, file), server);

it('is one of a machine and a server, made once however many ask, in a file of its owner', async () => {
  const ids = await Promise.all(Array.from({ length: 30 }, () => idOf('http://a')));
  expect(new Set([...ids, await idOf('http://a', 'other.yaml')]).size).toBe(1);
  expect(ids[0]).toMatch(/^[\w-]{43}$/);
  expect(await idOf('http://b')).not.toBe(ids[0]);
  expect(readdirSync(dir)).toEqual(['device-id']);
  expect(statSync(join(dir, 'device-id')).mode & 0o077).toBe(0);
});

it('is not what lies in the file, and is another where the file is', async () => {
  const id = await idOf('http://a');
  expect(readFileSync(join(dir, 'device-id'), 'utf8')).not.toContain(id);
  writeFileSync(join(dir, 'device-id'), 'half');
  const again = await idOf('http://a');
  expect(again).not.toBe(id);
  expect(await idOf('http://a')).toBe(again);
});

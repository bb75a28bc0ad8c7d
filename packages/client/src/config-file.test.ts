import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ConfigFileError, readCliConfig, updateCliConfig } from './config-file.ts';

let dir: string;
let path: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'config-file-'));
  path = join(dir, 'deep', 'config.yaml');
});
afterEach(() => rmSync(dir, { recursive: true }));

it('an absent file is empty settings', () => {
  expect(readCliConfig(path)).toEqual({ currentContext: 'local', contexts: {} });
});

it('many changes at once lose none, and leave one file that only its owner can read', async () => {
  const names = Array.from({ length: 20 }, (_, index) => `context-${index}`);
  await Promise.all(
    names.map((name) =>
      updateCliConfig(path, (config) => void (config.contexts[name] = { server: 'http://localhost' })),
    ),
  );
  expect(Object.keys(readCliConfig(path).contexts).toSorted()).toEqual(names.toSorted());
  expect(readdirSync(join(dir, 'deep'))).toEqual(['config.yaml']);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

it('a change that fails changes nothing and gives the lock back', async () => {
  await updateCliConfig(path, (config) => void (config.currentContext = 'kept'));
  await expect(
    updateCliConfig(path, (config) => {
      config.currentContext = 'lost';
      throw new Error('no');
    }),
  ).rejects.toThrow('no');
  expect((await updateCliConfig(path, () => undefined)).currentContext).toBe('kept');
});

it.each([': : :\n- ][', 'contexts: 5\n'])('a damaged file (%j) is named, never overwritten', async (text) => {
  const damaged = join(dir, 'damaged.yaml');
  writeFileSync(damaged, text);
  expect(() => readCliConfig(damaged)).toThrow(ConfigFileError);
  await expect(updateCliConfig(damaged, () => undefined)).rejects.toThrow(damaged);
});

it.each(['[hksr_secret', '*hksr_secret', '"\\qhksr_secret"', 'x: hksr_secret'])(
  'a file with tokens that is no YAML is refused without them: %s',
  async (text) => {
    await updateCliConfig(path, () => undefined);
    writeFileSync(path, `contexts:\n  local:\n    refreshToken: ${text}\n`);
    const refused = (): unknown => readCliConfig(path);
    expect(refused).toThrow(ConfigFileError);
    expect(refused).toThrow(/cannot be used: it is not valid YAML( at line \d+, column \d+)?\./);
    expect(refused).not.toThrow('hksr_secret');
  },
);

import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { credentialFolder, credentialFolderOfToken, forgetCredentials } from './credential-folder.ts';

it('each context of each settings file and each token has its own', () => {
  const folders = [
    credentialFolder('/c/config.yaml', 'boss'),
    credentialFolder('/c/config.yaml', 'bob'),
    credentialFolder('/c/bob.yaml', 'boss'),
    credentialFolder('/d/config.yaml', 'boss'),
    credentialFolderOfToken('/c/config.yaml', 'hks_pat_a'),
    credentialFolderOfToken('/c/config.yaml', 'hks_pat_b'),
  ];
  expect(new Set(folders).size).toBe(folders.length);
  expect(folders[0]).toBe('/c/credentials/of-sessions/config.yaml/boss');
  expect(folders[4]).not.toContain('hks_pat');
});

it.each([
  '..',
  '.',
  '',
  'a/../../b',
  '/etc',
  '../bob',
  'a b',
  'a\nb',
  'jörg',
  '-rf',
  '~',
  'x'.repeat(65),
  'a\0',
])('a context called %j leaves no folder and shares none', (name) => {
  const folder = credentialFolder('/c/config.yaml', name);
  expect(folder).toMatch(/^\/c\/credentials\/of-sessions\/config\.yaml\/~[0-9a-f]{32}$/);
  expect(folder).not.toBe(credentialFolder('/c/config.yaml', `${name}x`));
});

it('forgetting takes what is of one context, and leaves the locks of who asks at this moment', () => {
  const dir = mkdtempSync(join(tmpdir(), 'credentials-'));
  try {
    const config = join(dir, 'config.yaml');
    const files = ['boss', 'bob'].flatMap((context) => {
      const folder = credentialFolder(config, context);
      mkdirSync(folder, { recursive: true });
      return ['w.json', 'w.x.tmp', 'w.lock'].map((name) => join(folder, name));
    });
    for (const file of files) writeFileSync(file, 'x');
    forgetCredentials(config, 'boss');
    forgetCredentials(config, 'nobody');
    expect(files.map((file) => existsSync(file))).toEqual([false, false, true, true, true, true]);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

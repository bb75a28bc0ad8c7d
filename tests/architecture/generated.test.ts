import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { root } from './source-files.ts';

it('what lies in docs/generated is what the code gives now', { timeout: 120_000 }, async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['tools/gen.ts', '--check'], {
    cwd: root,
  }).catch((error: { stdout?: string }) => ({ stdout: error.stdout ?? String(error) }));
  expect(stdout).toMatch(/^[1-9]\d* generated files are fresh\.$/m);
});

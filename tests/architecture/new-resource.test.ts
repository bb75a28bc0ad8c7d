import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from './source-files.ts';

const execute = promisify(execFile);
let copy: string;

beforeAll(async () => {
  copy = await mkdtemp(join(tmpdir(), 'hks-scaffold-'));
  for (const name of [
    'apps',
    'packages',
    'tests',
    'tools',
    'package.json',
    'tsconfig.json',
    'tsconfig.base.json',
    'vitest.config.ts',
  ]) {
    await cp(join(root, name), join(copy, name), {
      recursive: true,
      filter: (path) => !path.endsWith('node_modules'),
    });
  }
  await linkModules();
});

afterAll(async () => {
  await rm(copy, { recursive: true, force: true });
});

/** The installed packages of this checkout, but our own rooms from the copy. */
async function linkModules(): Promise<void> {
  const [from, to] = [join(root, 'node_modules'), join(copy, 'node_modules')];
  await mkdir(join(to, '@hexabase'), { recursive: true });
  for (const name of await readdir(from)) {
    if (name !== '@hexabase' && name !== '.vite') await symlink(join(from, name), join(to, name));
  }
  for (const [folder, rooms] of [
    ['packages', await readdir(join(copy, 'packages'))],
    ['apps', await readdir(join(copy, 'apps'))],
  ] as const) {
    for (const room of rooms) await symlink(join(copy, folder, room), join(to, '@hexabase', room));
  }
}

/** Without what tells a vitest that it runs inside another. */
const env = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => !/^(VITEST|VITE_|TEST$|NODE_ENV|DEV$|PROD$|MODE$)/.test(name),
  ),
);

async function inCopy(...args: string[]): Promise<string> {
  const { stdout } = await execute(process.execPath, args, {
    cwd: copy,
    env,
    maxBuffer: 16 * 1024 * 1024,
  }).catch((error: { stdout?: string }) => {
    throw new Error(`${args.join(' ')} failed:\n${error.stdout ?? String(error)}`);
  });
  return stdout;
}

async function editedLines(path: string): Promise<number> {
  const before = new Set((await readFile(join(root, path), 'utf8')).split('\n'));
  return (await readFile(join(copy, path), 'utf8'))
    .split('\n')
    .filter((line) => !before.has(line) && !line.startsWith('import')).length;
}

describe('npm run new-resource', () => {
  it(
    'makes a resource that fits the types and passes its own test, with two edited lines',
    { timeout: 180_000 },
    async () => {
      const said = await inCopy('tools/new-resource.ts', 'backup-policy');
      expect(said).toContain('packages/features/src/backup-policies/create.ts');
      expect(await editedLines('packages/contract/src/index.ts')).toBe(1);
      expect(await editedLines('packages/features/src/index.ts')).toBe(1);
      await inCopy('node_modules/typescript/bin/tsc', '-p', '.');
      const report = join(copy, 'report.json');
      await inCopy(
        'node_modules/vitest/vitest.mjs',
        'run',
        'tests/api/backup-policies.test.ts',
        '--reporter=json',
        `--outputFile=${report}`,
      );
      expect(JSON.parse(await readFile(report, 'utf8'))).toMatchObject({
        numPassedTests: 2,
        numFailedTests: 0,
      });
    },
  );

  it('refuses to write over a resource', async () => {
    await expect(inCopy('tools/new-resource.ts', 'workspace')).rejects.toThrow();
  });
});

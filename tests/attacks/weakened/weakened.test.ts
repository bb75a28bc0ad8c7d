import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { namedTests } from '../catalogue/named-tests.ts';
import { allWeakenings } from './all-weakenings.ts';
import { patternOf } from './bite.ts';
import { withoutWeakening } from './without-weakening.ts';

const root = resolve(import.meta.dirname, '../../..');
const titles = [...new Set(namedTests().map(({ title }) => title))];

describe('the product without a check', () => {
  test('is made by changes that fit the sources as they are now', () => {
    const lost = allWeakenings.flatMap(({ attack, changes }) =>
      changes
        .filter(({ file, find }) => readFileSync(join(root, file), 'utf8').split(find).length !== 2)
        .map(({ file, find }) => `${attack}: not exactly once in ${file}: ${find}`),
    );
    expect(lost).toEqual([]);
    expect(
      allWeakenings.flatMap(({ changes }) => changes).filter(({ find, replace }) => find === replace),
    ).toEqual([]);
  });

  test('is there for every attack, or it is said why it cannot be', () => {
    const weakened = allWeakenings.map(({ attack }) => attack);
    expect(weakened.filter((title) => !titles.includes(title))).toEqual([]);
    expect(Object.keys(withoutWeakening).filter((title) => !titles.includes(title))).toEqual([]);
    expect(titles.filter((title) => !weakened.includes(title) && !(title in withoutWeakening))).toEqual([]);
    expect(Object.keys(withoutWeakening).filter((title) => weakened.includes(title))).toEqual([]);
  });

  test('is told apart by name from others, also where a name has places for values', () => {
    expect(
      patternOf('A16 the method %s does nothing').test('other spellings > A16 the method TRACE does nothing'),
    ).toBe(true);
    expect(
      patternOf('A16 the method %s does nothing').test('x > A16 the method TRACE does nothing else'),
    ).toBe(false);
  });

  const hour = 3_600_000;
  test('lets a sample of the attacks through: another one every day', { timeout: hour }, async () => {
    const args = [
      '--disable-warning=ExperimentalWarning',
      join(import.meta.dirname, 'main.ts'),
      '--sample',
      '4',
    ];
    const { VITEST: _inside, VITEST_POOL_ID: _pool, VITEST_WORKER_ID: _worker, ...env } = process.env;
    const outcome = promisify(execFile)(process.execPath, args, { cwd: root, env });
    const { stdout } = await outcome.catch((error: { stdout?: string; stderr?: string }) => ({
      stdout: `${error.stdout ?? ''}${error.stderr ?? ''}`,
    }));
    const [, bit, of] = /^(\d+) of (\d+) attacks bite\.$/m.exec(stdout) ?? [];
    expect(bit, stdout).toBe(of);
    expect(Number(of)).toBeGreaterThanOrEqual(3);
  });
});

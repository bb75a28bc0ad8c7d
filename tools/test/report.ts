import { existsSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import * as z from 'zod';
import { root } from '../run.ts';

/** How a run of suites ended. */
export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** A test that failed, or a file that did not come as far as its tests. */
export interface Failure {
  file: string;
  /** Null where the file itself failed. */
  test: string | null;
  reason: string;
}

export interface Report {
  counts: Counts;
  failures: readonly Failure[];
}

/** What is read of vitest's JSON report, which has the shape of Jest's. */
const written = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numPendingTests: z.number(),
  numTodoTests: z.number(),
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      message: z.string(),
      assertionResults: z.array(
        z.object({
          fullName: z.string(),
          status: z.string(),
          failureMessages: z.array(z.string()).nullish(),
        }),
      ),
    }),
  ),
});

/** Of a run that died before it wrote its report: nothing. */
export function readReport(path: string): Report {
  if (!existsSync(path)) return { counts: { passed: 0, failed: 0, skipped: 0 }, failures: [] };
  const report = written.parse(JSON.parse(readFileSync(path, 'utf8')));
  return {
    counts: {
      passed: report.numPassedTests,
      failed: report.numFailedTests,
      skipped: report.numPendingTests + report.numTodoTests,
    },
    failures: report.testResults.flatMap(({ name, status, message, assertionResults }): Failure[] => {
      const file = relative(root, name);
      const failed = assertionResults.filter((test) => test.status === 'failed');
      if (failed.length === 0) return status === 'failed' ? [{ file, test: null, reason: message }] : [];
      return failed.map((test) => ({
        file,
        test: test.fullName,
        reason: (test.failureMessages ?? []).join('\n'),
      }));
    }),
  };
}

const reasonLinesMax = 12;

/**
 * What failed, with the begin of its reason: of a long run only the end is looked at, and is sometimes all that is kept.
 * Every first line begins with `Failed: `, all others are indented.
 */
export function tellFailures(failures: readonly Failure[]): string {
  return failures
    .map(({ file, test, reason }) => {
      const lines = stripVTControlCharacters(reason).trim().split('\n').slice(0, reasonLinesMax);
      return [
        `Failed: ${[file, test].filter(Boolean).join(' > ')}`,
        ...lines.map((line) => `    ${line}`),
      ].join('\n');
    })
    .join('\n');
}

/** What every run of tests ends with. */
export function closingLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

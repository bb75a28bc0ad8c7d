import { runHostSuites } from './test/host.ts';
import { closingLine, tellFailures, type Report } from './test/report.ts';
import { runVitest } from './test/vitest.ts';

/**
 * `./hks test [FILTER…]`: every test that needs nothing but this checkout, or those whose path holds a filter.
 * `./hks test host [--level kwok|node|tenant] [--keep] [FILTER…]`: the suites that need a real host cluster
 * (tests/hostcluster). Ends with what failed and one line `N passed, N failed, N skipped`.
 */
const [first, ...rest] = process.argv.slice(2);
const { counts, failures } =
  first === 'host' ? await runHostSuites(rest) : await runPlain(process.argv.slice(2));
if (failures.length > 0) process.stdout.write(`\n${tellFailures(failures)}\n`);
process.stdout.write(`\n${closingLine(counts)}\n`);
// Where nothing can run, everything is skipped; a plain run that finds no test has been asked for the wrong one.
const ranSomething = counts.passed > 0 || first === 'host';
process.exitCode = counts.failed === 0 && ranSomething ? 0 : 1;

async function runPlain(filters: readonly string[]): Promise<Report> {
  const plain = await runVitest('test-report.json', { filters, reporter: 'default' });
  process.stdout.write(
    '\nThe suites that need a real Kubernetes host are apart: `./hks test host` builds it, starts it and runs them.\n',
  );
  return plain;
}

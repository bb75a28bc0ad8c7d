import type { Report } from '../../tests/load/product/report.ts';

/** What ran, and what else the machine was doing. */
export interface Machine {
  date: string;
  commit: string;
  processor: string;
  cores: number;
  memoryGib: number;
  system: string;
  node: string;
}

export interface Benchmarked {
  name: string;
  /** Load average of the last minute before it began. */
  loadBefore: number;
  report: Report;
}

/** The text of `docs/benchmarks.md`. */
export function benchmarkPage(machine: Machine, results: readonly Benchmarked[]): string {
  const rows = results.flatMap(({ report }) => report.rows);
  const missed = rows.filter((row) => !row.met);
  return [
    '# Benchmarks',
    '',
    'Written by `./hks bench`; compare figures of one run only. Each benchmark starts a product of its own in a temporary',
    'folder, and its load comes from another process on the same machine. All figures are in `benchmarks.json`.',
    '',
    ...list(machine, results),
    '',
    missed.length === 0
      ? 'Every goal is met.'
      : `Not met: ${missed.map((row) => `${row.what} (${row.measured}, goal ${row.goal})`).join('; ')}.`,
    '',
    ...results.flatMap(({ report, loadBefore }) => section(report, loadBefore)),
  ].join('\n');
}

function list(machine: Machine, results: readonly Benchmarked[]): string[] {
  const loads = results.map(({ loadBefore }) => loadBefore);
  return [
    `- When: ${machine.date}, commit ${machine.commit}`,
    `- Machine: ${machine.processor}, ${machine.cores} cores, ${machine.memoryGib} GiB, ${machine.system}, Node ${machine.node}`,
    `- Load average before each benchmark, from other work and from the benchmark before: ${Math.min(...loads).toFixed(1)} to ${Math.max(...loads).toFixed(1)} on ${machine.cores} cores`,
  ];
}

function section(report: Report, loadBefore: number): string[] {
  return [
    `## ${report.title}`,
    '',
    `${report.how} Load before: ${loadBefore.toFixed(1)}.`,
    '',
    '| what | goal | measured | met |',
    '| --- | --- | --- | --- |',
    ...report.rows.map(
      (row) => `| ${row.what} | ${row.goal} | ${row.measured} | ${row.met ? 'yes' : '**no**'} |`,
    ),
    '',
  ];
}

import type { Report } from '../../tests/load/product/report.ts';

export interface Machine {
  processor: string;
  cores: number;
  memoryGib: number;
  system: string;
  node: string;
}

export interface Benchmarked {
  name: string;
  /** RFC 3339. */
  when: string;
  /** Of the product that was measured. */
  commit: string;
  /** Load average of the last minute before it began. */
  loadBefore: number;
  report: Report;
}

/** The text of `docs/benchmarks.md`. */
export function benchmarkPage(machine: Machine, results: readonly Benchmarked[]): string {
  const rows = results.flatMap(({ report }) => report.rows);
  const missed = rows.filter(({ met }) => met === false);
  return [
    '# Benchmarks',
    '',
    'Written by `./hks bench`; compare figures of one run only. Each benchmark starts a product of its own in a temporary',
    'folder, and its load comes from another process on the same machine. All figures are in `benchmarks.json`.',
    '`./hks bench identity --part audit` runs one part of several and `--no-write` leaves this page as it is. What needs',
    'the programs of Kubernetes (`HKS_KUBE_BIN`) or a host cluster (`HKS_TEST_HOST_KUBECONFIG`) is left out without them;',
    '`node tests/hostcluster/main.ts start`, then `eval "$(node tests/hostcluster/main.ts env)"`, gives both.',
    '',
    `Machine: ${machine.processor}, ${machine.cores} cores, ${machine.memoryGib} GiB, ${machine.system}, Node ${machine.node}. The load average`,
    'before each benchmark tells what else it was doing: figures of a machine that does other work are too low.',
    '',
    missed.length === 0
      ? 'Every goal is met.'
      : `Not met: ${missed.map((row) => `${row.what} (${row.measured}, goal ${row.goal})`).join('; ')}.`,
    '',
    ...results.flatMap(section),
  ].join('\n');
}

function section({ report, loadBefore, when, commit }: Benchmarked): string[] {
  return [
    `## ${report.title}`,
    '',
    report.how,
    '',
    `${when.slice(0, 16).replace('T', ' ')} UTC, commit ${commit}, load average before it ${loadBefore.toFixed(1)}.`,
    '',
    '| what | goal | measured | met |',
    '| --- | --- | --- | --- |',
    ...report.rows.map(
      (row) =>
        `| ${row.what} | ${row.goal} | ${row.measured} | ${row.met === null ? '–' : row.met ? 'yes' : '**no**'} |`,
    ),
    '',
    ...(report.notes ?? []).flatMap((note) => [note, '']),
  ];
}

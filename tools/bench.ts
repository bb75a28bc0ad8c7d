import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { benchmarkPage, type Benchmarked, type Machine } from './bench/page.ts';
import { root } from './run.ts';

/**
 * `./hks bench [NAME…] [--no-write]`: runs the benchmarks, one after the other and each against a freshly started product
 * in a temporary folder, and writes `docs/benchmarks.md` and `docs/benchmarks.json`. Named ones take the place of their
 * former figures there; the others stay.
 */
interface Benchmark {
  name: string;
  script: string;
  minutesMax: number;
  /** Left out, and said so, when no host cluster is given and nobody asked for it by name. */
  needsHost?: boolean;
}

const benchmarks: readonly Benchmark[] = [
  { name: 'start', script: 'tests/load/product/start-and-idle.ts', minutesMax: 4 },
  { name: 'create', script: 'tests/load/product/workspace-create.ts', minutesMax: 4 },
  { name: 'memory', script: 'tests/load/product/idle-workspaces.ts', minutesMax: 12 },
  { name: 'api', script: 'tests/load/product/api.ts', minutesMax: 6 },
  { name: 'kubernetes', script: 'tests/load/kubernetes/report.ts', minutesMax: 4 },
  { name: 'credential', script: 'tests/load/product/credential.ts', minutesMax: 3 },
  { name: 'identity', script: 'tests/load/identity/report.ts', minutesMax: 6 },
  { name: 'vcluster', script: 'tools/bench/vcluster/report.ts', minutesMax: 25, needsHost: true },
] as const;

const jsonFile = join(root, 'docs/benchmarks.json');
const args = process.argv.slice(2);
const wanted = args.filter((arg) => !arg.startsWith('-'));
const hasHost = Boolean(process.env['HKS_TEST_HOST_KUBECONFIG']);
const chosen = benchmarks.filter(({ name, needsHost }) =>
  wanted.length === 0 ? hasHost || needsHost !== true : wanted.includes(name),
);
const unknown = wanted.filter((arg) => !benchmarks.some(({ name }) => name === arg));
if (unknown.length > 0) throw new Error(`There is no benchmark ${unknown.join(', ')}.`);

for (const { name } of benchmarks.filter((benchmark) => wanted.length === 0 && !chosen.includes(benchmark))) {
  process.stdout.write(`\n== ${name} is left out: it needs a host cluster (HKS_TEST_HOST_KUBECONFIG)\n`);
}

const results: Benchmarked[] = [];
const failed: string[] = [];
for (const benchmark of chosen) {
  const loadBefore = loadavg()[0] ?? 0;
  process.stdout.write(`\n== ${benchmark.name} (the machine's load before it: ${loadBefore.toFixed(1)})\n`);
  try {
    const report: Benchmarked['report'] = JSON.parse(await lastLine(benchmark));
    results.push({
      name: benchmark.name,
      when: new Date().toISOString(),
      commit: commit(),
      loadBefore,
      report,
    });
    for (const row of report.rows) {
      process.stdout.write(
        `${row.met ? 'met   ' : 'MISSED'} ${row.what}: ${row.measured} (goal ${row.goal})\n`,
      );
    }
  } catch (error) {
    failed.push(benchmark.name);
    process.stdout.write(`failed: ${error instanceof Error ? error.message : String(error)}\n`);
  }
}
if (results.length > 0 && !args.includes('--no-write')) {
  const page = { machine: describeMachine(), results: merged(results) };
  writeFileSync(join(root, 'docs/benchmarks.md'), benchmarkPage(page.machine, page.results));
  writeFileSync(jsonFile, `${JSON.stringify(page, null, 2)}\n`);
  process.stdout.write('\nWritten: docs/benchmarks.md, docs/benchmarks.json\n');
}
process.exitCode = failed.length === 0 ? 0 : 1;

/** What a benchmark prints last; its own processes end with it, also when it takes too long. */
function lastLine({ script, minutesMax }: Benchmark): Promise<string> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', join(root, script)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: minutesMax * 60_000,
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(output.trimEnd().split('\n').at(-1) ?? '');
      else reject(new Error(`${script} ended with ${code ?? 'its time limit'}`));
    });
  });
}

function describeMachine(): Machine {
  return {
    processor: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGib: Math.round(totalmem() / 1024 ** 3),
    system: `${process.platform} ${release()}`,
    node: process.version,
  };
}

/** The new figures, and the former ones of benchmarks that did not run now. */
function merged(fresh: readonly Benchmarked[]): Benchmarked[] {
  const former: { results: Benchmarked[] } = existsSync(jsonFile)
    ? JSON.parse(readFileSync(jsonFile, 'utf8'))
    : { results: [] };
  return benchmarks.flatMap(({ name }) => {
    const found =
      fresh.find((result) => result.name === name) ?? former.results.find((result) => result.name === name);
    return found ? [found] : [];
  });
}

function commit(): string {
  const changed = git('status', '--porcelain', 'apps', 'packages') !== '';
  return git('rev-parse', '--short', 'HEAD') + (changed ? ' with changes' : '');
}

function git(...command: string[]): string {
  return execFileSync('git', command, { cwd: root, encoding: 'utf8' }).trim();
}

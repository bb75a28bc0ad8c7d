import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { benchmarkPage, type Benchmarked, type Machine } from './bench/page.ts';
import { root } from './run.ts';

/**
 * `./hks bench [NAME…] [--part PART]… [--no-write]`: runs the benchmarks, one after the other and each against a freshly
 * started product in a temporary folder, and writes `docs/benchmarks.md` and `docs/benchmarks.json`. Named ones take the
 * place of their former figures there; the others stay. Of a benchmark of several parts, each is a section of its own.
 */
interface Benchmark {
  name: string;
  /** Given to the script as its argument. */
  part?: string;
  script: string;
  minutesMax: number;
  /** Variables without which it is left out, and said so. */
  needs?: readonly string[];
}

const host = ['HKS_TEST_HOST_KUBECONFIG', 'HKS_VCLUSTER_CHART', 'HKS_HELM'];
const ownHost = ['HKS_KUBE_BIN', 'HKS_VCLUSTER_CHART', 'HKS_HELM'];

const benchmarks: readonly Benchmark[] = [
  { name: 'start', script: 'tests/load/product/start-and-idle.ts', minutesMax: 4 },
  { name: 'create', script: 'tests/load/product/workspace-create.ts', minutesMax: 4 },
  { name: 'memory', script: 'tests/load/product/idle-workspaces.ts', minutesMax: 12 },
  { name: 'api', script: 'tests/load/product/api.ts', minutesMax: 6 },
  { name: 'kubernetes', script: 'tests/load/kubernetes/report.ts', minutesMax: 4 },
  { name: 'credential', script: 'tests/load/product/credential.ts', minutesMax: 3 },
  ...parts('identity', 'tests/load/identity/report.ts', [
    { part: 'groups', minutesMax: 6 },
    { part: 'tokens', minutesMax: 4 },
    { part: 'audit', minutesMax: 4 },
    { part: 'gateway', minutesMax: 4, needs: ['HKS_KUBE_BIN'] },
  ]),
  ...parts('vcluster', 'tools/bench/vcluster/report.ts', [
    { part: 'create', minutesMax: 15, needs: host },
    { part: 'claim', minutesMax: 15, needs: host },
    { part: 'wake', minutesMax: 15, needs: host },
    { part: 'gateway', minutesMax: 10, needs: host },
    { part: 'scale', minutesMax: 45, needs: ownHost },
  ]),
];

const jsonFile = join(root, 'docs/benchmarks.json');
const { values: asked, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: { part: { type: 'string', multiple: true, default: [] }, 'no-write': { type: 'boolean' } },
});
const unknown = [
  ...wanted.filter((name) => !benchmarks.some((one) => one.name === name)),
  ...asked.part.filter((part) => !benchmarks.some((one) => isWanted(one) && one.part === part)),
];
if (unknown.length > 0) throw new Error(`There is no benchmark ${unknown.join(', ')}.`);
const chosen = benchmarks.filter(
  (one) =>
    isWanted(one) && (asked.part.length === 0 || asked.part.includes(one.part ?? '')) && !isLeftOut(one),
);

const results: Benchmarked[] = [];
const failed: string[] = [];
for (const benchmark of chosen) {
  const loadBefore = loadavg()[0] ?? 0;
  const name = sectionOf(benchmark);
  process.stdout.write(`\n== ${name} (the machine's load before it: ${loadBefore.toFixed(1)})\n`);
  try {
    const report: Benchmarked['report'] = JSON.parse(await lastLine(benchmark));
    results.push({
      name,
      when: new Date().toISOString(),
      commit: commit(),
      loadBefore,
      report,
    });
    for (const row of report.rows) {
      process.stdout.write(
        `${row.met === null ? '      ' : row.met ? 'met   ' : 'MISSED'} ${row.what}: ${row.measured} (goal ${row.goal})\n`,
      );
    }
  } catch (error) {
    failed.push(name);
    process.stdout.write(`failed: ${error instanceof Error ? error.message : String(error)}\n`);
  }
}
if (results.length > 0 && asked['no-write'] !== true) {
  const page = { machine: describeMachine(), results: merged(results) };
  writeFileSync(join(root, 'docs/benchmarks.md'), benchmarkPage(page.machine, page.results));
  writeFileSync(jsonFile, `${JSON.stringify(page, null, 2)}\n`);
  process.stdout.write('\nWritten: docs/benchmarks.md, docs/benchmarks.json\n');
}
process.exitCode = failed.length === 0 ? 0 : 1;

function parts(name: string, script: string, of: readonly Omit<Benchmark, 'name' | 'script'>[]): Benchmark[] {
  return of.map((part) => ({ name, script, ...part }));
}

function isWanted({ name }: Benchmark): boolean {
  return wanted.length === 0 || wanted.includes(name);
}

/** Says why. */
function isLeftOut(benchmark: Benchmark): boolean {
  const missing = (benchmark.needs ?? []).filter((variable) => !process.env[variable]);
  if (missing.length === 0) return false;
  process.stdout.write(`\n== ${sectionOf(benchmark)} is left out: it needs ${missing.join(', ')}\n`);
  return true;
}

function sectionOf({ name, part }: Benchmark): string {
  return part === undefined ? name : `${name} ${part}`;
}

/** What a benchmark prints last; its own processes end with it, also when it takes too long. */
function lastLine({ script, part, minutesMax }: Benchmark): Promise<string> {
  const program = [join(root, script), ...(part === undefined ? [] : [part])];
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...program], {
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
  return benchmarks.map(sectionOf).flatMap((name) => {
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

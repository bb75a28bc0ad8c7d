import { createHash } from 'node:crypto';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { HostLevel } from '@hexabase/testkit/host-cluster.ts';
import { goEnvironment } from '../requirements.ts';
import { runProgram } from '../run-program.ts';
import { folders } from '../settings.ts';
import { buildArguments, buildsOf, kyvernoBuild, type Build, type Extras } from './catalogue.ts';
import { kyvernoObjects, kyvernoValues } from './kyverno-objects.ts';

const stepMinutesMax = 40;

export interface BuildOptions extends Extras {
  say: (line: string) => void;
  signal?: AbortSignal | undefined;
}

/** Builds what a level needs and is not there yet. A binary is there when its module files and settings are the same. */
export async function buildBinaries(level: HostLevel, options: BuildOptions): Promise<void> {
  const stale: { build: Build; stamp: string }[] = [];
  for (const build of buildsOf(level, options)) {
    const stamp = await stampOf(build);
    if (!(await isFresh(build, stamp))) stale.push({ build, stamp });
  }
  await mkdir(join(folders.binaries, '.stamps'), { recursive: true });
  if (stale.length > 0) options.say(`Building ${stale.flatMap(({ build }) => names(build)).join(', ')} …`);
  // What the next build must download comes while this one compiles.
  let ahead = stale[0] ? download(stale[0].build, options) : Promise.resolve();
  for (const [index, { build, stamp }] of stale.entries()) {
    await ahead;
    const next = stale[index + 1];
    ahead = next ? download(next.build, options) : Promise.resolve();
    // The same failure comes again, and is told, when its turn comes.
    ahead.catch(() => undefined);
    const started = Date.now();
    await go(build, buildArguments(build, folders.binaries), options);
    await Promise.all(names(build).map((name) => writeFile(stampPath(name), stamp)));
    options.say(`  ${names(build).join(', ')}: ${Math.round((Date.now() - started) / 1000)} s`);
  }
  await copyChart(options);
  if (options.kyverno === true) await renderKyverno(options);
}

/** Lists what would be compiled: the Go client fetches just the modules for that. */
async function download(build: Build, options: BuildOptions): Promise<void> {
  await go(build, ['list', '-deps', '-f', '{{.Name}}', ...Object.values(build.programs)], options);
}

/** The chart is part of vCluster's module; that alone is fetched for it, and not what it needs to be built. */
async function copyChart(options: BuildOptions): Promise<void> {
  const vcluster = buildsOf('tenant').find((build) => build.module === 'vcluster');
  if (vcluster === undefined) throw new Error('vCluster is not in the catalogue');
  const stamp = await stampOf(vcluster);
  const path = join(folders.binaries, '.stamps', 'chart');
  if (existsSync(join(folders.chart, 'Chart.yaml')) && (await readText(path)) === stamp) return;
  const folder = await moduleFolder(vcluster, 'github.com/loft-sh/vcluster', options);
  await rm(folders.chart, { recursive: true, force: true });
  await cp(join(folder, 'chart'), folders.chart, { recursive: true });
  // Module caches are read-only; the copy is ours to remove.
  await runProgram('chmod', ['-R', 'u+w', folders.chart]);
  await writeFile(path, stamp);
}

/** What Kyverno's chart puts on a host lies beside its program, for whoever starts it. */
async function renderKyverno(options: BuildOptions): Promise<void> {
  const path = join(folders.binaries, 'kyverno.json');
  const stamp = `${await stampOf(kyvernoBuild)} ${await readText(kyvernoValues)}`;
  if (existsSync(path) && (await readText(stampPath('kyverno.json'))) === stamp) return;
  const module = await moduleFolder(kyvernoBuild, 'github.com/kyverno/kyverno', options);
  await writeFile(path, JSON.stringify(await kyvernoObjects(module)));
  await writeFile(stampPath('kyverno.json'), stamp);
}

async function moduleFolder(build: Build, module: string, options: BuildOptions): Promise<string> {
  const said: unknown = JSON.parse(await go(build, ['mod', 'download', '-json', module], options));
  return typeof said === 'object' && said !== null && 'Dir' in said ? String(said.Dir) : '';
}

function go(build: Build, args: readonly string[], options: BuildOptions): Promise<string> {
  return runProgram('go', args, {
    cwd: join(folders.modules, build.module),
    env: goEnvironment(),
    timeoutMs: stepMinutesMax * 60_000,
    signal: options.signal,
  });
}

/** SHA-256 over the module's files and how it is built. */
async function stampOf(build: Build): Promise<string> {
  const hash = createHash('sha256');
  const folder = join(folders.modules, build.module);
  for (const entry of (await readdir(folder, { withFileTypes: true })).toSorted((a, b) =>
    a.name < b.name ? -1 : 1,
  )) {
    if (entry.isFile()) hash.update(`${entry.name}\0`).update(await readFile(join(folder, entry.name)));
  }
  hash.update(JSON.stringify(buildArguments(build, '')));
  hash.update(`${process.platform} ${process.arch}`);
  return hash.digest('hex');
}

async function isFresh(build: Build, stamp: string): Promise<boolean> {
  for (const name of names(build)) {
    if (!existsSync(join(folders.binaries, name)) || (await readText(stampPath(name))) !== stamp)
      return false;
  }
  return true;
}

function names(build: Build): string[] {
  return Object.keys(build.programs);
}

function stampPath(name: string): string {
  return join(folders.binaries, '.stamps', name);
}

async function readText(path: string): Promise<string> {
  return existsSync(path) ? readFile(path, 'utf8') : '';
}

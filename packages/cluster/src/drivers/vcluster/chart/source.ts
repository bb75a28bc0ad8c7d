import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';
import { TenantConflictError } from '../../../port.ts';

/** Where the chart comes from, and what it must be. */
export interface ChartSource {
  /** A folder, a `.tgz` file, or the https address of a `.tgz`. */
  location: string;
  /** `sha256:…` of the file, or `folderDigest` of a folder; null takes whatever is there. */
  digest: string | null;
}

/** A chart on this machine that is what it should be. */
export interface LocalChart {
  path: string;
  digest: string;
}

const downloadBytesMax = 32 * 1024 * 1024;
const downloadMsMax = 60_000;

/** Fetches the chart when it is an address, and compares its digest. Throws `TenantConflictError` when it is another. */
export async function localChart(source: ChartSource): Promise<LocalChart> {
  const { location, digest } = source;
  if (/^https?:\/\//.test(location)) return downloaded(source);
  const kind = await stat(location).catch(() => null);
  if (!kind) throw unusable(`The vCluster chart ${location} does not exist.`);
  const found = kind.isDirectory() ? await folderDigest(location) : digestOf(await readFile(location));
  verify(source, found);
  return { path: location, digest: digest ?? found };
}

/** SHA-256 over the sorted relative paths and contents of all files; where the folder lies does not matter. */
export async function folderDigest(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .toSorted();
  const hash = createHash('sha256');
  for (const file of files) {
    const content = await readFile(join(folder, file));
    hash.update(`${file}\0${content.length}\0`).update(content);
  }
  return `sha256:${hash.digest('hex')}`;
}

async function downloaded(source: ChartSource): Promise<LocalChart> {
  const folder = join(tmpdir(), 'hexabase-charts');
  const kept = source.digest && join(folder, `${source.digest.replace(':', '-')}.tgz`);
  const before = kept ? await readFile(kept).catch(() => null) : null;
  if (kept && before && digestOf(before) === source.digest) return { path: kept, digest: source.digest };
  const bytes = await download(source.location);
  const found = digestOf(bytes);
  verify(source, found);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, `${found.replace(':', '-')}.tgz`);
  await writeFile(`${path}.${process.pid}`, bytes);
  await rename(`${path}.${process.pid}`, path);
  return { path, digest: found };
}

async function download(location: string): Promise<Buffer> {
  const answer = await fetch(location, { signal: AbortSignal.timeout(downloadMsMax) }).catch(
    (cause: unknown) => {
      throw new Error(`the vCluster chart cannot be fetched from ${location}`, { cause });
    },
  );
  if (!answer.ok) throw new Error(`${location} answered ${answer.status} instead of the vCluster chart`);
  const bytes = Buffer.from(await answer.arrayBuffer());
  if (bytes.length > downloadBytesMax) throw unusable(`What lies at ${location} is too large for a chart.`);
  return bytes;
}

function verify({ location, digest }: ChartSource, found: string): void {
  if (digest === null || digest === found) return;
  throw unusable(
    `The vCluster chart ${location} is not the one that was pinned: its digest is ${found}, expected ${digest}. Nothing was changed.`,
  );
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function unusable(message: string): TenantConflictError {
  return new TenantConflictError(message, { reason: 'ChartUnusable' });
}

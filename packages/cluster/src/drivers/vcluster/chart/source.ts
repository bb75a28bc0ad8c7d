import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, realpath, rename, stat, writeFile } from 'node:fs/promises';
import { basename, join, sep } from 'node:path';
import { AppError } from '@hexabase/kernel/errors.ts';
import { TenantConflictError } from '../../../port.ts';

/** Where the chart comes from, and what it must be. */
export interface ChartSource {
  /** A folder, a `.tgz` file, or the https address of a `.tgz`. */
  location: string;
  /** `sha256:…` of the file, or `digestOf` a folder; null takes whatever is there. */
  digest: string | null;
}

/**
 * A chart as it was read, once: what is compared with the digest, recorded and rendered are these bytes, whatever happens
 * to the place that they came from.
 */
export interface Chart {
  digest: string;
  isFolder: boolean;
  /** By path inside of the folder, with `/`; one of its own name when it is a file. */
  files: ReadonlyMap<string, Buffer>;
}

const chartBytesMax = 32 * 1024 * 1024;
const downloadMsMax = 60_000;

/**
 * Reads the chart, from its address when it has one, and compares its digest. One that is pinned is fetched once, and
 * kept in the folder `keptIn`. Throws `TenantConflictError` when it is missing, another one, or none at all, and AppError
 * `cluster_unavailable` when its address does not answer, or not with a chart.
 */
export async function readChart(
  source: ChartSource,
  keptIn?: string,
  signal: AbortSignal = AbortSignal.timeout(downloadMsMax),
): Promise<Chart> {
  const { location } = source;
  if (/^https?:\/\//.test(location))
    return fileChart('chart.tgz', await downloaded(source, { keptIn, signal }));
  const kind = await stat(location).catch(() => null);
  if (!kind) throw unusable(`The vCluster chart ${location} does not exist.`);
  const chart = kind.isDirectory()
    ? folderChart(await filesOf(location))
    : fileChart(basename(location), await readFile(location));
  verify(source, chart.digest);
  return chart;
}

/** SHA-256 of the file; of a folder over the sorted relative paths and contents of all files, wherever it lies. */
export function digestOf({ isFolder, files }: Pick<Chart, 'isFolder' | 'files'>): string {
  const hash = createHash('sha256');
  for (const [name, content] of [...files].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    if (isFolder) hash.update(`${name}\0${content.length}\0`);
    hash.update(content);
  }
  return `sha256:${hash.digest('hex')}`;
}

function fileChart(name: string, bytes: Buffer): Chart {
  const chart = { isFolder: false, files: new Map([[name, bytes]]) };
  return { ...chart, digest: digestOf(chart) };
}

function folderChart(files: ReadonlyMap<string, Buffer>): Chart {
  return { isFolder: true, files, digest: digestOf({ isFolder: true, files }) };
}

async function filesOf(folder: string): Promise<Map<string, Buffer>> {
  const root = await realpath(folder);
  if (!(await stat(join(root, 'Chart.yaml')).catch(() => null))) {
    throw unusable(`The vCluster chart cannot be rendered: ${folder} has no Chart.yaml.`);
  }
  const files = new Map<string, Buffer>();
  let bytes = 0;
  for await (const { name, place } of placesIn({ root, inside: [root], prefix: '' })) {
    bytes += (await stat(place)).size;
    if (bytes > chartBytesMax) throw unusable(`What lies in ${folder} is too large for a chart.`);
    files.set(name, await readFile(place));
  }
  return files;
}

interface Walk {
  root: string;
  /** The folders that this one lies in, itself last. */
  inside: readonly string[];
  prefix: string;
}

/**
 * All files, through links as helm follows them. A ConfigMap that is mounted is links to a hidden folder beside them
 * (`..data`), which is not read a second time. What leads out of the folder is no part of the chart that was pinned.
 */
async function* placesIn({ root, inside, prefix }: Walk): AsyncGenerator<{ name: string; place: string }> {
  const folder = inside.at(-1) ?? root;
  for (const entry of await readdir(folder)) {
    if (entry.startsWith('..')) continue;
    const name = `${prefix}${entry}`;
    const place = await realpath(join(folder, entry)).catch(() => null);
    if (place === null) throw unusable(`The link ${name} of the vCluster chart ${root} leads nowhere.`);
    if (!place.startsWith(`${root}${sep}`) || inside.includes(place)) {
      throw unusable(
        `The link ${name} of the vCluster chart ${root} leads out of it, to ${place}: copy what is there.`,
      );
    }
    const kind = await stat(place);
    if (kind.isDirectory()) yield* placesIn({ root, inside: [...inside, place], prefix: `${name}/` });
    else if (kind.isFile()) yield { name, place };
  }
}

async function downloaded(
  source: ChartSource,
  { keptIn, signal }: { keptIn: string | undefined; signal: AbortSignal },
): Promise<Buffer> {
  const { location, digest } = source;
  const kept = keptIn && digest && join(keptIn, `${digest.replace(':', '-')}.tgz`);
  const before = kept ? await readFile(kept).catch(() => null) : null;
  if (before && fileChart('', before).digest === digest) return before;
  const bytes = await download(location, signal);
  verify(source, fileChart('', bytes).digest);
  if (keptIn && kept) {
    await mkdir(keptIn, { recursive: true, mode: 0o700 });
    await writeFile(`${kept}.${process.pid}`, bytes, { mode: 0o600 });
    await rename(`${kept}.${process.pid}`, kept);
  }
  return bytes;
}

async function download(location: string, signal: AbortSignal): Promise<Buffer> {
  const silent = (cause: unknown): never => {
    const message = `The vCluster chart cannot be fetched from ${location}: ${whyOf(cause)}.`;
    throw new AppError('cluster_unavailable', { message, cause });
  };
  const answer = await fetch(location, { signal }).catch(silent);
  if (!answer.ok) {
    const message = `The vCluster chart cannot be fetched: ${location} answers ${answer.status}.`;
    throw new AppError('cluster_unavailable', { message });
  }
  const bytes = Buffer.from(await answer.arrayBuffer().catch(silent));
  if (bytes.length > chartBytesMax) throw unusable(`What lies at ${location} is too large for a chart.`);
  return bytes;
}

/** Fetch itself says that it failed, and no more; of several addresses that were tried, its cause has a code alone. */
function whyOf(error: unknown): string {
  const told = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(told instanceof Error)) return String(told);
  return told.message || ('code' in told ? String(told.code) : told.name);
}

function verify({ location, digest }: ChartSource, found: string): void {
  if (digest === null || digest === found) return;
  throw unusable(
    `The vCluster chart ${location} is not the one that was pinned: its digest is ${found}, expected ${digest}. Nothing was changed.`,
  );
}

function unusable(message: string): TenantConflictError {
  return new TenantConflictError(message, { reason: 'ChartUnusable' });
}

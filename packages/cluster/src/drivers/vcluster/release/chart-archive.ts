import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { localChart, type LocalChart } from '../chart/source.ts';

const compress = promisify(gzip);
const decompress = promisify(gunzip);
const unpackedBytesMax = 64 * 1024 * 1024;

/** A chart, folder or file, as one compressed text. */
export async function packChart({ path }: LocalChart): Promise<string> {
  const isFolder = (await stat(path)).isDirectory();
  const files = isFolder ? await filesIn(path) : [path];
  const packed: Record<string, string> = {};
  for (const file of files) {
    const name = isFolder ? relative(path, file).split(sep).join('/') : basename(path);
    packed[name] = (await readFile(file)).toString('base64');
  }
  return (await compress(JSON.stringify({ isFolder, files: packed }))).toString('base64');
}

/**
 * The chart that was packed, on this machine. Throws `TenantConflictError` when it is not the one of that digest.
 */
export async function unpackChart(packed: string, digest: string): Promise<LocalChart> {
  const text = await decompress(Buffer.from(packed, 'base64'), { maxOutputLength: unpackedBytesMax });
  const { isFolder, files }: { isFolder: boolean; files: Record<string, string> } = JSON.parse(
    text.toString('utf8'),
  );
  const charts = join(tmpdir(), 'hexabase-charts');
  const folder = join(charts, `kept-${digest.replace(':', '-')}`);
  const [first = ''] = Object.keys(files);
  const location = isFolder ? folder : join(folder, basename(first));
  const found = await localChart({ location, digest }).catch(() => null);
  if (found) return found;
  const made = `${folder}.${randomUUID()}`;
  for (const [name, content] of Object.entries(files)) {
    const place = resolve(made, name);
    if (!place.startsWith(made + sep)) throw new Error(`a file of a chart lies outside of it: ${name}`);
    await mkdir(dirname(place), { recursive: true, mode: 0o700 });
    await writeFile(place, Buffer.from(content, 'base64'));
  }
  // Another process may have been quicker; whatever is there then is compared with the digest.
  await rename(made, folder).catch(() => undefined);
  return localChart({ location, digest });
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { digestOf, type Chart } from '../chart/source.ts';
import { TenantConflictError } from '../../../port.ts';

const compress = promisify(gzip);
const decompress = promisify(gunzip);
const unpackedBytesMax = 64 * 1024 * 1024;

/** A chart, folder or file, as one compressed text. */
export async function packChart({ isFolder, files }: Chart): Promise<string> {
  const packed = Object.fromEntries([...files].map(([name, content]) => [name, content.toString('base64')]));
  return (await compress(JSON.stringify({ isFolder, files: packed }))).toString('base64');
}

/** The chart that was packed. Throws `TenantConflictError` when it is not the one of that digest. */
export async function unpackChart(packed: string, digest: string): Promise<Chart> {
  const text = await decompress(Buffer.from(packed, 'base64'), { maxOutputLength: unpackedBytesMax });
  const { isFolder, files: found }: { isFolder: boolean; files: Record<string, string> } = JSON.parse(
    text.toString('utf8'),
  );
  const files = new Map(
    Object.entries(found).map(([name, content]) => [name, Buffer.from(content, 'base64')]),
  );
  const seen = digestOf({ isFolder, files });
  if (seen === digest) return { digest, isFolder, files };
  throw new TenantConflictError(
    `The vCluster chart that is recorded on the host cluster is another one than its record says: its digest is ${seen}, expected ${digest}. Nothing was changed.`,
    { reason: 'ChartUnusable' },
  );
}

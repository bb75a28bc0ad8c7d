import { open, stat } from 'node:fs/promises';

/** One entry of an archive. Paths have no leading slash. */
export type TarEntry =
  | { kind: 'folder'; path: string; mode: number }
  | { kind: 'file'; path: string; mode: number; source: string | Buffer }
  | { kind: 'link'; path: string; target: string };

const block = 512;
const readBytes = 1 << 20;

/** A POSIX archive (ustar, IEEE 1003.1), piece by piece; the same entries give the same bytes. */
export async function* tar(entries: readonly TarEntry[]): AsyncGenerator<Buffer> {
  for (const entry of entries) {
    if (entry.kind !== 'file') {
      yield header(entry, 0);
      continue;
    }
    const size = await sizeOf(entry.source);
    yield header(entry, size);
    yield* typeof entry.source === 'string' ? contents(entry.source, size) : [entry.source];
    yield Buffer.alloc((block - (size % block)) % block);
  }
  yield Buffer.alloc(2 * block);
}

/** A file whose bytes are made on the way, `size` of them. */
export async function* tarFile(
  path: string,
  size: number,
  pieces: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer> {
  yield header({ kind: 'file', path, mode: 0o644, source: '' }, size);
  yield* pieces;
  yield Buffer.alloc((block - (size % block)) % block);
}

async function sizeOf(source: string | Buffer): Promise<number> {
  return typeof source === 'string' ? (await stat(source)).size : source.length;
}

async function* contents(path: string, size: number): AsyncGenerator<Buffer> {
  await using file = await open(path);
  let left = size;
  while (left > 0) {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(Math.min(readBytes, left)));
    if (bytesRead === 0) throw new Error(`${path} became shorter while it was read`);
    left -= bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

const typeFlags = { file: '0', link: '2', folder: '5' } as const;

function header(entry: TarEntry, size: number): Buffer {
  const name = entry.kind === 'folder' ? `${entry.path}/` : entry.path;
  if (Buffer.byteLength(name) > 100) throw new Error(`the name is too long for an archive: ${name}`);
  const bytes = Buffer.alloc(block);
  bytes.write(name, 0);
  const octal = (value: number, offset: number, length: number): void => {
    bytes.write(value.toString(8).padStart(length - 1, '0'), offset, 'latin1');
  };
  octal(entry.kind === 'link' ? 0o777 : entry.mode, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(0, 136, 12);
  bytes.write(' '.repeat(8), 148, 'latin1');
  bytes.write(typeFlags[entry.kind], 156, 'latin1');
  if (entry.kind === 'link') bytes.write(entry.target, 157);
  bytes.write('ustar\x0000', 257, 'latin1');
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return bytes;
}

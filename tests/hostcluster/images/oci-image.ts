import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { access, constants, rename } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { tar, tarFile, type TarEntry } from './tar.ts';

/** What is in an image of one layer and how it starts. */
export interface ImageSpec {
  /** With registry and tag, `docker.io/library/busybox:1.35`. */
  name: string;
  /** Path in the image to the file on this machine. */
  files: Readonly<Record<string, string>>;
  links?: Readonly<Record<string, string>>;
  folders?: readonly string[];
  entrypoint?: readonly string[];
  cmd?: readonly string[];
  env?: readonly string[];
  user?: string;
}

/**
 * Writes an image as an archive in OCI image layout (image-spec 1.0, image-layout.md) that `ctr images import` takes.
 * Answers the digest of its manifest; the same contents give the same digest.
 */
export async function writeImage(path: string, spec: ImageSpec): Promise<string> {
  const entries = await layerEntries(spec);
  const layer = await measure(tar(entries));
  const config = jsonBlob(imageConfig(spec, layer.digest));
  const manifest = jsonBlob({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: {
      mediaType: 'application/vnd.oci.image.config.v1+json',
      digest: config.digest,
      size: config.bytes.length,
    },
    layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: layer.digest, size: layer.size }],
  });
  const index = jsonBlob({ schemaVersion: 2, manifests: [indexEntry(spec, manifest)] });
  async function* archive(): AsyncGenerator<Buffer> {
    yield* tarFile(blobPath(layer.digest), layer.size, tar(entries));
    yield* tar([
      file('oci-layout', Buffer.from('{"imageLayoutVersion":"1.0.0"}')),
      file('index.json', index.bytes),
      file(blobPath(config.digest), config.bytes),
      file(blobPath(manifest.digest), manifest.bytes),
    ]);
  }
  await pipeline(Readable.from(archive(), { objectMode: false }), createWriteStream(`${path}.new`));
  await rename(`${path}.new`, path);
  return manifest.digest;
}

function imageConfig(spec: ImageSpec, layerDigest: string): object {
  return {
    architecture: architecture(),
    os: 'linux',
    config: {
      ...(spec.entrypoint ? { Entrypoint: spec.entrypoint } : {}),
      ...(spec.cmd ? { Cmd: spec.cmd } : {}),
      ...(spec.user === undefined ? {} : { User: spec.user }),
      Env: spec.env ?? ['PATH=/bin:/usr/bin:/sbin:/usr/sbin'],
      WorkingDir: '/',
    },
    rootfs: { type: 'layers', diff_ids: [layerDigest] },
    history: [{ created_by: 'tests/hostcluster' }],
  };
}

function indexEntry(spec: ImageSpec, manifest: Blob): object {
  return {
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    digest: manifest.digest,
    size: manifest.bytes.length,
    platform: { architecture: architecture(), os: 'linux' },
    annotations: {
      'io.containerd.image.name': spec.name,
      'org.opencontainers.image.ref.name': spec.name.slice(spec.name.lastIndexOf(':') + 1),
    },
  };
}

/** GOARCH, as the image specification wants it. */
function architecture(): string {
  return process.arch === 'x64' ? 'amd64' : process.arch;
}

/** Folders before what lies in them, each once. */
async function layerEntries(spec: ImageSpec): Promise<TarEntry[]> {
  const leaves = new Map<string, TarEntry>();
  for (const [path, source] of Object.entries(spec.files)) {
    leaves.set(path, { kind: 'file', path: path.slice(1), mode: await modeOf(source), source });
  }
  for (const [path, target] of Object.entries(spec.links ?? {})) {
    leaves.set(path, { kind: 'link', path: path.slice(1), target });
  }
  const folders = new Set([...(spec.folders ?? []), ...[...leaves.keys()].map(parentOf)].flatMap(ancestry));
  return [
    ...[...folders].toSorted().map((path): TarEntry => ({
      kind: 'folder',
      path: path.slice(1),
      mode: path === '/tmp' ? 0o1777 : 0o755,
    })),
    ...[...leaves.keys()].toSorted().flatMap((path) => leaves.get(path) ?? []),
  ];
}

async function modeOf(path: string): Promise<number> {
  return access(path, constants.X_OK).then(
    () => 0o755,
    () => 0o644,
  );
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}

/** `/a/b` → `/a`, `/a/b`. */
function ancestry(path: string): string[] {
  const parts = path.split('/').filter((part) => part !== '');
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`);
}

interface Blob {
  bytes: Buffer;
  digest: string;
}

function jsonBlob(value: object): Blob {
  const bytes = Buffer.from(JSON.stringify(value));
  return { bytes, digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}` };
}

async function measure(pieces: AsyncIterable<Buffer>): Promise<{ digest: string; size: number }> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const piece of pieces) {
    hash.update(piece);
    size += piece.length;
  }
  return { digest: `sha256:${hash.digest('hex')}`, size };
}

function blobPath(digest: string): string {
  return `blobs/sha256/${digest.slice('sha256:'.length)}`;
}

function file(path: string, source: Buffer): TarEntry {
  return { kind: 'file', path, mode: 0o644, source };
}

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeImage, type ImageSpec } from './oci-image.ts';

const folder = mkdtempSync(join(tmpdir(), 'hks-image-'));
const layout = join(folder, 'layout');
const spec: ImageSpec = {
  name: 'docker.io/library/example:1.2',
  files: { '/bin/tool': join(folder, 'tool'), '/etc/deep/settings': join(folder, 'settings') },
  links: { '/bin/alias': '/bin/tool' },
  folders: ['/tmp'],
  entrypoint: ['/bin/tool', 'serve'],
  user: '65535:65535',
};
let digest = '';

beforeAll(async () => {
  writeFileSync(join(folder, 'tool'), '#!/bin/sh\necho hello\n', { mode: 0o755 });
  // Neither empty nor a multiple of a block.
  writeFileSync(join(folder, 'settings'), 'x'.repeat(1000), { mode: 0o600 });
  digest = await writeImage(join(folder, 'image.tar'), spec);
  mkdirSync(layout);
  execFileSync('tar', ['-xf', join(folder, 'image.tar'), '-C', layout]);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function blob(of: string): Buffer {
  return readFileSync(join(layout, 'blobs/sha256', of.slice('sha256:'.length)));
}

function json(bytes: Buffer | string): Record<string, unknown> {
  return JSON.parse(bytes.toString());
}

describe('an image of one layer', () => {
  it('is in OCI image layout and carries its name', () => {
    expect(json(readFileSync(join(layout, 'oci-layout')))).toEqual({ imageLayoutVersion: '1.0.0' });
    expect(json(readFileSync(join(layout, 'index.json')))).toMatchObject({
      schemaVersion: 2,
      manifests: [
        {
          digest,
          annotations: {
            'io.containerd.image.name': 'docker.io/library/example:1.2',
            'org.opencontainers.image.ref.name': '1.2',
          },
        },
      ],
    });
  });

  it('names every blob by the digest and the size that it has', () => {
    const manifest = json(blob(digest));
    const blobs = [manifest['config'], ...(manifest['layers'] as unknown[])] as {
      digest: string;
      size: number;
    }[];
    expect(blobs).toHaveLength(2);
    for (const { digest: named, size } of [...blobs, { digest, size: blob(digest).length }]) {
      expect(`sha256:${createHash('sha256').update(blob(named)).digest('hex')}`).toBe(named);
      expect(blob(named)).toHaveLength(size);
    }
    const config = json(blob(blobs[0]?.digest ?? ''));
    expect(config['rootfs']).toEqual({ type: 'layers', diff_ids: [blobs[1]?.digest] });
    expect(config['config']).toMatchObject({ Entrypoint: ['/bin/tool', 'serve'], User: '65535:65535' });
  });

  it('unpacks to the files, with their rights, links and folders', () => {
    const layers = json(blob(digest))['layers'] as { digest: string }[];
    const unpacked = join(folder, 'unpacked');
    mkdirSync(unpacked);
    execFileSync('tar', ['-xpf', '-', '-C', unpacked], { input: blob(layers[0]?.digest ?? '') });
    expect(execFileSync(join(unpacked, 'bin/tool'), { encoding: 'utf8' })).toBe('hello\n');
    expect(readFileSync(join(unpacked, 'etc/deep/settings'), 'utf8')).toBe('x'.repeat(1000));
    expect(statSync(join(unpacked, 'tmp')).mode & 0o7777).toBe(0o1777);
    const list = execFileSync('tar', ['-tvf', '-'], {
      input: blob(layers[0]?.digest ?? ''),
      encoding: 'utf8',
    });
    expect(list).toContain('bin/alias -> /bin/tool');
  });

  it('is the same when made again, so that nothing is imported twice', async () => {
    expect(await writeImage(join(folder, 'again.tar'), spec)).toBe(digest);
    expect(readFileSync(join(folder, 'again.tar')).equals(readFileSync(join(folder, 'image.tar')))).toBe(
      true,
    );
    writeFileSync(join(folder, 'settings'), 'y');
    expect(await writeImage(join(folder, 'other.tar'), spec)).not.toBe(digest);
  });

  it('refuses names that the archive format cannot hold', async () => {
    const long = { ...spec, links: { [`/${'long'.repeat(30)}`]: '/bin/tool' } };
    await expect(writeImage(join(folder, 'long.tar'), long)).rejects.toThrow('too long');
  });
});

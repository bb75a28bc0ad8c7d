import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { HostLevel } from '@hexabase/testkit/host-cluster.ts';
import { runProgram } from '../run-program.ts';
import { folders } from '../settings.ts';
import { earlierImage } from '../earlier-kubernetes.ts';
import { imagesOf } from './catalogue.ts';
import { writeImage, type ImageSpec } from './oci-image.ts';

/** An image archive on this machine. */
export interface ImageFile {
  name: string;
  path: string;
  /** Of its manifest. */
  digest: string;
}

/** Makes the images of a level, those whose contents have changed. */
export async function makeImages(
  level: HostLevel,
  { say, upgrade = false }: { say: (line: string) => void; upgrade?: boolean | undefined },
): Promise<ImageFile[]> {
  await mkdir(folders.images, { recursive: true });
  const busybox = (await runProgram('sh', ['-c', 'command -v busybox'])).trim();
  const applets = (await runProgram(busybox, ['--list'])).split('\n').filter((line) => line !== '');
  const images: ImageFile[] = [];
  const specs = imagesOf(level, busybox, applets);
  const { kubernetes } = specs;
  const earlier = upgrade && kubernetes ? { 'kubernetes-earlier': earlierImage(kubernetes) } : {};
  for (const [file, spec] of Object.entries({ ...specs, ...earlier })) {
    const path = join(folders.images, `${file}.tar`);
    const note = `${path}.json`;
    const stamp = await stampOf(spec);
    const known = existsSync(note) && existsSync(path) ? parseNote(await readFile(note, 'utf8')) : null;
    if (known?.stamp === stamp) {
      images.push({ name: spec.name, path, digest: known.digest });
      continue;
    }
    const digest = await writeImage(path, spec);
    await writeFile(note, JSON.stringify({ stamp, digest }));
    say(`  image ${spec.name}`);
    images.push({ name: spec.name, path, digest });
  }
  return images;
}

/** Size and time of change of what goes in, and how it is put together. */
async function stampOf(spec: ImageSpec): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(spec));
  for (const source of Object.values(spec.files)) {
    const { size, mtimeMs } = await stat(source);
    hash.update(`${source} ${size} ${mtimeMs}\n`);
  }
  return hash.digest('hex');
}

function parseNote(text: string): { stamp: string; digest: string } | null {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null || !('stamp' in value) || !('digest' in value)) return null;
  return { stamp: String(value.stamp), digest: String(value.digest) };
}

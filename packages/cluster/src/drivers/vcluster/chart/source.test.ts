import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TenantConflictError } from '../../../port.ts';
import { createRenderer } from './render.ts';
import { folderDigest, localChart } from './source.ts';

describe('a chart that is pinned', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'chart-'));
    await mkdir(join(folder, 'one/templates'), { recursive: true });
    await writeFile(join(folder, 'one/Chart.yaml'), 'name: x\n');
    await writeFile(join(folder, 'one/templates/a.yaml'), 'a: 1\n');
    await writeFile(join(folder, 'chart.tgz'), 'not really');
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('is the same folder wherever it lies, and another one when a file changes or is moved', async () => {
    const one = join(folder, 'one');
    await cp(one, join(folder, 'two'), { recursive: true });
    const digest = await folderDigest(one);
    expect(await folderDigest(join(folder, 'two'))).toBe(digest);
    await writeFile(join(folder, 'two/templates/a.yaml'), 'a: 2\n');
    expect(await folderDigest(join(folder, 'two'))).not.toBe(digest);
    expect(await localChart({ location: one, digest })).toEqual({ path: one, digest });
  });

  it('is refused for good when it is another one', async () => {
    const wrong = { location: join(folder, 'one'), digest: `sha256:${'0'.repeat(64)}` };
    await expect(localChart(wrong)).rejects.toThrow(TenantConflictError);
    await expect(localChart(wrong)).rejects.toThrow('is not the one that was pinned');
  });

  it('may be a packed file', async () => {
    const location = join(folder, 'chart.tgz');
    const digest = `sha256:${createHash('sha256').update('not really').digest('hex')}`;
    expect(await localChart({ location, digest })).toEqual({ path: location, digest });
    await expect(localChart({ location, digest: 'sha256:x' })).rejects.toThrow(TenantConflictError);
  });

  it('cannot be rendered without a helm program, and the error says so', async () => {
    const renderer = createRenderer({
      source: { location: join(folder, 'one'), digest: null },
      helm: join(folder, 'no-helm'),
    });
    const rendering = renderer.render({
      workspaceId: '01a20000-0000-7000-8000-00000000abcd',
      hostVersion: 'v1.34.4',
      values: '{}',
    });
    await expect(rendering).rejects.toThrow(/helm program .*no-helm cannot be run/);
  });
});

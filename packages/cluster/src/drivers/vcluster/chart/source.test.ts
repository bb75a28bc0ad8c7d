import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TenantConflictError } from '../../../port.ts';
import { createRenderer } from './render.ts';
import { packChart, unpackChart } from '../release/chart-archive.ts';
import { readChart } from './source.ts';

const input = {
  workspaceId: '01a20000-0000-7000-8000-00000000abcd',
  hostVersion: 'v1.34.4',
  values: '{}',
};

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

  const digestAt = async (location: string) => (await readChart({ location, digest: null })).digest;

  it('is the same folder wherever it lies, and another one when a file changes or is moved', async () => {
    const one = join(folder, 'one');
    await cp(one, join(folder, 'two'), { recursive: true });
    const digest = await digestAt(one);
    expect(await digestAt(join(folder, 'two'))).toBe(digest);
    await writeFile(join(folder, 'two/templates/a.yaml'), 'a: 2\n');
    expect(await digestAt(join(folder, 'two'))).not.toBe(digest);
    expect((await readChart({ location: one, digest })).digest).toBe(digest);
  });

  it('is refused for good when it is another one', async () => {
    const wrong = { location: join(folder, 'one'), digest: `sha256:${'0'.repeat(64)}` };
    await expect(readChart(wrong)).rejects.toThrow(TenantConflictError);
    await expect(readChart(wrong)).rejects.toThrow('is not the one that was pinned');
  });

  it('may be a packed file', async () => {
    const location = join(folder, 'chart.tgz');
    const digest = `sha256:${createHash('sha256').update('not really').digest('hex')}`;
    expect((await readChart({ location, digest })).digest).toBe(digest);
    await expect(readChart({ location, digest: 'sha256:x' })).rejects.toThrow(TenantConflictError);
  });

  it('is no chart without a Chart.yaml', async () => {
    await expect(digestAt(join(folder, 'one/templates'))).rejects.toThrow('has no Chart.yaml');
  });

  it('is the same mounted from a ConfigMap, and what a link leads to counts', async () => {
    const mount = join(folder, 'mount');
    await cp(join(folder, 'one'), join(mount, '..2026_01'), { recursive: true });
    await symlink('..2026_01', join(mount, '..data'));
    for (const name of ['Chart.yaml', 'templates']) await symlink(`..data/${name}`, join(mount, name));
    const digest = await digestAt(mount);
    expect(digest).toBe(await digestAt(join(folder, 'one')));
    await writeFile(join(mount, '..2026_01/templates/a.yaml'), 'a: 3\n');
    expect(await digestAt(mount)).not.toBe(digest);
  });

  it('has no links that lead out of it, nowhere, or in a circle', async () => {
    const links = [
      ['link.yaml', join(folder, 'one/templates/a.yaml')],
      ['link.yaml', 'not-there'],
      ['link.yaml', '.'],
      ['templates/link.yaml', '.'],
    ] as const;
    for (const [name, target] of links) {
      const linked = await mkdtemp(join(folder, 'linked-'));
      await cp(join(folder, 'one'), linked, { recursive: true });
      await symlink(target, join(linked, name));
      await expect(digestAt(linked)).rejects.toThrow(TenantConflictError);
    }
  });

  it('stays what was read, recorded and taken back, whatever becomes of its place', async () => {
    const location = join(folder, 'changing');
    await cp(join(folder, 'one'), location, { recursive: true });
    const chart = await readChart({ location, digest: null });
    await rm(location, { recursive: true });
    const packed = await packChart(chart);
    expect(await unpackChart(packed, chart.digest)).toEqual(chart);
    await expect(unpackChart(packed, `sha256:${'0'.repeat(64)}`)).rejects.toThrow(TenantConflictError);
  });

  it('is fetched once into a folder that is ours alone, and again when what is kept there is spoilt', async () => {
    let fetched = 0;
    const server = createServer((_request, response) => {
      fetched += 1;
      response.end('not really');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const keptIn = join(folder, 'kept');
    const digest = await digestAt(join(folder, 'chart.tgz'));
    const read = () => readChart({ location: `http://127.0.0.1:${port}/x.tgz`, digest }, keptIn);
    try {
      await read();
      await read();
      expect(fetched).toBe(1);
      expect((await stat(keptIn)).mode & 0o777).toBe(0o700);
      const [kept = ''] = await readdir(keptIn);
      await writeFile(join(keptIn, kept), 'another one');
      expect((await read()).digest).toBe(digest);
      expect(fetched).toBe(2);
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });

  it('cannot be rendered without a helm program, and the error says so', async () => {
    const chart = await readChart({ location: join(folder, 'one'), digest: null });
    const renderer = createRenderer(chart, join(folder, 'no-helm'));
    await expect(renderer.render(input)).rejects.toThrow(/helm program .*no-helm cannot be run/);
  });

  it('says in words why there is no helm, for whoever waits for a workspace', async () => {
    const chart = await readChart({ location: join(folder, 'one'), digest: null });
    const renderer = createRenderer(chart, () => Promise.reject(new Error('There is no helm on PATH.')));
    await expect(renderer.render(input)).rejects.toMatchObject({
      reason: 'HelmUnusable',
      message: 'There is no helm on PATH.',
    });
  });
});

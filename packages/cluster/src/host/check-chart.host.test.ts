import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ownHost } from '@hexabase/testkit/host-cluster.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defaultImages } from '../drivers/vcluster/options.ts';
import { checkChart } from './check-chart.ts';

const own = ownHost();

describe.skipIf(own === null)('a chart, looked at with helm', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'check-chart-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const check = (location: string) =>
    checkChart({
      source: { location, digest: null },
      keptIn: join(folder, 'kept'),
      images: defaultImages,
      tenantVersion: 'v1.36.0',
      helm: own?.helm ?? null,
      hostVersion: 'v1.34.4',
      signal: AbortSignal.timeout(30_000),
    });

  async function chartWith(name: string, files: Readonly<Record<string, string>>): Promise<string> {
    const place = join(folder, name);
    await mkdir(join(place, 'templates'), { recursive: true });
    for (const [path, text] of Object.entries(files)) await writeFile(join(place, path), text);
    return place;
  }

  it('is in order when it makes a control plane of our values', async () => {
    expect(await check(own?.chart ?? '')).toMatchObject({ type: 'ChartUsable', status: 'True' });
  });

  it('is told in words when it is a chart of something else, or none that helm can read', async () => {
    const chart = 'apiVersion: v2\nname: other\nversion: 1.0.0\n';
    const other = await chartWith('other', { 'Chart.yaml': chart, 'templates/none.yaml': '' });
    const spoilt = await chartWith('spoilt', { 'Chart.yaml': chart, 'templates/bad.yaml': '{{ nothing' });
    const packed = join(folder, 'packed.tgz');
    await writeFile(packed, 'no archive');
    for (const [place, said] of [
      [other, /other is a chart of something else: it makes no control plane$/],
      [spoilt, /cannot be rendered: .*bad\.yaml/],
      [packed, /cannot be rendered: /],
    ] as const) {
      const found = await check(place);
      expect(found).toMatchObject({ status: 'False', reason: 'ChartUnusable', required: true });
      expect(found.message).toMatch(said);
    }
  });
});

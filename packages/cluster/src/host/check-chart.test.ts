import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { defaultImages } from '../drivers/vcluster/options.ts';
import { checkChart } from './check-chart.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'check-chart-'));
  await mkdir(join(folder, 'chart'));
  await writeFile(join(folder, 'chart/Chart.yaml'), 'name: x\n');
});
afterAll(() => rm(folder, { recursive: true }));

/** Read only: there is no helm. */
const check = (location: string, digest: string | null = null) =>
  checkChart({
    source: { location, digest },
    keptIn: join(folder, 'kept'),
    images: defaultImages,
    tenantVersion: 'v1.36.0',
    helm: null,
    hostVersion: null,
    signal: AbortSignal.timeout(10_000),
  });

it('a chart that is there is in order, and its digest is told for whoever wants to pin it', async () => {
  const found = await check(join(folder, 'chart'));
  expect(found).toMatchObject({ type: 'ChartUsable', status: 'True' });
  const [digest = ''] = /sha256:[0-9a-f]{64}/.exec(found.message) ?? [];
  expect(await check(join(folder, 'chart'), digest)).toMatchObject({
    status: 'True',
    message: `The vCluster chart ${join(folder, 'chart')} is the pinned one`,
  });
});

it('a chart that is missing, another one, no chart, or does not come is told in words before the first workspace', async () => {
  const server = createServer((_request, response) => response.writeHead(404).end());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const url = `http://127.0.0.1:${port}/vcluster.tgz`;
  const refused = async (location: string, said: RegExp, digest?: string) => {
    const found = await check(location, digest);
    expect(found).toMatchObject({ status: 'False', reason: 'ChartUnusable', required: true });
    expect(found.message).toMatch(said);
    expect(found.todo).toContain('HKS_VCLUSTER_CHART');
  };
  await refused('/nonexistent', /chart \/nonexistent does not exist$/);
  await refused(folder, /has no Chart\.yaml$/);
  const wrong = `sha256:${'0'.repeat(64)}`;
  await refused(join(folder, 'chart'), /is not the one that was pinned: .* expected sha256:0{64}/, wrong);
  await refused(url, /vcluster\.tgz answers 404$/);
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
  await refused(url, /cannot be fetched from http:.*ECONNREFUSED/);
});

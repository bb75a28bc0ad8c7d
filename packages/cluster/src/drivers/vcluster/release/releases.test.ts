import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemClock } from '@hexabase/kernel/clock.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { createKubeClient, type KubeClient } from '../../../kube-api/client.ts';
import { fieldOf, isRecord, textOf } from '../host/objects.ts';
import { defaultImages } from '../options.ts';
import { hostReleases } from './releases.ts';

test('a chart that is edited while we run is never recorded under the name of what it was', async () => {
  await using stack = new AsyncDisposableStack();
  const location = await mkdtemp(join(tmpdir(), 'chart-'));
  stack.defer(() => rm(location, { recursive: true }));
  const host = stack.use(recordKeeper());
  let metrics = false;
  /** As a process of ours has them. */
  const open = () =>
    hostReleases(
      {
        host,
        hostName: 'here',
        chart: { source: { location, digest: null }, helm: 'helm' },
        images: defaultImages,
        kubernetesVersions: ['v1.34.4'],
        issuerAuthority: null,
        reach: 'tunnel',
        clock: systemClock,
        log: silentLogger,
      },
      async () => ({ version: 'v1.34.4', serviceCidr: '10.96.0.0/16', metrics }),
    );
  const signal = AbortSignal.timeout(10_000);
  await writeFile(join(location, 'Chart.yaml'), `version: 1.0.0 # ${location}\n`);
  const running = open();
  const first = await running.newest(signal);
  await writeFile(join(location, 'Chart.yaml'), 'version: 2.0.0\n');
  metrics = true;
  const second = await running.newest(signal);
  expect(second.id).not.toBe(first.id);
  // Another process compares what is recorded with the digest that is recorded.
  for (const { id } of [second, first]) expect((await open().byId(id, signal)).id).toBe(id);
  // It has read the chart as it is now.
  expect([first.id, second.id]).not.toContain((await open().newest(signal)).id);
});

/** A host that keeps what is recorded, and does nothing else. */
function recordKeeper(): KubeClient {
  const kept = new Map<string, unknown>();
  return {
    ...createKubeClient({
      server: 'https://127.0.0.1:1',
      certificateAuthority: null,
      credentials: { kind: 'token', token: '' },
    }),
    async request({ method, path, body }) {
      const place = path.replace(/\?.*/, '');
      if (method === 'GET') return { status: kept.has(place) ? 200 : 404, body: kept.get(place) ?? null };
      kept.set(`${place}/${textOf(fieldOf(body, 'metadata', 'name'))}`, isRecord(body) ? body : null);
      return { status: 201, body };
    },
  };
}

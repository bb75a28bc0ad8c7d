import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fixedClock, systemClock, type Clock } from '@hexabase/kernel/clock.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { abortable } from '../../../abortable.ts';
import { createKubeClient, type KubeClient } from '../../../kube-api/client.ts';
import { usualMetricsService } from '../host/metrics-service.ts';
import { fieldOf, isRecord, textOf } from '../host/objects.ts';
import { defaultImages } from '../options.ts';
import { hostReleases, type Releases } from './releases.ts';

const signal = AbortSignal.timeout(60_000);

test('a chart that is edited while we run is never recorded under the name of what it was', async () => {
  await using stack = new AsyncDisposableStack();
  const location = await chartFolder(stack);
  const { host } = recordKeeper(stack);
  let metrics = false;
  /** As a process of ours has them. */
  const open = () => releasesOf({ host, location, clock: systemClock, metrics: () => metrics });
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

test('a record that was deleted is written again a minute later, and nobody asks the host more often', async () => {
  await using stack = new AsyncDisposableStack();
  const location = await chartFolder(stack);
  const { host, kept, written } = recordKeeper(stack);
  const clock = fixedClock(0);
  const open = () => releasesOf({ host, location, clock });
  const running = open();
  const { id } = await running.newest(signal);
  kept.clear();
  clock.advance(59_999);
  expect((await running.newest(signal)).id).toBe(id);
  expect(written()).toBe(1);
  await expect(open().byId(id, signal)).rejects.toMatchObject({ reason: 'ReleaseGone' });
  clock.advance(1);
  expect((await running.newest(signal)).id).toBe(id);
  expect((await open().byId(id, signal)).id).toBe(id);
  await running.newest(signal);
  expect(written()).toBe(2);
});

test('a record that was deleted is written again before somebody gets the release, by whichever way it was had', async () => {
  await using stack = new AsyncDisposableStack();
  const location = await chartFolder(stack);
  const { host, kept } = recordKeeper(stack);
  const open = () => releasesOf({ host, location, clock: systemClock });
  const newest = await open().newest(signal);
  const recorded = [...kept];
  for (const release of [newest, await open().byId(newest.id, signal)]) {
    kept.clear();
    await release.keep(signal);
    expect([...kept]).toEqual(recorded);
  }
});

test('who gives up ends the reading of a record for nobody else who waits for it', async () => {
  await using stack = new AsyncDisposableStack();
  const location = await chartFolder(stack);
  const { host } = recordKeeper(stack);
  const { id } = await releasesOf({ host, location, clock: systemClock }).newest(signal);
  const gate = Promise.withResolvers<void>();
  /** Slow, and ends when it is told to, as the real one does. */
  const slow: KubeClient = {
    ...host,
    request: (request) => abortable(request.signal, () => gate.promise.then(() => host.request(request))),
  };
  const running = releasesOf({ host: slow, location, clock: systemClock });
  const [first, third] = [new AbortController(), new AbortController()];
  const waiting = [first.signal, signal, third.signal].map((of) => running.byId(id, of));
  const outcomes = Promise.allSettled(waiting);
  first.abort(new Error('the first gives up'));
  third.abort(new Error('the third gives up'));
  await expect(waiting[0]).rejects.toThrow('the first gives up');
  await expect(waiting[2]).rejects.toThrow('the third gives up');
  gate.resolve();
  expect((await outcomes).map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'rejected']);
});

async function chartFolder(stack: AsyncDisposableStack): Promise<string> {
  const location = await mkdtemp(join(tmpdir(), 'chart-'));
  stack.defer(() => rm(location, { recursive: true }));
  await writeFile(join(location, 'Chart.yaml'), `version: 1.0.0 # ${location}\n`);
  return location;
}

interface Given {
  host: KubeClient;
  location: string;
  clock: Clock;
  metrics?: () => boolean;
}

function releasesOf({ host, location, clock, metrics = () => false }: Given): Releases {
  return hostReleases(
    {
      host,
      hostName: 'here',
      chart: { source: { location, digest: null }, helm: 'helm' },
      images: defaultImages,
      kubernetesVersions: ['v1.34.4'],
      issuerAuthority: null,
      reach: 'tunnel',
      clock,
      log: silentLogger,
    },
    async () => ({
      version: 'v1.34.4',
      serviceCidr: '10.96.0.0/16',
      metrics: metrics() ? usualMetricsService : null,
      apiPorts: [],
    }),
  );
}

/** A host that keeps what is recorded, and does nothing else. */
function recordKeeper(stack: AsyncDisposableStack) {
  const kept = new Map<string, unknown>();
  let writes = 0;
  const client = createKubeClient({
    server: 'https://127.0.0.1:1',
    certificateAuthority: null,
    credentials: { kind: 'token', token: '' },
  });
  stack.use(client);
  const host: KubeClient = {
    ...client,
    async request({ method, path, body }) {
      const place = path.replace(/\?.*/, '');
      if (method === 'GET') return { status: kept.has(place) ? 200 : 404, body: kept.get(place) ?? null };
      writes += 1;
      const name = `${place}/${textOf(fieldOf(body, 'metadata', 'name'))}`;
      if (kept.has(name)) return { status: 409, body: null };
      kept.set(name, isRecord(body) ? body : null);
      return { status: 201, body };
    },
  };
  return { host, kept, written: () => writes };
}

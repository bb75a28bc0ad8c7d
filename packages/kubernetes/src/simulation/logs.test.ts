import { expect, it } from 'vitest';
import { StatusError } from '../api/status-error.ts';
import type { Pod, PodSpec } from '../objects.ts';
import { createTimers } from '../controllers/timers.ts';
import { testCluster, type TestCluster } from '../controllers/testing/test-cluster.ts';
import { streamPodLog } from './logs.ts';
import { nodeUsage, podUsage } from './usage.ts';

const app = (cluster: TestCluster): Pod => {
  const pod = cluster.client.get<Pod>('/pods', 'default', 'app');
  if (!pod) throw new Error('no pod');
  return pod;
};

async function run(cluster: TestCluster, spec: Partial<PodSpec> = {}): Promise<void> {
  await cluster.client.create<Pod>('/pods', {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'app', namespace: 'default' },
    spec: { containers: [{ name: 'main', image: 'nginx' }], ...spec },
  });
  await cluster.settle();
}

const measured = (cluster: TestCluster) => ({
  store: cluster.client.store,
  deps: { clock: { now: cluster.now } },
});

async function log(cluster: TestCluster, query: Record<string, string> = {}): Promise<string[]> {
  let text = '';
  const write = (chunk: string): void => void (text += chunk);
  const signal = new AbortController().signal;
  await streamPodLog({
    cluster: measured(cluster),
    pod: app(cluster),
    container: 'main',
    query: new URLSearchParams(query),
    write,
    signal,
  });
  return text.split('\n').filter((line) => line !== '');
}

it('a log says first that nothing runs, and reads the same when asked twice', async () => {
  await using cluster = await testCluster();
  await run(cluster);
  await cluster.advance(120_000);
  const lines = await log(cluster);
  expect(lines[0]).toContain('[simulated]');
  expect(lines[1]).toContain('HTTP/1.1');
  expect(await log(cluster)).toEqual(lines);
});

it('tailLines, sinceSeconds, timestamps and limitBytes cut as asked', async () => {
  await using cluster = await testCluster();
  await run(cluster);
  await cluster.advance(600_000);
  const all = await log(cluster);
  expect(await log(cluster, { tailLines: '3' })).toEqual(all.slice(-3));
  expect(await log(cluster, { sinceSeconds: '60' })).toEqual(all.slice(-5));
  expect((await log(cluster, { timestamps: 'true' }))[0]).toMatch(
    /^2026-03-01T12:00:00\.000000000Z \[simulated\]/,
  );
  expect((await log(cluster, { limitBytes: '10' })).join('\n')).toHaveLength(10);
});

it('a log that cannot be had says why', async () => {
  await using cluster = await testCluster();
  await run(cluster, { containers: [{ name: 'main', image: 'nginx:nope' }] });
  await expect(log(cluster)).rejects.toThrow(
    'container "main" in pod "app" is waiting to start: trying and failing to pull image',
  );
  await expect(log(cluster, { previous: 'true' })).rejects.toThrow(StatusError);
});

it('the log of the run before is there after a crash', async () => {
  await using cluster = await testCluster();
  await run(cluster, {
    containers: [{ name: 'main', image: 'busybox', command: ['sh', '-c', 'echo oops; exit 3'] }],
  });
  expect(await log(cluster, { previous: 'true' })).toEqual([
    expect.stringContaining('[simulated]'),
    'oops',
    '[simulated] ended with exit code 3 (Error)',
  ]);
});

it('a followed log ends when its pod does, and when the client goes', async () => {
  await using cluster = await testCluster();
  await run(cluster);
  const timers = createTimers({ now: cluster.now }, () => () => undefined);
  const lines: string[] = [];
  const following = (signal: AbortSignal) =>
    streamPodLog({
      cluster: measured(cluster),
      pod: app(cluster),
      container: 'main',
      query: new URLSearchParams({ follow: 'true' }),
      write: (chunk) => void lines.push(chunk),
      signal,
      timers,
    });
  const gone = new AbortController();
  const first = following(gone.signal);
  gone.abort();
  await first;
  const second = following(new AbortController().signal);
  const before = lines.length;
  await cluster.advance(60_000);
  timers.fire();
  expect(lines.length).toBeGreaterThan(before);
  await cluster.client.delete('/pods', { namespace: 'default', name: 'app' });
  await cluster.settle();
  await second;
});

it('usage stays within the request, adds up on the node, and is labelled simulated', async () => {
  await using cluster = await testCluster();
  await run(cluster, {
    containers: [{ name: 'main', image: 'nginx', resources: { requests: { cpu: '1', memory: '1Gi' } } }],
  });
  const usage = podUsage(measured(cluster), app(cluster));
  expect(JSON.stringify(usage?.metadata.annotations)).toContain('simulated');
  const cpu = /"cpu":"(\d+)n"/.exec(JSON.stringify(usage))?.[1];
  expect(Number(cpu)).toBeGreaterThan(100e6);
  expect(Number(cpu)).toBeLessThan(1e9);
  const node = cluster.client.get('/nodes', '', app(cluster).spec.nodeName ?? '');
  const onNode = /"cpu":"(\d+)n"/.exec(JSON.stringify(node && nodeUsage(measured(cluster), node)))?.[1];
  expect(Number(onNode)).toBeGreaterThan(Number(cpu));
});

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { localDriver, type LocalDriver } from '@hexabase/cluster/drivers/local/driver.ts';
import { systemClock } from '@hexabase/kernel/clock.ts';
import { newId } from '@hexabase/kernel/id.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { kubeBinaries } from '@hexabase/testkit/host-cluster.ts';
import { until } from '@hexabase/testkit/given.ts';
import { hasJobAtWork, standstillMsMax } from './jobs.ts';
import { tenantPages } from './tenant-pages.ts';
import { whatSleepEnds } from './what-ends.ts';

const binaries = kubeBinaries();
const id = newId<'Workspace'>();
const settleMs = 100_000;
const call = () => ({ signal: AbortSignal.timeout(settleMs) });
const container = { name: 'one', image: 'example.test/none' };

describe.skipIf(binaries === null)('what sleep ends, as a real API server tells it', () => {
  let root: string;
  let driver: LocalDriver;

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'hks-ends-'));
    const options = { root, binaries: binaries ?? '', issuerAuthority: () => null };
    driver = await localDriver({ ...options, clock: systemClock, log: silentLogger });
    await driver.ensureTenant(
      {
        workspaceId: id,
        slug: 'ends',
        fence: 1,
        generation: 1,
        identity: { issuer: 'https://hexabase.example/oidc', audience: `ws:${id}` },
        size: { cpuMilli: 2000, memoryMib: 4096, storageGib: 10 },
        isolation: 'shared',
        asleep: false,
        kubernetesVersion: null,
      },
      call(),
    );
    await until(async () => {
      const state = await driver.observeTenant(id, call());
      return state.kind === 'present' && state.ready;
    });
  });
  afterAll(async () => {
    await driver?.removeTenant(id, 2, call());
    await driver?.[Symbol.asyncDispose]();
    await rm(root, { recursive: true, force: true });
  });

  const make = async (path: string, body: object) => {
    const answer = await driver.tenantClient(id).request({ method: 'POST', path, body, ...call() });
    expect(answer.status).toBe(201);
  };
  const makeJob = (name: string, { suspend = false, ...template }: Record<string, unknown> = {}) =>
    make('/apis/batch/v1/namespaces/default/jobs', {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name },
      spec: { suspend, template: { spec: { restartPolicy: 'Never', containers: [container], ...template } } },
    });
  const isAtWork = (laterMs: number) =>
    hasJobAtWork(driver.tenantClient(id), { nowMs: Date.now() + laterMs, ...call() });
  const podsOf = async () => {
    const answer = await driver.tenantClient(id).request({ method: 'GET', path: '/api/v1/pods', ...call() });
    return JSON.stringify(answer.body);
  };

  it('a job that is held back is not at work, one that no node takes only for some hours', async () => {
    await makeJob('held', { suspend: true });
    expect(await isAtWork(0)).toBe(false);
    await makeJob('nowhere', { nodeSelector: { there: 'is-none' } });
    await until(async () => (await podsOf()).includes('"nowhere-'));
    expect(await isAtWork(0)).toBe(true);
    expect(await isAtWork(standstillMsMax + 60_000)).toBe(false);
  });

  it('jobs that are larger together than an answer that is read are read all the same', async () => {
    const env = [{ name: 'LARGE', value: 'x'.repeat(1024 * 1024) }];
    for (let one = 0; one < 10; one++)
      await makeJob(`large-${one}`, { suspend: true, containers: [{ ...container, env }] });
    const read: number[] = [];
    const jobs = '/apis/batch/v1/namespaces/default/jobs';
    for await (const page of tenantPages(driver.tenantClient(id), jobs, call().signal))
      read.push(page.length);
    expect(Math.max(...read)).toBeLessThan(9);
    expect(read.reduce((sum, count) => sum + count)).toBeGreaterThanOrEqual(10);
  });

  it('pods without a controller and jobs that have not ended are named, others are not', async () => {
    await make('/api/v1/namespaces/default/pods', {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'debug' },
      spec: { containers: [container] },
    });
    const asked = { sleepEndsPods: async () => true, tenantClient: driver.tenantClient };
    expect(await whatSleepEnds(asked, id, call().signal)).toEqual({
      pods: { count: 1, names: ['default/debug'] },
      jobs: { count: 1, names: ['default/nowhere'] },
    });
  });
});

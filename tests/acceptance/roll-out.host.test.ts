import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { changedChart, minorsAhead } from '@hexabase/testkit/changed-chart.ts';
import { hostCluster } from '@hexabase/testkit/host-cluster.ts';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { hostFlags, hostKubectls, hostSettings, until } from './host-product.ts';
import { kubectlSession } from './kubectl-session.ts';
import { startProduct, succeed, type Product } from './product.ts';

// A vCluster takes its time to start, and more of it on a busy machine.
vi.setConfig({ testTimeout: 800_000, hookTimeout: 400_000 });

const host = hostCluster('tenant');
const slug = 'rolled-out';
/** Its turn would come after the first one's. */
const next = 'next-in-line';
const nowhere = 'registry.invalid/nobody/vcluster:1.0.0';

/** What an operator changes for all workspaces, on a real vCluster, with the product's own settings. */
describe.skipIf(host === null || host.issuerAddress === null)('a roll-out on a real host cluster', () => {
  let product: Product;
  let charts: string;
  let flags: string[];
  let id = '';
  const [program = ''] = Object.values(hostKubectls(host));
  const onHost = kubectlSession(program, () => ({ PATH: process.env['PATH'], KUBECONFIG: host?.kubeconfig }));
  const ofOwner = () => join(product.configDir, 'owner.yaml');
  const { kubectl } = kubectlSession(program, () => ({ ...product.env, KUBECONFIG: ofOwner() }));
  const ofControlPlane = (path: string, of = id) =>
    onHost.kubectl('-n', `hexabase-ws-${of}`, 'get', 'statefulset', '-o', `jsonpath={.items[0]${path}}`);
  const release = (of = id) =>
    onHost.kubectl(
      'get',
      'namespace',
      `hexabase-ws-${of}`,
      '-o',
      String.raw`jsonpath={.metadata.annotations.hexabase\.ai/release}`,
    );
  const shown = async (name = slug) =>
    JSON.parse(succeed(await product.hks(['workspace', 'get', name, '-o', 'json']))) as {
      id: string;
      phase: string;
      conditions: { type: string; status: string; reason: string; message: string }[];
    };
  const upgraded = async (name = slug) =>
    (await shown(name)).conditions.find(({ type }) => type === 'Upgraded');
  const active = () => until(async () => (await shown()).phase === 'active', 300);

  beforeAll(async () => {
    charts = await mkdtemp(join(tmpdir(), 'hks-charts-'));
    await cp(host?.chart ?? '', join(charts, 'old'), { recursive: true, dereference: true });
    await changedChart(host?.chart ?? '', join(charts, 'new'), minorsAhead(1));
    flags = await hostFlags(host);
    const settings = { ...hostSettings(host), HKS_PASSWORDS: 'on', HKS_VCLUSTER_CHART: join(charts, 'old') };
    product = await startProduct(flags, settings);
    succeed(await product.hks(['organization', 'update', 'my-organization', '--plan', 'pro']));
    succeed(await product.hks(['workspace', 'create', slug, '--plan', 'starter'], { timeoutMs: 300_000 }));
    ({ id } = await shown());
    await writeFile(ofOwner(), succeed(await product.hks(['kubeconfig', slug])));
    await kubectl('create', 'configmap', 'remembered', '--from-literal=since=before');
  });
  afterAll(async () => {
    for (const name of [slug, next])
      await product?.hks(['workspace', 'delete', name, '--yes'], { timeoutMs: 180_000 });
    await product?.[Symbol.asyncDispose]();
    await rm(charts, { recursive: true, force: true });
  });

  async function restartWith(settings: NodeJS.ProcessEnv): Promise<void> {
    succeed(await product.hks(['down']));
    Object.assign(product.env, settings);
    succeed(await product.up(...flags));
  }

  async function intact(): Promise<void> {
    const since = ['get', 'configmap', 'remembered', '-o', 'jsonpath={.data.since}'];
    expect(await kubectl(...since)).toBe('before');
  }

  it('brings another chart to a workspace as an upgrade, also when the old one is not to be had any more', async () => {
    const before = await release();
    const chart = await ofControlPlane('.metadata.labels.chart');
    await rm(join(charts, 'old'), { recursive: true });
    await restartWith({ HKS_VCLUSTER_CHART: join(charts, 'new') });
    await until(async () => (await upgraded())?.status === 'True', 300);
    await active();
    expect(await release()).not.toBe(before);
    expect(await ofControlPlane('.metadata.labels.chart')).not.toBe(chart);
    expect((await upgraded())?.message).toBe(`It runs release ${await release()} of the control plane`);
    await intact();
  });

  it('takes an image back that nobody has, says why, and goes no further', async () => {
    succeed(await product.hks(['workspace', 'create', next, '--plan', 'starter'], { timeoutMs: 300_000 }));
    const { id: nextId } = await shown(next);
    const before = await release();
    expect(await release(nextId)).toBe(before);
    const image = await ofControlPlane('.spec.template.spec.containers[0].image');
    await restartWith({ HKS_VCLUSTER_IMAGE: nowhere });
    await until(async () => (await upgraded())?.reason === 'RolledBack', 400);
    await active();
    expect((await upgraded())?.message).toMatch(
      new RegExp(`was not healthy after .*${nowhere} .*cannot be had.*going back to release ${before}$`),
    );
    expect(succeed(await product.hks(['why', `workspace/${slug}`]))).toContain('going back to release');
    // It looks each minute, and says so when there is somebody to go on with.
    const stopped = await until(async () => stopsIn(await readFile(logFile(), 'utf8'))[0], 150);
    expect(stopped).toMatchObject({ refusing: [slug] });
    for (const one of [id, nextId]) {
      expect(await release(one)).toBe(before);
      expect(await ofControlPlane('.spec.template.spec.containers[0].image', one)).toBe(image);
    }
    expect(await upgraded(next)).toBeUndefined();
    await intact();
  });

  const logFile = () => join(product.dataDir, 'server.log');
  const stopsIn = (text: string) =>
    text
      .split('\n')
      .filter((line) => line.includes('a roll-out has stopped'))
      .map((line): unknown => JSON.parse(line));
});

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ApplicableObject } from '@hexabase/cluster/kube-api/apply.ts';
import { createRenderer, valuesText } from '@hexabase/cluster/drivers/vcluster/chart/render.ts';
import { readChart } from '@hexabase/cluster/drivers/vcluster/chart/source.ts';
import { smallShared } from '@hexabase/cluster/drivers/vcluster/chart/values-for-tests.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { hostCluster, ownHost } from '@hexabase/testkit/host-cluster.ts';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { findHelm } from '../../apps/server/src/hosts/helm.ts';
import { canRunLayers } from '../../apps/server/src/hosts/npm-layer.ts';
import { packChart, type PackedChart } from './host-chart.ts';
import { hostKubectls, startOnHost } from './host-product.ts';
import { kubectlSession } from './kubectl-session.ts';
import { refused, succeed, type Product } from './product.ts';

// A vCluster takes its time to start, and more of it on a busy machine.
vi.setConfig({ testTimeout: 400_000, hookTimeout: 400_000 });

const own = ownHost();
const wrong = `sha256:${'0'.repeat(64)}`;

describe.skipIf(own === null)('a chart that an operator has mirrored', () => {
  let chart: PackedChart;
  beforeAll(async () => {
    chart = await packChart(own?.chart ?? '');
  });
  const keptIn = mkdtempSync(join(tmpdir(), 'hks-charts-'));
  afterAll(async () => {
    rmSync(keptIn, { recursive: true, force: true });
    await chart[Symbol.asyncDispose]();
  });

  async function rendered(
    location: string,
    digest: string | null,
    helm = own?.helm ?? '',
  ): Promise<ApplicableObject[]> {
    return createRenderer(await readChart({ location, digest }, keptIn), helm).render(input);
  }
  const place = (kind: string): string => (kind === 'path' ? chart.path : chart.url);

  it.each(['path', 'address'])(
    'is taken by its %s when its digest is right, and renders the same',
    async (kind) => {
      const objects = await rendered(place(kind), chart.digest);
      expect(objects.length).toBeGreaterThan(5);
      expect(objects).toEqual(await rendered(own?.chart ?? '', null));
    },
  );

  it.each(['path', 'address'])(
    'is refused by its %s when it is another one, with both digests',
    async (kind) => {
      const said = `is not the one that was pinned: its digest is ${chart.digest}, expected ${wrong}. Nothing was changed.`;
      await expect(rendered(place(kind), wrong)).rejects.toThrow(said);
    },
  );

  it('is fetched once when it is pinned', async () => {
    const before = chart.fetched();
    await rendered(chart.url, chart.digest);
    expect(chart.fetched()).toBe(before);
  });

  it.skipIf(!canRunLayers())(
    'is rendered alike by the helm that is fetched where there is none',
    async () => {
      const dataDir = mkdtempSync(join(tmpdir(), 'hks-helm-'));
      try {
        const settings = { helm: undefined, path: join(dataDir, 'nothing-here') };
        const helm = await findHelm({ settings, dataDir, log: silentLogger });
        expect(helm.startsWith(dataDir)).toBe(true);
        expect(await rendered(chart.path, null, helm)).toEqual(await rendered(chart.path, null));
        // Once: the second time it is there.
        expect(await findHelm({ settings, dataDir, log: silentLogger })).toBe(helm);
      } finally {
        rmSync(dataDir, { recursive: true, force: true });
      }
    },
  );
});

const host = hostCluster('tenant');

describe.skipIf(host?.issuerAddress === null || !host?.chart)(
  'a workspace of a chart that is not the pinned one',
  () => {
    let chart: PackedChart;
    let product: Product;
    const [program = ''] = Object.values(hostKubectls(host));
    const onHost = kubectlSession(program, () => ({
      PATH: process.env['PATH'],
      KUBECONFIG: host?.kubeconfig,
    }));

    beforeAll(async () => {
      chart = await packChart(host?.chart ?? '');
      product = await startOnHost(host, { HKS_VCLUSTER_CHART: chart.url, HKS_VCLUSTER_CHART_DIGEST: wrong });
    });
    afterAll(async () => {
      await product?.[Symbol.asyncDispose]();
      await chart[Symbol.asyncDispose]();
    });

    it('is not made: who asked reads which chart came, and the host has nothing of it', async () => {
      const said = refused(await product.hks(['workspace', 'create', 'unpinned', '--plan', 'starter']));
      expect(said).toContain(`its digest is ${chart.digest}, expected ${wrong}`);
      const { stdout } = await product.hks(['why', 'workspace/unpinned']);
      expect(stdout).toContain('is not the one that was pinned');
      const shown = JSON.parse(
        (await product.hks(['workspace', 'get', 'unpinned', '-o', 'json'])).stdout,
      ) as { id: string };
      const labelled = ['-A', '-l', `hexabase.ai/workspace-id=${shown.id}`];
      const place = 'jsonpath={range .items[*]}{.kind} {.metadata.namespace}/{.metadata.name};{end}';
      const onIt = () =>
        onHost.kubectl('get', 'namespaces,configmaps,secrets,services', ...labelled, '-o', place);
      expect(await onIt()).toBe('');
      expect(await onHost.fails('get', 'namespace', `hexabase-ws-${shown.id}`)).toContain('not found');
      // What a removal leaves is its fence, found by the same search: late workers are refused by it.
      succeed(await product.hks(['workspace', 'delete', 'unpinned', '--yes'], { timeoutMs: 180_000 }));
      expect(await onIt()).toBe(`ConfigMap hexabase-system/hexabase-fence-${shown.id};`);
    });
  },
);

const input = {
  workspaceId: '01a20000-0000-7000-8000-00000000abcd',
  hostVersion: 'v1.34.4',
  values: valuesText(smallShared),
} as const;

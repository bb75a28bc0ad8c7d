import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { tenantSpec } from '@hexabase/cluster/conformance/scene.ts';
import { fieldOf, metaOf } from '@hexabase/cluster/drivers/vcluster/host/objects.ts';
import { fenceNamespace, namesOf, releaseNameOf } from '@hexabase/cluster/drivers/vcluster/names.ts';
import { resourcePath } from '@hexabase/cluster/kube-api/resource-path.ts';
import { TenantConflictError, type TenantSpec } from '@hexabase/cluster/port.ts';
import { changedChart, minorsAhead } from '@hexabase/testkit/changed-chart.ts';
import { ownHost } from '@hexabase/testkit/host-cluster.ts';
import { driverOn, startHostStand, type HostStand } from './host-stand.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const given = ownHost();
const call = () => ({ signal: AbortSignal.timeout(60_000) });

/** On a real host API, with the real chart and a changed copy of it. */
describe.skipIf(given === null)('a chart that an operator changes', () => {
  const stack = new AsyncDisposableStack();
  let stand: HostStand;
  let charts: string;
  const before = tenantSpec();
  const { workspaceId } = before;

  beforeAll(async () => {
    if (!given) return;
    stand = stack.use(await startHostStand(given));
    charts = await mkdtemp(join(tmpdir(), 'hks-charts-'));
    stack.defer(() => rm(charts, { recursive: true, force: true }));
    await cp(given.chart, join(charts, 'old'), { recursive: true, dereference: true });
    await changedChart(given.chart, join(charts, 'new'), minorsAhead(1));
    await changedChart(given.chart, join(charts, 'far'), minorsAhead(3));
  });
  afterAll(() => stack.disposeAsync());

  /** As a process that starts with these settings. */
  const open = (chart: string) => stack.use(driverOn({ ...stand.orders, chart: join(charts, chart) }));

  async function controlPlane(): Promise<{ chart: unknown; memory: unknown; generation: number }> {
    const { namespace, release: name } = namesOf(workspaceId);
    const path = resourcePath('apps/v1', 'StatefulSet', { namespace, name });
    const { body } = await stand.administrator.request({ method: 'GET', path });
    const [container] = Object(fieldOf(body, 'spec', 'template', 'spec', 'containers'));
    const { labels, generation } = metaOf(body);
    return {
      chart: labels['chart'],
      memory: fieldOf(container, 'resources', 'requests', 'memory'),
      generation,
    };
  }

  async function releaseOf(driver: ReturnType<typeof open>): Promise<string | null | undefined> {
    const state = await driver.observeTenant(workspaceId, call());
    return state.kind === 'present' ? state.release : undefined;
  }

  let old = '';
  let newest = '';
  const larger: TenantSpec['size'] = { cpuMilli: 8000, memoryMib: 16_384, storageGib: 50 };

  test('changes nothing that runs, and what runs can be repaired and resized without the old one at hand', async () => {
    await open('old').ensureTenant(before, call());
    const made = await controlPlane();
    await rm(join(charts, 'old'), { recursive: true });
    const driver = open('new');
    await driver.ensureTenant({ ...before, fence: 11 }, call());
    // Only the fence was written, which runs nothing anew.
    expect((await controlPlane()).chart).toBe(made.chart);
    old = (await releaseOf(driver)) ?? '';
    newest = (await driver.newestRelease?.(workspaceId)) ?? '';
    expect(old).toMatch(/^[0-9a-f]{12}$/);
    expect(newest).not.toBe(old);
    await driver.ensureTenant({ ...before, fence: 12, generation: 2, size: larger }, call());
    expect(await controlPlane()).toMatchObject({ chart: made.chart, memory: '768Mi' });
    expect(made.memory).toBe('512Mi');
  });

  test('comes when it is asked for by name, and goes again when the old one is', async () => {
    const driver = open('new');
    const spec = { ...before, size: larger };
    const was = await controlPlane();
    await driver.ensureTenant({ ...spec, fence: 13, generation: 3, release: newest }, call());
    expect((await controlPlane()).chart).not.toBe(was.chart);
    expect(await releaseOf(driver)).toBe(newest);
    await driver.ensureTenant({ ...spec, fence: 14, generation: 4, release: old }, call());
    expect((await controlPlane()).chart).toBe(was.chart);
    expect(await releaseOf(driver)).toBe(old);
  });

  test('is refused before anything of it is written when it is more than one minor version ahead', async () => {
    const far = open('far');
    const was = await controlPlane();
    const release = (await far.newestRelease?.(workspaceId)) ?? null;
    const jumping = far.ensureTenant({ ...before, size: larger, fence: 15, generation: 5, release }, call());
    await expect(jumping).rejects.toMatchObject({ reason: 'ChartTooFar' });
    expect(await controlPlane()).toEqual(was);
    expect(await releaseOf(far)).toBe(old);
  });

  test('is what new workspaces get', async () => {
    const driver = open('new');
    const other = tenantSpec();
    await driver.ensureTenant(other, call());
    const state = await driver.observeTenant(other.workspaceId, call());
    expect(state).toMatchObject({ kind: 'present', release: newest });
  });

  test('leaves a workspace as it is whose own release is recorded nowhere any more, and says so', async () => {
    const path = resourcePath('v1', 'ConfigMap', { namespace: fenceNamespace, name: releaseNameOf(old) });
    expect((await stand.administrator.request({ method: 'DELETE', path })).status).toBe(200);
    const was = await controlPlane();
    const ensured = open('new').ensureTenant({ ...before, fence: 16, generation: 6 }, call());
    await expect(ensured).rejects.toThrow(TenantConflictError);
    await expect(ensured).rejects.toThrow(`record of release ${old}`);
    expect(await controlPlane()).toEqual(was);
  });
});

import { hostCluster } from '@hexabase/testkit/host-cluster.ts';
import { hostUnderTest } from '@hexabase/testkit/vcluster-under-test.ts';
import { expect, test, vi } from 'vitest';
import { eventually, tenantSpec } from '../../conformance/scene.ts';
import { resourcePath } from '../../kube-api/resource-path.ts';
import type { ClusterDriver, TenantSpec } from '../../port.ts';
import { note } from './names.ts';

const given = hostCluster('tenant');
const settleMs = 180_000;
const call = () => ({ signal: AbortSignal.timeout(settleMs) });

vi.setConfig({ testTimeout: 500_000 });

test.skipIf(given === null)(
  'a release whose DNS cannot be had is never said to be whole, and says why while its API answers',
  async () => {
    if (given === null) return;
    await using on = await hostUnderTest(given);
    const spec = tenantSpec();
    const id = spec.workspaceId;
    const ready = (driver: ClusterDriver, { generation }: Pick<TenantSpec, 'generation'>) =>
      eventually(settleMs, async () => {
        const state = await driver.observeTenant(id, call());
        return state.kind === 'present' && state.ready && state.generation === generation && state;
      });
    const whole = (driver: ClusterDriver) =>
      eventually(settleMs, async () => (await driver.unsettled?.(id, call())) === null);
    await on.driver().ensureTenant(spec, call());
    const { release: before } = await ready(on.driver(), spec);
    await whole(on.driver());
    // As while the control plane has not yet written the new one: nothing but the values of before tells.
    await on
      .driver()
      .tenantClient(id)
      .request({
        method: 'PATCH',
        path: resourcePath('apps/v1', 'Deployment', { namespace: 'kube-system', name: 'coredns' }),
        body: { metadata: { annotations: { [note.values]: 'of-before' } } },
      });
    expect(await on.driver().unsettled?.(id, call())).toEqual({
      why: 'its DNS has not been renewed yet',
      isOurs: false,
    });

    const images = { ...on.options.images, coreDns: 'registry.invalid/nobody/coredns:1' };
    await using other = await hostUnderTest(given, { images });
    const driver = other.driver();
    const next = { ...spec, fence: spec.fence + 1, generation: spec.generation + 1 };
    const release = (await driver.newestRelease?.(id)) ?? null;
    expect(release).not.toBe(before);
    await driver.ensureTenant({ ...next, release }, call());
    await ready(driver, next);
    const told = await eventually(settleMs, async () => {
      // Also before the control plane has written the new one, while the old one still runs.
      expect(await driver.unsettled?.(id, call())).toMatchObject({ why: expect.stringMatching(/^its DNS /) });
      const state = await driver.observeTenant(id, call());
      return state.kind === 'present' && state.conditions.find(({ type }) => type === 'ImagesPulled');
    });
    await eventually(settleMs, async () => (await driver.unsettled?.(id, call()))?.isOurs === true);
    expect(told).toMatchObject({ status: 'False' });
    expect(told?.message).toContain(
      'registry.invalid/nobody/coredns:1 for the workspace’s DNS cannot be had',
    );

    const back = { ...next, fence: next.fence + 1, generation: next.generation + 1 };
    await driver.ensureTenant({ ...back, release: before ?? null }, call());
    await ready(driver, back);
    await whole(driver);
    expect(await ready(driver, back)).toMatchObject({ conditions: [] });
  },
);

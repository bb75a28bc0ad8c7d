import { hostCluster } from '@hexabase/testkit/host-cluster.ts';
import { hostUnderTest, type HostUnderTest } from '@hexabase/testkit/vcluster-under-test.ts';
import { tenantSpec } from '@hexabase/cluster/conformance/scene.ts';
import { poolLabel } from '@hexabase/cluster/drivers/vcluster/policies/host-policy.ts';
import { until } from '../../acceptance/host-product.ts';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createKubectl, type Kubectl } from '../../hostcluster/kubectl.ts';
import { silenceKubelet } from '../../hostcluster/node/silence.ts';
import { nodePlan } from '../../hostcluster/settings.ts';
import { labelledObjects } from './host-world.ts';

/** Stops a real kubelet: only of the cluster that stands in tests/hostcluster, on the node that nobody else uses. */
const cluster = hostCluster('tenant');
const given = cluster?.binaries ? cluster : null;
const { name: node, taints } = nodePlan(2);
const settleMs = 180_000;

vi.setConfig({ testTimeout: 400_000, hookTimeout: 400_000 });

describe.skipIf(given === null)('a node that goes silent under a real tenant', () => {
  const stack = new AsyncDisposableStack();
  const spec = tenantSpec({ isolation: 'dedicated' });
  const { workspaceId } = spec;
  const call = () => ({ signal: AbortSignal.timeout(settleMs) });
  let on: HostUnderTest;
  let kubectl: Kubectl;

  beforeAll(async () => {
    if (given === null) return;
    kubectl = createKubectl(given.kubeconfig);
    on = stack.use(await hostUnderTest(given));
    await kubectl(['taint', 'node', node, '--overwrite', `${poolLabel}=${workspaceId}:NoSchedule`]);
    await kubectl(['label', 'node', node, '--overwrite', `${poolLabel}=${workspaceId}`]);
    for (const { key } of taints) await kubectl(['taint', 'node', node, `${key}-`]);
  });
  afterAll(async () => {
    await stack.disposeAsync();
    if (given === null) return;
    for (const { key, value, effect } of taints)
      await kubectl(['taint', 'node', node, '--overwrite', `${key}=${value}:${effect}`]);
    await kubectl(['taint', 'node', node, `${poolLabel}-`]);
    await kubectl(['label', 'node', node, `${poolLabel}-`]);
  });

  test('is named, and what ran there is removed without it; when it is back nothing is left', async () => {
    const driver = on.driver();
    await driver.ensureTenant(spec, call());
    await until(async () => {
      const state = await driver.observeTenant(workspaceId, call());
      return state.kind === 'present' && state.ready;
    });

    const silent = silenceKubelet(node, kubectl);
    try {
      const condition = await until(async () => {
        const state = await driver.observeTenant(workspaceId, call());
        return (
          state.kind === 'present' &&
          !state.ready &&
          state.conditions.find(({ reason }) => reason === 'NodeGone')
        );
      });
      expect(condition).toMatchObject({ type: 'Running', status: 'False' });
      expect(condition.message).toMatch(
        new RegExp(`^The node ${node} that ran the control plane does not answer: .+`),
      );

      const waitsFor = new Set<string>();
      await until(async () => {
        const { left } = await driver.removeTenant(workspaceId, 20, call());
        for (const { why } of left) waitsFor.add(why ?? '');
        return left.every(({ kind }) => kind.startsWith('persistentvolume'));
      });
      // Its control plane, and its DNS where that had come up.
      expect([...waitsFor].join()).toMatch(/(?:a pod is|2 pods are) ending: /);
      expect(await driver.observeTenant(workspaceId, call())).toEqual({ kind: 'absent' });
    } finally {
      await silent[Symbol.asyncDispose]();
    }
    // What lies on the node itself goes when it answers again.
    await until(async () => (await driver.removeTenant(workspaceId, 21, call())).left.length === 0);
    expect(await labelledObjects(on.host, workspaceId)).toEqual([]);
  });
});

import { describe, expect, it } from 'vitest';
import { hostCluster, kubeBinaries } from './host-cluster.ts';

const tenant = {
  HKS_TEST_HOST_KUBECONFIG: '/tmp/admin.kubeconfig',
  HKS_TEST_HOST_LEVEL: 'tenant',
  HKS_KUBE_BIN: '/tmp/bin',
  HKS_VCLUSTER_CHART: '/tmp/chart',
};

describe('the host cluster of a test run', () => {
  it('is absent without settings, so its suites are skipped', () => {
    expect(hostCluster('kwok', {})).toBeNull();
    expect(hostCluster('kwok', { HKS_TEST_HOST_LEVEL: 'tenant' })).toBeNull();
    expect(hostCluster('kwok', { HKS_TEST_HOST_KUBECONFIG: '/tmp/admin.kubeconfig' })).toBeNull();
  });

  it('serves suites of its level and of those below', () => {
    expect(hostCluster('tenant', tenant)?.level).toBe('tenant');
    expect(hostCluster('kwok', tenant)?.level).toBe('tenant');
    const node = { ...tenant, HKS_TEST_HOST_LEVEL: 'node' };
    expect(hostCluster('node', node)?.level).toBe('node');
    expect(hostCluster('tenant', node)).toBeNull();
  });

  it('tells what was built, and null for what the product chooses', () => {
    expect(hostCluster('tenant', tenant)).toMatchObject({
      kubeconfig: '/tmp/admin.kubeconfig',
      binaries: '/tmp/bin',
      chart: '/tmp/chart',
      helm: null,
      earlierKubernetesVersion: null,
      issuerAddress: null,
    });
    expect(kubeBinaries({ HKS_KUBE_BIN: '' })).toBeNull();
  });
});

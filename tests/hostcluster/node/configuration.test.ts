import { describe, expect, it } from 'vitest';
import { folders, network, nodePlan } from '../settings.ts';
import {
  cniConfiguration,
  containerdToml,
  kubeletCommand,
  kubeletConfiguration,
  proxyConfiguration,
  type NodeFiles,
} from './configuration.ts';

const files = (number: number): NodeFiles => ({
  plan: nodePlan(number),
  etc: '/etc-of-node',
  pki: '/pki',
  snapshotter: 'overlayfs',
});

describe('two nodes', () => {
  it('share no address, no pod network, no control group and no store', () => {
    const [first, second] = [nodePlan(1), nodePlan(2)];
    for (const key of ['name', 'address', 'podCidr', 'link', 'cgroup'] as const) {
      expect(first[key]).not.toBe(second[key]);
    }
    expect(containerdToml(files(1))).toContain(`root = "${folders.containerd}/node1"`);
    expect(containerdToml(files(2))).toContain(`root = "${folders.containerd}/node2"`);
    expect(JSON.stringify(cniConfiguration(files(2)))).toContain('"subnet":"10.230.2.0/24"');
  });

  it('get nothing on the second that does not ask for it', () => {
    expect(nodePlan(1).taints).toEqual([]);
    expect(kubeletConfiguration(files(2))).toMatchObject({
      registerWithTaints: [{ key: 'hexabase.test/node', value: 'extra', effect: 'NoSchedule' }],
    });
    expect(kubeletCommand(files(2))).toContain('--node-labels=hexabase.test/node=extra');
  });
});

describe('a node', () => {
  it('keeps its images, which cannot be pulled again, and resolves no names from outside', () => {
    expect(kubeletConfiguration(files(1))).toMatchObject({
      imageGCHighThresholdPercent: 100,
      resolvConf: '/etc-of-node/resolv.conf',
      clusterDNS: [network.dnsService],
    });
  });

  it('lets nobody in without a certificate or a token', () => {
    expect(kubeletConfiguration(files(1))).toMatchObject({
      authentication: { anonymous: { enabled: false }, webhook: { enabled: true } },
      authorization: { mode: 'Webhook' },
    });
  });

  it('needs no right to put itself before other processes when memory ends', () => {
    expect(kubeletConfiguration(files(1))).toMatchObject({ oomScoreAdj: 0 });
    expect(proxyConfiguration(files(1))).toMatchObject({ oomScoreAdj: 0, mode: 'nftables' });
    expect(containerdToml(files(1))).toContain('restrict_oom_score_adj = true');
  });

  it('has interface names that the kernel takes (15 bytes) and an address on the link', () => {
    expect(nodePlan(9).link.length).toBeLessThanOrEqual(15);
    expect(network.bridge.length).toBeLessThanOrEqual(15);
    expect(nodePlan(9).address).toMatch(/^10\.246\.0\.\d+$/);
  });
});

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { checkImageOf, hostEnvironment, imagesOf, readHostSettings } from './host-settings.ts';

const settings = (env: NodeJS.ProcessEnv) => readHostSettings({}, env, {});
const digest = `sha256:${'a'.repeat(64)}`;

it.each([
  ['reg:5000/x/vcluster:1.2', 'reg:5000', 'x/vcluster', '1.2'],
  ['reg/x/vcluster', 'reg', 'x/vcluster', null],
  [`reg/x/vcluster:1.2@${digest}`, 'reg', 'x/vcluster', `1.2@${digest}`],
  [`reg:5000/x/vcluster@${digest}`, 'reg:5000', 'x/vcluster', `0.36.1@${digest}`],
])('the image %s is one that a node can pull, as the chart writes it', (name, registry, repository, tag) => {
  expect(imagesOf(settings({ HKS_VCLUSTER_IMAGE: name })).vcluster).toEqual({ registry, repository, tag });
});

it('a registry of one’s own stands in for upstream’s in all images, also in what the control plane chooses', () => {
  const mirrored = settings({ HKS_IMAGE_REGISTRY: 'mirror:5000' });
  const { kubernetes, vcluster, otherRegistry } = imagesOf(mirrored);
  expect([kubernetes.registry, vcluster.registry, otherRegistry]).toEqual(Array(3).fill('mirror:5000'));
  expect(checkImageOf(mirrored)).toBe('mirror:5000/library/busybox:1.35');
  expect(checkImageOf(settings({}))).toBe('docker.io/library/busybox:1.35');
  expect(checkImageOf(settings({ HKS_CHECK_IMAGE: 'none' }))).toBeNull();
});

it('networks of hosts are ranges as Kubernetes takes them, and nobody in one of them is let in as a sender', () => {
  const { hostNetworks, loadBalancerSenders } = settings({
    HKS_HOST_NETWORKS: '203.0.113.0/24, 198.51.100.128/25',
    HKS_LOAD_BALANCER_SENDERS: '192.168.7.0/24',
  });
  expect(hostNetworks).toEqual(['203.0.113.0/24', '198.51.100.128/25']);
  expect(loadBalancerSenders).toEqual(['192.168.7.0/24']);
  for (const wrong of ['0.0.0.0/0', '203.0.113.1/24', '203.0.113.0', '203.0.113.0/33', 'fd00::/8', 'here'])
    expect(() => settings({ HKS_HOST_NETWORKS: wrong }), wrong).toThrow(/write ranges like/);
  for (const sender of ['203.0.113.0/24', '203.0.113.64/26', '203.0.0.0/16'])
    expect(
      () => settings({ HKS_HOST_NETWORKS: '203.0.113.0/24', HKS_LOAD_BALANCER_SENDERS: sender }),
      sender,
    ).toThrow(/belongs to host clusters/);
});

it('who mirrors what the guide and the settings name has what a workspace is made of without any setting', () => {
  const without = settings({});
  const { kubernetes, vcluster } = imagesOf(without);
  const [version] = without.tenantKubernetesVersion;
  const page = (name: string) => readFileSync(resolve(import.meta.dirname, '../../../../docs', name), 'utf8');
  const guide = page('guides/real-cluster.md');
  const mirrored = guide.slice(
    guide.indexOf('## Without internet'),
    guide.indexOf('## When it does not work'),
  );
  for (const name of [
    without.vclusterChart,
    `${kubernetes.registry}/${kubernetes.repository}:${version}`,
    `${vcluster.registry}/${vcluster.repository}:${vcluster.tag}`,
    checkImageOf(without),
  ])
    expect(mirrored).toContain(`\`${name}\``);
  expect(new Set(mirrored.match(/v1\.\d+\.\d+/g))).toEqual(new Set([version]));
  expect(hostEnvironment.HKS_TENANT_KUBERNETES_VERSION).toContain(`Default \`${version}\``);
  expect(page('operations/upgrade.md')).toContain(`Without the setting ${version} is offered`);
});

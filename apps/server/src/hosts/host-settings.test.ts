import { expect, it } from 'vitest';
import { checkImageOf, imagesOf, readHostSettings } from './host-settings.ts';

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

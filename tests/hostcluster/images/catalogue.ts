import { join } from 'node:path';
import type { HostLevel } from '@hexabase/testkit/host-cluster.ts';
import { folders, imageNames } from '../settings.ts';
import type { ImageSpec } from './oci-image.ts';

/** The images of a level by file name. `applets` are the commands that Debian's static busybox offers. */
export function imagesOf(
  level: HostLevel,
  busybox: string,
  applets: readonly string[],
): Readonly<Record<string, ImageSpec>> {
  const built = (name: string): string => join(folders.binaries, name);
  const shell = { '/bin/busybox': busybox };
  const links = Object.fromEntries(
    applets.filter((applet) => applet !== 'busybox').map((applet) => [`/bin/${applet}`, '/bin/busybox']),
  );
  const forNodes: Record<string, ImageSpec> = {
    pause: {
      name: imageNames.pause,
      files: { '/pause': built('pause') },
      entrypoint: ['/pause'],
      user: '65535:65535',
    },
    busybox: {
      name: imageNames.busybox,
      // Debian's static busybox crashes when it resolves names: netcheck asks over HTTP and DNS instead.
      files: { ...shell, '/bin/netcheck': built('netcheck') },
      links,
      folders: ['/tmp', '/etc', '/root', '/var'],
      cmd: ['sh'],
    },
    coredns: {
      name: imageNames.coredns,
      files: { '/coredns': built('coredns') },
      folders: ['/tmp'],
      entrypoint: ['/coredns'],
    },
  };
  if (level !== 'tenant') return forNodes;
  const controlPlane = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kine', 'helm'];
  const { busybox: shellImage } = forNodes;
  return {
    ...forNodes,
    // What examples/ names, so that they run here as they are.
    ...(shellImage && {
      'example-job': { ...shellImage, name: imageNames.exampleJob },
      'example-web': {
        ...shellImage,
        name: imageNames.exampleWeb,
        cmd: ['netcheck', 'serve', '8080'],
        user: '101:101',
      },
    }),
    kubernetes: {
      name: imageNames.kubernetes,
      files: {
        ...shell,
        ...Object.fromEntries(controlPlane.map((name) => [`/kubernetes/${name}`, built(name)])),
      },
      links,
      folders: ['/tmp'],
      cmd: ['sh'],
    },
    vcluster: {
      name: imageNames.vcluster,
      files: {
        ...shell,
        '/vcluster': built('vcluster'),
        '/etc/ssl/certs/ca-certificates.crt': '/etc/ssl/certs/ca-certificates.crt',
      },
      links,
      folders: ['/tmp'],
      entrypoint: ['/vcluster', 'start'],
    },
  };
}

import { join } from 'node:path';
import type { Build } from './build/catalogue.ts';
import type { ImageSpec } from './images/oci-image.ts';
import { folders, imageNames, versions } from './settings.ts';

/** What the control plane of a tenant needs; everything else is of the version that tenants have by default. */
const programs = ['kube-apiserver', 'kube-controller-manager'] as const;

/**
 * Kubernetes of one minor before that of the tenants, from which a workspace is upgraded. Built only when asked for
 * (`--upgrade`): it takes as long as the other one.
 */
export function earlierBuilds(variables: (version: string) => Build['variables']): readonly Build[] {
  return programs.map((name) => ({
    module: 'kube-earlier',
    programs: { [earlierName(name)]: `k8s.io/kubernetes/cmd/${name}` },
    variables: variables(versions.kubernetesEarlier),
    level: 'tenant',
  }));
}

/** The image of the tenants, with these programs in the earlier version. */
export function earlierImage(image: ImageSpec): ImageSpec {
  const older = programs.map((name) => [`/kubernetes/${name}`, join(folders.binaries, earlierName(name))]);
  return {
    ...image,
    name: imageNames.kubernetesEarlier,
    files: { ...image.files, ...Object.fromEntries(older) },
  };
}

function earlierName(program: string): string {
  return `${program}-${versions.kubernetesEarlier}`;
}

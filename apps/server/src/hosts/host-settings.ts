import { resolve } from 'node:path';
import { defaultImages, type VclusterImages } from '@hexabase/cluster/drivers/vcluster/options.ts';
import * as z from 'zod';
import { ranges, refuseOverlap } from './host-networks.ts';

/** That of the chart itself, line 0.36. */
const defaultTenantVersion = 'v1.36.0';
const defaultCheckImage = { registry: 'docker.io', name: 'library/busybox:1.35' } as const;

/** An image without its tag: `ghcr.io/loft-sh/kubernetes`. */
const imageName = z
  .string()
  .regex(/^[a-z0-9.-]+(:\d+)?\/[a-z0-9._/-]+$/, 'write it with its registry: registry.example/path/name');
const image = z
  .string()
  .regex(
    /^[a-z0-9.-]+(:\d+)?\/[a-z0-9._/-]+(:[\w.-]+)?(@sha256:[0-9a-f]{64})?$/,
    'write it with its registry: registry.example/path/name:tag',
  );
const version = z.string().regex(/^v1\.\d+\.\d+$/, 'write it like v1.34.4');

/** An https address without a path, as URLs write it. */
const origin = z
  .string()
  .refine(isOrigin, 'write it like https://NAME[:PORT], without a path')
  .transform((text) => new URL(text).origin);

/** What tenants on host clusters are made of, and the host cluster that `up` adds by itself. */
export const hostSettings = z.object({
  discoveryUrl: origin.optional(),
  discoveryCa: z.string().min(1).optional(),
  hostKubeconfig: z.string().min(1).optional(),
  hostRegion: z
    .string()
    .regex(/^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$/)
    .default('default'),
  vclusterChart: z.string().min(1).default('https://charts.loft.sh/charts/vcluster-0.36.1.tgz'),
  vclusterChartDigest: z
    .string()
    .regex(/^sha256:[0-9a-f]{64}$/, 'write it like sha256:…, with 64 hexadecimal digits')
    .optional(),
  tenantKubernetesVersion: z
    .string()
    .default(defaultTenantVersion)
    .transform((text) => text.split(',').map((part) => part.trim()))
    .pipe(z.tuple([version], version)),
  imageRegistry: z
    .string()
    .regex(/^[a-z0-9.-]+(:\d+)?$/, 'only the host, without a path')
    .optional(),
  vclusterImage: image.optional(),
  kubernetesImage: imageName.optional(),
  corednsImage: image.optional(),
  imagePullPolicy: z.enum(['Always', 'IfNotPresent', 'Never']).default('IfNotPresent'),
  imagePullSecrets: z
    .string()
    .default('')
    .transform((text) =>
      text
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== ''),
    ),
  storageClass: z.string().min(1).optional(),
  hostNetworks: ranges,
  loadBalancerSenders: ranges,
  checkImage: image.or(z.literal('none')).optional(),
  checkCommand: z.string().min(1).optional(),
  helm: z.string().min(1).optional(),
  /** PATH of the process, for programs that are not named. */
  path: z.string().default(''),
});

export interface HostSettings extends z.infer<typeof hostSettings> {
  /** There is none from now on, whatever earlier starts had. */
  noDiscoveryUrl: boolean;
}

export type HostFlags = Partial<Record<keyof z.infer<typeof hostSettings>, string>>;

/** Documented with the other variables. */
export const hostEnvironment = {
  HKS_HOST_KUBECONFIG:
    'A kubeconfig: `up` adds its cluster as host cluster `default`. Needs an https `HKS_PUBLIC_URL` that pods there reach, or a `HKS_DISCOVERY_URL` beside it.',
  HKS_DISCOVERY_URL:
    'The https address, `https://NAME[:PORT]`, at which workspaces on host clusters reach this server when their pods do not reach the public URL: a Service, an internal load balancer. Without host clusters it means nothing. Default: that of this installation’s last start, at first the public URL; `none` goes back to it.',
  HKS_DISCOVERY_CA:
    'As `HKS_PUBLIC_CA`, of the certificate at `HKS_DISCOVERY_URL`. Default: the server’s own authority.',
  HKS_HOST_REGION: 'Region of the host cluster that `up` adds. Default `default`.',
  HKS_VCLUSTER_CHART:
    'The vCluster chart: a folder, a `.tgz` file or its https address. Default: that of upstream’s version 0.36.1, as its address answers it.',
  HKS_VCLUSTER_CHART_DIGEST:
    '`sha256:…` that the chart must have; another one is refused. Default: none, whatever chart is there is taken.',
  HKS_TENANT_KUBERNETES_VERSION: `Kubernetes versions for workspaces, newest patch of each minor, the default first: \`v1.36.0,v1.35.2\`. Default \`${defaultTenantVersion}\`.`,
  HKS_IMAGE_REGISTRY:
    'Registry instead of upstream’s for all images of workspaces and of `host check`, with the same paths.',
  HKS_VCLUSTER_IMAGE:
    'Image of vCluster, `registry.example/path/name:tag`, or with `@sha256:…`; its tag is the chart’s version when it has none.',
  HKS_KUBERNETES_IMAGE: 'Image with Kubernetes’ control plane, without a tag.',
  HKS_COREDNS_IMAGE: 'Image of CoreDNS in workspaces.',
  HKS_IMAGE_PULL_POLICY: '`Always`, `IfNotPresent` or `Never`. Default `IfNotPresent`.',
  HKS_IMAGE_PULL_SECRETS: 'Names of secrets with registry credentials, separated by commas.',
  HKS_STORAGE_CLASS: 'Storage class for the state of workspaces. Default: the host cluster’s default.',
  HKS_HOST_NETWORKS:
    'Public ranges that pods, services or nodes of host clusters have, `203.0.113.0/24`, separated by commas: to the network rules of workspaces they are not the internet. Private ranges never are.',
  HKS_LOAD_BALANCER_SENDERS:
    'Private ranges, `192.168.7.0/24`, separated by commas, whose senders reach what workspaces of all host clusters offer by load balancers. Never the range of a host’s pods: then workspaces reach each other.',
  HKS_CHECK_IMAGE:
    'Image with a shell and wget for the pod of `host check`. `none` runs no pod. Default `docker.io/library/busybox:1.35`.',
  HKS_CHECK_COMMAND:
    'What a shell of that image runs to print what lies at `$URL`. Default: curl, else wget.',
  HKS_HELM: 'The helm program. Default: that of PATH, else one that is fetched from npm once.',
} as const;

/** Flag before environment before file before default. Throws a `ZodError` that names what is wrong. */
export function readHostSettings(given: HostFlags, env: NodeJS.ProcessEnv, file: HostFlags): HostSettings {
  const discoveryUrl = given.discoveryUrl ?? (env['HKS_DISCOVERY_URL'] || file.discoveryUrl);
  const found = {
    discoveryUrl: discoveryUrl === 'none' ? undefined : discoveryUrl,
    discoveryCa: env['HKS_DISCOVERY_CA'] || file.discoveryCa,
    hostKubeconfig: given.hostKubeconfig ?? (env['HKS_HOST_KUBECONFIG'] || file.hostKubeconfig),
    hostRegion: given.hostRegion ?? (env['HKS_HOST_REGION'] || file.hostRegion),
    vclusterChart: env['HKS_VCLUSTER_CHART'] || file.vclusterChart,
    vclusterChartDigest: env['HKS_VCLUSTER_CHART_DIGEST'] || file.vclusterChartDigest,
    tenantKubernetesVersion: env['HKS_TENANT_KUBERNETES_VERSION'] || file.tenantKubernetesVersion,
    imageRegistry: env['HKS_IMAGE_REGISTRY'] || file.imageRegistry,
    vclusterImage: env['HKS_VCLUSTER_IMAGE'] || file.vclusterImage,
    kubernetesImage: env['HKS_KUBERNETES_IMAGE'] || file.kubernetesImage,
    corednsImage: env['HKS_COREDNS_IMAGE'] || file.corednsImage,
    imagePullPolicy: env['HKS_IMAGE_PULL_POLICY'] || file.imagePullPolicy,
    imagePullSecrets: env['HKS_IMAGE_PULL_SECRETS'] || file.imagePullSecrets,
    storageClass: env['HKS_STORAGE_CLASS'] || file.storageClass,
    hostNetworks: env['HKS_HOST_NETWORKS'] || file.hostNetworks,
    loadBalancerSenders: env['HKS_LOAD_BALANCER_SENDERS'] || file.loadBalancerSenders,
    checkImage: env['HKS_CHECK_IMAGE'] || file.checkImage,
    checkCommand: env['HKS_CHECK_COMMAND'] || file.checkCommand,
    helm: env['HKS_HELM'] || file.helm,
    path: env['PATH'],
  };
  const settings = hostSettings.superRefine(refuseOverlap).parse(found);
  const { hostKubeconfig, vclusterChart, helm, discoveryCa } = settings;
  return {
    ...settings,
    noDiscoveryUrl: discoveryUrl === 'none',
    vclusterChart: /^https?:\/\//.test(vclusterChart) ? vclusterChart : resolve(vclusterChart),
    ...(hostKubeconfig !== undefined && { hostKubeconfig: resolve(hostKubeconfig) }),
    ...(helm !== undefined && { helm: resolve(helm) }),
    ...(discoveryCa !== undefined && discoveryCa !== 'system' && { discoveryCa: resolve(discoveryCa) }),
  };
}

/** Neither a user nor a path, query or fragment: Kubernetes and the certificate want nothing but the place. */
function isOrigin(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, origin: place, href } = new URL(text);
  return protocol === 'https:' && href === `${place}/`;
}

/** Where API servers of tenants find the issuer's document when it is not at the issuer itself; undefined: it is there. */
export function discoveryDocument({ discoveryUrl }: Pick<HostSettings, 'discoveryUrl'>): string | undefined {
  return discoveryUrl === undefined ? undefined : `${discoveryUrl}/oidc/.well-known/openid-configuration`;
}

/** The images of tenants; a registry of one's own stands in for upstream's. */
export function imagesOf(settings: HostSettings): VclusterImages {
  const { imageRegistry, vclusterImage, kubernetesImage, corednsImage } = settings;
  const kubernetes = kubernetesImage === undefined ? defaultImages.kubernetes : partsOf(kubernetesImage);
  const vcluster = vclusterImage === undefined ? defaultImages.vcluster : partsOf(vclusterImage);
  const mirrored = <T extends { registry: string }>(parts: T): T =>
    imageRegistry === undefined ? parts : { ...parts, registry: imageRegistry };
  return {
    kubernetes: mirrored({ registry: kubernetes.registry, repository: kubernetes.repository }),
    vcluster: mirrored(vcluster),
    coreDns: corednsImage ?? defaultImages.coreDns,
    ...(imageRegistry !== undefined && { otherRegistry: imageRegistry }),
    pullPolicy: settings.imagePullPolicy,
    pullSecrets: settings.imagePullSecrets,
  };
}

/** Of the pod of `host check`; null runs none. */
export function checkImageOf({ checkImage, imageRegistry }: HostSettings): string | null {
  if (checkImage === 'none') return null;
  return checkImage ?? `${imageRegistry ?? defaultCheckImage.registry}/${defaultCheckImage.name}`;
}

/**
 * `registry:5000/path/name:tag@sha256:…` in parts. The chart writes `:` and the tag in any case; beside a digest the tag
 * decides nothing, so one is put in where only a digest is given.
 */
function partsOf(name: string): { registry: string; repository: string; tag: string | null } {
  const slash = name.indexOf('/');
  const [rest = '', digest] = name.slice(slash + 1).split('@');
  const colon = rest.lastIndexOf(':');
  const tag = colon < 0 ? null : rest.slice(colon + 1);
  return {
    registry: name.slice(0, slash),
    repository: colon < 0 ? rest : rest.slice(0, colon),
    tag: digest === undefined ? tag : `${tag ?? defaultImages.vcluster.tag}@${digest}`,
  };
}

import { createHash } from 'node:crypto';
import { usualMetricsService, type MetricsService } from '../host/metrics-service.ts';
import { note, ownerLabels, type HostNames } from '../names.ts';
import type { VclusterImages } from '../options.ts';
import { poolLabel } from '../policies/host-policy.ts';

/** Everything that decides the chart's values; no time, no chance. */
export interface ValuesInput {
  names: HostNames;
  workspaceId: string;
  isolation: 'shared' | 'dedicated';
  tier: ControlPlaneTier;
  /** `v1.34.4` */
  kubernetesVersion: string;
  images: VclusterImages;
  storage: { className: string | null; sizeGib: number };
  /** Range of the host's services; null lets the control plane find it out, which costs it some seconds. */
  serviceCidr: string | null;
  /** What serves the host's metrics API; null without one. */
  metrics: Pick<MetricsService, 'namespace' | 'name' | 'port'> | null;
}

/** How much a control plane may use; by the plan's processors, with few steps, because a step restarts it. */
export type ControlPlaneTier = 'small' | 'medium' | 'large';

export function tierOf(cpuMilli: number): ControlPlaneTier {
  if (cpuMilli < 8000) return 'small';
  return cpuMilli < 32_000 ? 'medium' : 'large';
}

interface Resources {
  requests: { cpu: string; memory: string; 'ephemeral-storage': string };
  limits: { cpu: string; memory: string; 'ephemeral-storage': string };
}

/**
 * At rest a control plane takes about 50m and 500 MiB. The limit of processors is wide: start-up is bound by them, and a
 * quota on `limits.cpu` needs one. Quantities are written as Kubernetes writes them, so that drift can be told.
 */
export const controlPlaneResources: Readonly<Record<ControlPlaneTier, Resources>> = {
  small: resources({ cpu: '100m', memory: '512Mi' }, { cpu: '4', memory: '2Gi' }),
  medium: resources({ cpu: '200m', memory: '768Mi' }, { cpu: '4', memory: '4Gi' }),
  large: resources({ cpu: '500m', memory: '1Gi' }, { cpu: '8', memory: '8Gi' }),
};

export const dnsResources = {
  requests: { cpu: '20m', memory: '64Mi' },
  limits: { cpu: '500m', memory: '170Mi' },
} as const;

export const authenticationMount = '/etc/hexabase-authentication';
export const authenticationFile = 'authentication.yaml';
export const authenticationConfigMap = 'hexabase-authentication';

/**
 * Values for the vCluster chart, line 0.36. Pure: the same input gives the same values, key for key. The control plane
 * writes its name server some time after its API answers: the digest there tells whether it has.
 */
export function chartValues(input: ValuesInput): Record<string, unknown> {
  const digest = createHash('sha256').update(JSON.stringify(valuesWith({}, input)));
  return valuesWith({ [note.values]: digest.digest('hex').slice(0, 12) }, input);
}

function valuesWith(dnsAnnotations: Record<string, string>, input: ValuesInput): Record<string, unknown> {
  const { isolation, serviceCidr } = input;
  const { otherRegistry } = input.images;
  return {
    controlPlane: {
      distro: { k8s: distro(input) },
      proxy: { extraSANs: extraNames(input.names) },
      coredns: {
        deployment: {
          annotations: dnsAnnotations,
          ...(input.images.coreDns !== null && { image: input.images.coreDns }),
          resources: dnsResources,
        },
      },
      statefulSet: statefulSet(input),
      advanced: {
        ...pullSecrets(input.images.pullSecrets),
        // Its own choice of CoreDNS for a Kubernetes version is a path without a registry.
        ...(otherRegistry !== undefined && { defaultImageRegistry: otherRegistry }),
      },
    },
    sync: {
      toHost: {
        pods: {
          // Would pull a third image before each pod of a tenant's StatefulSet.
          rewriteHosts: { enabled: false },
          ...(isolation === 'dedicated' && {
            enforceTolerations: [`${poolLabel}=${input.workspaceId}:NoSchedule`],
          }),
        },
      },
      ...(isolation === 'dedicated' && {
        fromHost: {
          nodes: { enabled: true, selector: { labels: { [poolLabel]: input.workspaceId } } },
        },
      }),
    },
    // On shared nodes the figures of a node are those of its other tenants too, who trust each other: `kubectl top nodes`
    // works everywhere.
    integrations: { metricsServer: metricsServer(input) },
    networking: { advanced: { proxyKubelets: { byHostname: false, byIP: false } } },
    // We write these ourselves, from the plan.
    policies: {
      resourceQuota: { enabled: false },
      limitRange: { enabled: false },
      networkPolicy: { enabled: false },
    },
    ...(serviceCidr !== null && { serviceCIDR: serviceCidr }),
    telemetry: { enabled: false },
  };
}

/** The usual service is the chart's default: naming it would be another release for control planes that have it. */
function metricsServer({ metrics }: ValuesInput) {
  if (metrics === null) return { enabled: false, nodes: false };
  const { namespace, name, port } = metrics;
  const usual = usualMetricsService;
  const isUsual = namespace === usual.namespace && name === usual.name && port === usual.port;
  return {
    enabled: true,
    nodes: true,
    ...(!isUsual && { apiService: { service: { name, namespace, port } } }),
  };
}

function distro({ images, kubernetesVersion }: ValuesInput) {
  return {
    enabled: true,
    imagePullPolicy: images.pullPolicy,
    image: { ...images.kubernetes, tag: kubernetesVersion },
    apiServer: {
      extraArgs: [`--authentication-config=${authenticationMount}/${authenticationFile}`],
    },
    // Each of its forty controllers asks for a token of its own before any of them starts; at the usual 20 requests a
    // second that takes five seconds, and everything waits for the account that one of them makes.
    controllerManager: { extraArgs: ['--kube-api-qps=200', '--kube-api-burst=400'] },
    // Copies hundreds of megabytes; upstream's 100m make that the longest part of a start.
    resources: {
      limits: { cpu: '2', memory: '512Mi' },
      requests: { cpu: '40m', memory: '64Mi' },
    },
  };
}

function statefulSet(input: ValuesInput) {
  const { images, storage, isolation, workspaceId, tier } = input;
  const { tag, ...image } = images.vcluster;
  return {
    image: { ...image, ...(tag !== null && { tag }) },
    imagePullPolicy: images.pullPolicy,
    resources: controlPlaneResources[tier],
    pods: { labels: ownerLabels(workspaceId) },
    // Upstream asks every 6 s; what is ready after 7 would wait until 12.
    probes: { startupProbe: { periodSeconds: 1, failureThreshold: 600 } },
    enableServiceLinks: false,
    persistence: {
      volumeClaim: {
        enabled: true,
        retentionPolicy: 'Delete',
        size: `${storage.sizeGib}Gi`,
        ...(storage.className !== null && { storageClass: storage.className }),
      },
      addVolumes: [{ name: 'hexabase-authentication', configMap: { name: authenticationConfigMap } }],
      addVolumeMounts: [{ name: 'hexabase-authentication', mountPath: authenticationMount, readOnly: true }],
    },
    ...(isolation === 'dedicated' && {
      scheduling: {
        nodeSelector: { [poolLabel]: workspaceId },
        tolerations: [{ key: poolLabel, operator: 'Equal', value: workspaceId, effect: 'NoSchedule' }],
      },
    }),
  };
}

/** The certificate holds `<release>` and `<release>.<namespace>` already. */
function extraNames({ namespace, release }: HostNames): string[] {
  return [`${release}.${namespace}.svc`, `${release}.${namespace}.svc.cluster.local`];
}

function pullSecrets(names: readonly string[]) {
  if (names.length === 0) return {};
  const imagePullSecrets = names.map((name) => ({ name }));
  return { serviceAccount: { imagePullSecrets }, workloadServiceAccount: { imagePullSecrets } };
}

function resources(
  requests: { cpu: string; memory: string },
  limits: { cpu: string; memory: string },
): Resources {
  return {
    requests: { ...requests, 'ephemeral-storage': '1Gi' },
    limits: { ...limits, 'ephemeral-storage': '10Gi' },
  };
}

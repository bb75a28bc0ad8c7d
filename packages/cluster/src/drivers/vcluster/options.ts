import type { Clock } from '@hexabase/kernel/clock.ts';
import type { Logger } from '@hexabase/kernel/log.ts';
import type { Duplex } from 'node:stream';
import type { WorkspaceId } from '@hexabase/kernel/id.ts';
import type { KubeClient } from '../../kube-api/client.ts';
import type { ChartSource } from './chart/source.ts';
import type { HostNetworks } from './objects/network-policies.ts';

/** One host cluster and how tenants are made on it. */
export interface VclusterDriverOptions {
  /** Administrative access to the host; the driver does not close it. */
  host: KubeClient;
  /** What people call the host cluster; stands in sentences. */
  hostName: string;
  chart: ChartOptions;
  images: VclusterImages;
  /** Kubernetes versions for tenants, newest patch of each minor that the images have: `['v1.34.4', 'v1.35.2']`. */
  kubernetesVersions: readonly [string, ...string[]];
  /** PEM of the authority that signed the issuer's certificate; null when the system's authorities did. */
  issuerAuthority: string | null;
  /** Where the tenants' API servers find the issuer's discovery document, when not at the issuer itself. */
  discoveryUrl?: string;
  /**
   * `service`: this process reaches addresses of the host's services, as in a pod of it. `tunnel`: through the host's
   * API server. Or a way of one's own.
   */
  reach: 'service' | 'tunnel' | TenantDoor;
  /** Class and size of the volume with the tenant's state; the host's default class when null. */
  storage?: { className: string | null; sizeGib: number };
  /** Range of the host's services, `10.96.0.0/16`, where the host's own API does not tell it (before 1.33). */
  serviceCidr?: string;
  /** The namespace whose pods may reach tenants' APIs, when Hexabase runs on the host. */
  controlPlaneNamespace?: string;
  /** Ranges that are not the internet although they look like it, and private ones that are let in. */
  networks?: HostNetworks;
  clock: Clock;
  log: Logger;
}

/** Opens raw bytes to a tenant's API; TLS is spoken on top, with the tenant's own certificate. */
export type TenantDoor = (workspaceId: WorkspaceId) => Promise<Duplex>;

export interface ChartOptions {
  source: ChartSource;
  /** Folder of ours where a pinned chart that was fetched is kept; without it, it is fetched at each start. */
  keptIn?: string;
  /** Path of the helm program, or who finds it when something is rendered: an Error says in words why there is none. */
  helm: string | (() => Promise<string>);
}

export interface VclusterImages {
  kubernetes: { registry: string; repository: string };
  /** The tag is the chart's own version when null. */
  vcluster: { registry: string; repository: string; tag: string | null };
  /** Whole name; the chart's choice for the Kubernetes version when null. */
  coreDns: string | null;
  /** Registry of whatever else the control plane brings by its own choice; upstream's without it. */
  otherRegistry?: string;
  pullPolicy: 'Always' | 'IfNotPresent' | 'Never';
  /** Names of secrets with registry credentials in the tenant's namespace. */
  pullSecrets: readonly string[];
}

/** Upstream's public images without the commercial parts, of the version that is tested. */
export const defaultImages: VclusterImages = {
  kubernetes: { registry: 'ghcr.io', repository: 'loft-sh/kubernetes' },
  vcluster: { registry: 'ghcr.io', repository: 'loft-sh/vcluster-oss', tag: '0.36.1' },
  coreDns: null,
  pullPolicy: 'IfNotPresent',
  pullSecrets: [],
};

export const defaultStorage = { className: null, sizeGib: 5 } as const;

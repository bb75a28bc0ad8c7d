import { minorOf } from '../drivers/vcluster/kubernetes-version.ts';
import { bad, good, optional, unsure, type HostCheck } from './host-check.ts';

const type = 'TenantVersionsFit';

/** Kubelets from this minor on report pods in a way that control planes before it do not take. */
const reportsAnewMinor = 34;

/** The first patch of each minor of vCluster 0.x that brings such a report over all the same (loft-sh/vcluster#4037). */
const bringsOver: ReadonlyMap<number, number> = new Map([
  [35, 3],
  [36, 1],
]);

export interface VersionsAsked {
  /** Of the host, `v1.34.4`. */
  host: string;
  /** Of new workspaces, the default first. */
  offered: readonly string[];
  /** Of the vCluster image, `0.36.1`; null when the chart decides. */
  vcluster: string | null;
}

/**
 * Whether what runs in workspaces of the offered Kubernetes versions becomes ready on that host. Workspaces are made there
 * either way, and pods run: so it keeps nobody out.
 */
export function checkTenantVersions({ host, offered, vcluster }: VersionsAsked): HostCheck {
  const tooOld = offered.filter((version) => (minorOf(version) ?? 0) < reportsAnewMinor);
  const fits = (minorOf(host) ?? 0) < reportsAnewMinor || tooOld.length === 0;
  const known = isNewEnough(vcluster);
  if (fits || known === true) {
    const message = `Workspaces of Kubernetes ${offered.join(', ')} run on a host of ${host}`;
    return optional(good(type, { reason: 'Fitting', message }));
  }
  const of = vcluster === null ? 'the vCluster of the chart' : `vCluster ${vcluster}`;
  const told = {
    reason: 'TenantsTooOld',
    message: `Pods of workspaces of Kubernetes ${tooOld.join(', ')} run on a host of ${host}, but their Deployments and StatefulSets may stay unready${known === null ? ` unless ${of} is 0.36.1 or newer` : ` with ${of}`}: before 1.${reportsAnewMinor} Kubernetes does not take what the host's nodes report`,
    todo: `Use vCluster 0.36.1 or newer, or offer 1.${reportsAnewMinor} or newer: HKS_TENANT_KUBERNETES_VERSION. Upgrade the workspaces that are older: docs/operations/upgrade.md.`,
  };
  return optional(known === null ? unsure(type, told) : bad(type, told));
}

/** Null when the image does not say its version. */
function isNewEnough(vcluster: string | null): boolean | null {
  const found = /^v?(\d+)\.(\d+)\.(\d+)/.exec(vcluster ?? '');
  if (!found) return null;
  const [major = 0, minor = 0, patch = 0] = found.slice(1).map(Number);
  if (major > 0 || minor > Math.max(...bringsOver.keys())) return true;
  return patch >= (bringsOver.get(minor) ?? Infinity);
}

import { minorOf } from '../drivers/vcluster/kubernetes-version.ts';
import { bad, good, optional, type HostCheck } from './host-check.ts';

const type = 'TenantVersionsFit';

/** Kubelets from this minor on report pods in a way that control planes before it do not take. */
const reportsAnewMinor = 34;

/** Whether the Kubernetes versions for workspaces get ready pods on a host of that version. */
export function checkTenantVersions(hostVersion: string, offered: readonly string[]): HostCheck {
  const tooOld = offered.filter((version) => (minorOf(version) ?? 0) < reportsAnewMinor);
  if ((minorOf(hostVersion) ?? 0) < reportsAnewMinor || tooOld.length === 0) {
    const message = `Workspaces of Kubernetes ${offered.join(', ')} run on a host of ${hostVersion}`;
    return good(type, { reason: 'Fitting', message });
  }
  const found = bad(type, {
    reason: 'TenantsTooOld',
    message: `Workspaces of Kubernetes ${tooOld.join(', ')} never see their pods ready on a host of ${hostVersion}: before 1.${reportsAnewMinor} they do not take what its nodes report`,
    todo: `Offer 1.${reportsAnewMinor} or newer: HKS_TENANT_KUBERNETES_VERSION. Upgrade the workspaces that are older: docs/operations/upgrade.md.`,
  });
  // Others can be had, but the first is what a new workspace gets.
  return offered[0] !== undefined && tooOld.includes(offered[0]) ? found : optional(found);
}

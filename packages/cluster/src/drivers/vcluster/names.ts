import type { WorkspaceId } from '@hexabase/kernel/id.ts';

/** The driver, as the inventory knows it. */
export const vclusterName = 'vcluster';

/** Owner of every field that we write on a host (Kubernetes, "Server-Side Apply"). */
export const fieldManager = 'hexabase';

/** Holds the fences; outlives the tenants. */
export const fenceNamespace = 'hexabase-system';

/** The account that deploy/host-rbac.yaml makes, in the namespace of the fences. */
export const hostAccount = 'hexabase';

export const managedBy = { 'app.kubernetes.io/managed-by': 'hexabase' } as const;
export const workspaceLabel = 'hexabase.ai/workspace-id';

export const note = {
  fence: 'hexabase.ai/fence',
  generation: 'hexabase.ai/generation',
  /** Fence of the last worker that ended what it began. `fence` is that of the last one that began. */
  ended: 'hexabase.ai/ended-fence',
  /** Digest of the objects that were applied for that generation. */
  applied: 'hexabase.ai/applied',
  /** Which release of charts, images and values runs the tenant. */
  release: 'hexabase.ai/release',
  slug: 'hexabase.ai/workspace-slug',
  /** On the tenant's name server: digest of the values that it was made with. */
  values: 'hexabase.ai/values',
} as const;

/** Label that vCluster puts on everything that it copies to the host. */
export const copiedLabel = 'vcluster.loft.sh/managed-by';

/** And this one, with the namespace inside the tenant: what a tenant itself writes under either name comes under another. */
export const copiedFromLabel = 'vcluster.loft.sh/namespace';

/** Annotation of what was copied: the uid that the object has inside the tenant. */
export const copiedUidNote = 'vcluster.loft.sh/object-uid';

/** Labels on the host of the pods with a tenant's name server: its control plane makes them in a namespace of its own. */
export function dnsLabels(release: string): Record<string, string> {
  return { [copiedLabel]: release, [copiedFromLabel]: 'kube-system', 'k8s-app': 'vcluster-kube-dns' };
}

/** Of the pods and volumes of a tenant's control plane, as the chart labels them. */
export function controlPlaneSelector(release: string): string {
  return `app=vcluster,release=${release}`;
}

/** The tenant's API, as the pod listens. */
export const tenantPort = 8443;

export interface HostNames {
  /** One namespace of the host per workspace; vCluster allows one control plane in it. */
  namespace: string;
  /** Release of the chart: StatefulSet, service and the start of all other names. Short, because names are cut at 63. */
  release: string;
}

export function namesOf(workspaceId: string): HostNames {
  return { namespace: `hexabase-ws-${workspaceId}`, release: `ws-${workspaceId.slice(-12)}` };
}

/** The policy that keeps the record of a fence from being lowered. */
export const fenceRecordPolicy = 'hexabase-fence-record';

export function fenceNameOf(workspaceId: WorkspaceId): string {
  return `hexabase-fence-${workspaceId}`;
}

/** Record of what a release is made of, in the fences' namespace: it outlives the settings that it came from. */
export function releaseNameOf(release: string): string {
  return `hexabase-release-${release}`;
}

/** The chart's name for its cluster-scoped role, cut as the chart cuts it. */
export function clusterRoleOf({ namespace, release }: HostNames): string {
  return `vc-${release}-v-${namespace}`.slice(0, 63).replace(/-$/, '');
}

/** Labels of everything that belongs to one workspace. */
export function ownerLabels(workspaceId: string): Record<string, string> {
  return { ...managedBy, [workspaceLabel]: workspaceId };
}

export function ownerSelector(workspaceId: string): string {
  return Object.entries(ownerLabels(workspaceId))
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}

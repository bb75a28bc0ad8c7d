import type { ApplicableObject } from '../../../kube-api/apply.ts';
import { fenceNamespace, hostAccount, managedBy } from '../names.ts';
import { requiredRights, type HostRight } from '../required-rights.ts';

/** Name of the control plane's cluster role on a host. */
export const hostRole = 'hexabase-host';

/** The namespace that holds the fences and the control plane's own account. */
export function systemNamespace(): ApplicableObject {
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: {
      name: fenceNamespace,
      labels: { ...managedBy, 'pod-security.kubernetes.io/enforce': 'restricted' },
    },
  };
}

/** What an administrator of a host applies once: the account of the control plane and its rights, one by one. */
export function hostRbac(rights: readonly HostRight[] = requiredRights): ApplicableObject[] {
  const labels = { ...managedBy };
  return [
    systemNamespace(),
    {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: hostAccount, namespace: fenceNamespace, labels },
    },
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        name: `${hostAccount}-token`,
        namespace: fenceNamespace,
        labels,
        annotations: { 'kubernetes.io/service-account.name': hostAccount },
      },
      type: 'kubernetes.io/service-account-token',
    },
    ...bound(
      hostRole,
      rights.filter(({ apart }) => apart !== true),
    ),
    ...bound(
      `${hostRole}-policies`,
      rights.filter(({ apart }) => apart === true),
    ),
  ];
}

/** A cluster role, and its binding to our account. */
function bound(name: string, rights: readonly HostRight[]): ApplicableObject[] {
  const metadata = { name, labels: { ...managedBy } };
  return [
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata,
      rules: rights.map(({ apiGroup, resource, verbs, resourceNames }) => ({
        apiGroups: [apiGroup],
        resources: [resource],
        verbs,
        ...(resourceNames && { resourceNames }),
      })),
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
      subjects: [{ kind: 'ServiceAccount', name: hostAccount, namespace: fenceNamespace }],
    },
  ];
}

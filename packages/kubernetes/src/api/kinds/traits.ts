import type { ResourceInfo } from '../../types.ts';

/** Kinds whose `metadata.generation` counts changes of the desired state. */
const counted = new Set([
  '/pods',
  '/replicationcontrollers',
  '/podtemplates',
  'apps/deployments',
  'apps/replicasets',
  'apps/statefulsets',
  'apps/daemonsets',
  'batch/jobs',
  'batch/cronjobs',
  'networking.k8s.io/ingresses',
  'networking.k8s.io/ingressclasses',
  'networking.k8s.io/networkpolicies',
  'policy/poddisruptionbudgets',
  'discovery.k8s.io/endpointslices',
  'scheduling.k8s.io/priorityclasses',
  'flowcontrol.apiserver.k8s.io/flowschemas',
  'flowcontrol.apiserver.k8s.io/prioritylevelconfigurations',
  'admissionregistration.k8s.io/mutatingwebhookconfigurations',
  'admissionregistration.k8s.io/validatingwebhookconfigurations',
  'admissionregistration.k8s.io/validatingadmissionpolicies',
  'admissionregistration.k8s.io/validatingadmissionpolicybindings',
  'apiextensions.k8s.io/customresourcedefinitions',
]);

/** Kinds that a PUT may create. */
const madeByUpdate = new Set([
  '/endpoints',
  '/events',
  '/limitranges',
  '/services',
  'coordination.k8s.io/leases',
  'rbac.authorization.k8s.io/roles',
  'rbac.authorization.k8s.io/rolebindings',
  'rbac.authorization.k8s.io/clusterroles',
  'rbac.authorization.k8s.io/clusterrolebindings',
]);

/** Kinds whose update must name the resourceVersion that it was made from. */
const lockedAlways = new Set([
  'apiextensions.k8s.io/customresourcedefinitions',
  'policy/poddisruptionbudgets',
]);

/** Kinds whose deletion answers the object instead of a Status. */
const answersDeleted = new Set([
  '/pods',
  '/podtemplates',
  '/persistentvolumes',
  '/persistentvolumeclaims',
  '/serviceaccounts',
  '/resourcequotas',
]);

export function countsGeneration(info: ResourceInfo): boolean {
  return counted.has(info.groupResource);
}

export function updateMayCreate(info: ResourceInfo): boolean {
  return madeByUpdate.has(info.groupResource);
}

export function needsRevisionOnUpdate(info: ResourceInfo): boolean {
  return lockedAlways.has(info.groupResource);
}

export function answersDeletedObject(info: ResourceInfo): boolean {
  return answersDeleted.has(info.groupResource);
}

/** Without an explicit policy these leave their dependents alone (upstream's DefaultGarbageCollectionPolicy). */
export function orphansByDefault(info: ResourceInfo): boolean {
  return info.groupResource === '/replicationcontrollers' || info.groupResource === 'batch/jobs';
}

/** Which object of a kind; a collection without a name. */
export interface ObjectKey {
  namespace?: string | undefined;
  name?: string | undefined;
}

export interface ResourceInfo {
  plural: string;
  namespaced: boolean;
}

/** Kinds without a namespace that we write or read, by group. */
const clusterScoped: Readonly<Record<string, readonly string[]>> = {
  '': ['Namespace', 'Node', 'PersistentVolume'],
  'admissionregistration.k8s.io': [
    'ValidatingAdmissionPolicy',
    'ValidatingAdmissionPolicyBinding',
    'MutatingWebhookConfiguration',
    'ValidatingWebhookConfiguration',
  ],
  'apiextensions.k8s.io': ['CustomResourceDefinition'],
  'apiregistration.k8s.io': ['APIService'],
  'authentication.k8s.io': ['SelfSubjectReview', 'TokenReview'],
  'authorization.k8s.io': ['SelfSubjectAccessReview', 'SelfSubjectRulesReview', 'SubjectAccessReview'],
  'certificates.k8s.io': ['CertificateSigningRequest'],
  'policies.kyverno.io': ['ValidatingPolicy'],
  'networking.k8s.io': ['IngressClass'],
  'node.k8s.io': ['RuntimeClass'],
  'rbac.authorization.k8s.io': ['ClusterRole', 'ClusterRoleBinding'],
  'scheduling.k8s.io': ['PriorityClass'],
  'storage.k8s.io': ['CSIDriver', 'CSINode', 'StorageClass', 'VolumeAttachment'],
};

const namespaced: Readonly<Record<string, readonly string[]>> = {
  '': [
    'Binding',
    'ConfigMap',
    'Endpoints',
    'Event',
    'LimitRange',
    'PersistentVolumeClaim',
    'Pod',
    'ReplicationController',
    'ResourceQuota',
    'Secret',
    'Service',
    'ServiceAccount',
  ],
  apps: ['DaemonSet', 'Deployment', 'ReplicaSet', 'StatefulSet'],
  autoscaling: ['HorizontalPodAutoscaler'],
  batch: ['CronJob', 'Job'],
  'coordination.k8s.io': ['Lease'],
  'discovery.k8s.io': ['EndpointSlice'],
  'networking.k8s.io': ['Ingress', 'NetworkPolicy'],
  policy: ['PodDisruptionBudget'],
  'rbac.authorization.k8s.io': ['Role', 'RoleBinding'],
};

/** `apps` of `apps/v1`; '' for the core group. */
export function groupOf(apiVersion: string): string {
  return apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
}

/** What is known of a kind without asking an API; undefined for custom resources and others. */
export function builtinResource(apiVersion: string, kind: string): ResourceInfo | undefined {
  const group = groupOf(apiVersion);
  const isClusterScoped = has(clusterScoped, group, kind);
  if (!isClusterScoped && !has(namespaced, group, kind)) return undefined;
  return { plural: pluralOf(kind), namespaced: !isClusterScoped };
}

/** Groups are anybody's text: `constructor` is in every plain object. */
function has(kinds: Readonly<Record<string, readonly string[]>>, group: string, kind: string): boolean {
  return Object.hasOwn(kinds, group) && kinds[group]?.includes(kind) === true;
}

/**
 * Path of an object or, without a name, of its collection: `/apis/apps/v1/namespaces/shop/deployments/web`. A namespaced
 * kind without a namespace means all namespaces. Throws for kinds that only discovery knows.
 */
export function resourcePath(apiVersion: string, kind: string, key: ObjectKey = {}): string {
  const resource = builtinResource(apiVersion, kind);
  if (!resource) throw new Error(`the path of ${apiVersion} ${kind} is not known without discovery`);
  return pathOf(apiVersion, resource, key);
}

/** The same for a resource that was looked up. */
export function pathOf(apiVersion: string, { plural, namespaced }: ResourceInfo, key: ObjectKey): string {
  const base = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const within =
    namespaced && key.namespace !== undefined ? `/namespaces/${encodeURIComponent(key.namespace)}` : '';
  const one = key.name === undefined ? '' : `/${encodeURIComponent(key.name)}`;
  return `${base}${within}/${plural}${one}`;
}

/** The rule of Kubernetes' own names (`meta.UnsafeGuessKindToResource`). */
function pluralOf(kind: string): string {
  const singular = kind.toLowerCase();
  if (singular.endsWith('endpoints')) return singular;
  if (singular.endsWith('s') || singular.endsWith('x') || singular.endsWith('ch')) return `${singular}es`;
  return singular.endsWith('y') ? `${singular.slice(0, -1)}ies` : `${singular}s`;
}

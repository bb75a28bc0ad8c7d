import type { ApiClient } from '../../api/client.ts';
import type { GroupResource, KubeObject } from '../../types.ts';

/** Built-in kinds that live in namespaces, in the order in which a namespace is emptied: owners before what they own. */
export const NAMESPACED_RESOURCES: readonly GroupResource[] = [
  'batch/cronjobs',
  'batch/jobs',
  'apps/deployments',
  'apps/statefulsets',
  'apps/daemonsets',
  'apps/replicasets',
  '/replicationcontrollers',
  '/services',
  '/pods',
  '/configmaps',
  '/endpoints',
  '/limitranges',
  '/persistentvolumeclaims',
  '/podtemplates',
  '/resourcequotas',
  '/secrets',
  '/serviceaccounts',
  'apps/controllerrevisions',
  'autoscaling/horizontalpodautoscalers',
  'coordination.k8s.io/leases',
  'discovery.k8s.io/endpointslices',
  'networking.k8s.io/ingresses',
  'networking.k8s.io/networkpolicies',
  'policy/poddisruptionbudgets',
  'rbac.authorization.k8s.io/rolebindings',
  'rbac.authorization.k8s.io/roles',
  'resource.k8s.io/resourceclaims',
  'resource.k8s.io/resourceclaimtemplates',
  'storage.k8s.io/csistoragecapacities',
  '/events',
  'events.k8s.io/events',
];

/** Built-in kinds outside namespaces. */
const CLUSTER_RESOURCES: readonly GroupResource[] = [
  '/nodes',
  '/namespaces',
  '/persistentvolumes',
  'storage.k8s.io/storageclasses',
  'storage.k8s.io/volumeattachments',
  'networking.k8s.io/ingressclasses',
  'scheduling.k8s.io/priorityclasses',
  'rbac.authorization.k8s.io/clusterroles',
  'rbac.authorization.k8s.io/clusterrolebindings',
  'certificates.k8s.io/certificatesigningrequests',
  'apiextensions.k8s.io/customresourcedefinitions',
];

interface CustomResourceDefinition extends KubeObject {
  spec?: { group?: string; scope?: string; names?: { plural?: string } };
}

/** Every kind of which the cluster can hold objects, custom ones included. */
export function storedResources(client: ApiClient): GroupResource[] {
  return [
    ...CLUSTER_RESOURCES,
    ...NAMESPACED_RESOURCES,
    ...customResources(client, 'Cluster'),
    ...customResources(client, 'Namespaced'),
  ];
}

/** Every kind of which a namespace can hold objects; custom ones first, as they often own the others. */
export function namespacedResources(client: ApiClient): GroupResource[] {
  return [...customResources(client, 'Namespaced'), ...NAMESPACED_RESOURCES];
}

function customResources(client: ApiClient, scope: string): GroupResource[] {
  return client
    .list<CustomResourceDefinition>('apiextensions.k8s.io/customresourcedefinitions')
    .filter((definition) => definition.spec?.scope === scope)
    .map(
      (definition): GroupResource =>
        `${definition.spec?.group ?? ''}/${definition.spec?.names?.plural ?? ''}`,
    );
}

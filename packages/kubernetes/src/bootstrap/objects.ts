import type { GroupResource, KubeObject } from '../types.ts';
import type { BaseObject } from '../store/store.ts';
import { baseMaker, type BaseMaker } from './maker.ts';
import { rbacObjects } from './rbac-objects.ts';

/** The namespaces of every cluster. */
export const baseNamespaces = ['default', 'kube-system', 'kube-public', 'kube-node-lease'] as const;

/** Marks base objects that exist to serve the simulation. */
const simulatedLabels = { simulated: 'true' };

const plurals: Readonly<Record<string, string>> = {
  Namespace: 'namespaces',
  ServiceAccount: 'serviceaccounts',
  Service: 'services',
  ClusterRole: 'clusterroles',
  ClusterRoleBinding: 'clusterrolebindings',
  Role: 'roles',
  RoleBinding: 'rolebindings',
  PriorityClass: 'priorityclasses',
  StorageClass: 'storageclasses',
  IngressClass: 'ingressclasses',
};

/**
 * The objects that every cluster has, deeply frozen: one copy serves all clusters, a store copies what it changes.
 * `creationTimestamp` is RFC 3339 with whole seconds.
 */
export function baseObjects(creationTimestamp = '2026-01-01T00:00:00Z'): readonly BaseObject[] {
  const make = baseMaker(creationTimestamp);
  const objects = [...coreObjects(make), ...classObjects(make), ...rbacObjects(make)];
  return objects.map((object) => ({ resource: resourceOf(object), object: deepFreeze(object) }));
}

function coreObjects(make: BaseMaker): KubeObject[] {
  const namespaces = baseNamespaces.map((name) =>
    make(
      'Namespace',
      { name, labels: { 'kubernetes.io/metadata.name': name } },
      { spec: { finalizers: ['kubernetes'] }, status: { phase: 'Active' } },
    ),
  );
  const accounts = baseNamespaces.map((namespace) => make('ServiceAccount', { name: 'default', namespace }));
  return [...namespaces, ...accounts, kubernetesService(make)];
}

/** The API server's own service, with the first address of the service range. */
function kubernetesService(make: BaseMaker): KubeObject {
  const labels = { component: 'apiserver', provider: 'kubernetes' };
  const spec = {
    clusterIP: '10.96.0.1',
    clusterIPs: ['10.96.0.1'],
    internalTrafficPolicy: 'Cluster',
    ipFamilies: ['IPv4'],
    ipFamilyPolicy: 'SingleStack',
    ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: 6443 }],
    sessionAffinity: 'None',
    type: 'ClusterIP',
  };
  return make(
    'Service',
    { name: 'kubernetes', namespace: 'default', labels },
    { spec, status: { loadBalancer: {} } },
  );
}

function classObjects(make: BaseMaker): KubeObject[] {
  const priority = (name: string, value: number, description: string) =>
    make(
      'scheduling.k8s.io/PriorityClass',
      { name, generation: 1 },
      { value, description, preemptionPolicy: 'PreemptLowerPriority' },
    );
  return [
    priority(
      'system-cluster-critical',
      2_000_000_000,
      'Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.',
    ),
    priority(
      'system-node-critical',
      2_000_001_000,
      'Used for system critical pods that must not be moved from their current node.',
    ),
    make(
      'storage.k8s.io/StorageClass',
      {
        name: 'standard',
        labels: simulatedLabels,
        annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' },
      },
      {
        provisioner: 'simulated.storage',
        reclaimPolicy: 'Delete',
        volumeBindingMode: 'Immediate',
        allowVolumeExpansion: true,
      },
    ),
    make(
      'networking.k8s.io/IngressClass',
      {
        name: 'simulated',
        generation: 1,
        labels: simulatedLabels,
        annotations: { 'ingressclass.kubernetes.io/is-default-class': 'true' },
      },
      { spec: { controller: 'simulated.ingress/controller' } },
    ),
  ];
}

function resourceOf(object: KubeObject): GroupResource {
  const group = object.apiVersion.includes('/')
    ? object.apiVersion.slice(0, object.apiVersion.indexOf('/'))
    : '';
  const plural = plurals[object.kind];
  if (plural === undefined) throw new Error(`base object of an unknown kind ${object.kind}`);
  return `${group}/${plural}`;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) deepFreeze(part);
  }
  return value;
}

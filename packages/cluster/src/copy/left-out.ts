import { fieldOf, listOf, metaOf, textOf, type Json } from '../drivers/vcluster/host/objects.ts';
import { groupOf } from '../kube-api/resource-path.ts';
import type { Kind } from './kinds.ts';

/** `silent`: nobody misses it, because the copy has its own. Otherwise words for whoever asked for the copy. */
type Verdict = 'copied' | 'silent' | { leftOut: string };

/** What must be known of the whole to decide on one object. */
export interface Surroundings {
  /** Namespaces that are copied. */
  namespaces: ReadonlySet<string>;
  /** `namespace/name` of services whose endpoints Kubernetes finds itself. */
  selecting: ReadonlySet<string>;
}

/** Kinds of the cluster's own doings: each cluster makes its own. By group and plural. */
const ownDoings: ReadonlySet<string> = new Set([
  '/events',
  '/nodes',
  '/bindings',
  '/componentstatuses',
  'apps/controllerrevisions',
  'certificates.k8s.io/certificatesigningrequests',
  'coordination.k8s.io/leases',
  'coordination.k8s.io/leasecandidates',
  'events.k8s.io/events',
  'flowcontrol.apiserver.k8s.io/flowschemas',
  'flowcontrol.apiserver.k8s.io/prioritylevelconfigurations',
  'internal.apiserver.k8s.io/storageversions',
  'networking.k8s.io/ipaddresses',
  'networking.k8s.io/servicecidrs',
  'resource.k8s.io/resourceslices',
  'storage.k8s.io/csinodes',
  'storage.k8s.io/csistoragecapacities',
  'storage.k8s.io/volumeattachments',
]);

/** What its controller makes again from the owner. */
const remade: ReadonlySet<string> = new Set([
  'Pod',
  'ReplicaSet',
  'Job',
  'EndpointSlice',
  'ControllerRevision',
]);

/** Objects that each cluster comes with. */
const bornWith: ReadonlySet<string> = new Set([
  'ConfigMap kube-root-ca.crt',
  'Service kubernetes',
  'Endpoints kubernetes',
  'EndpointSlice kubernetes',
  'Namespace default',
]);

/** Kinds that need not even be read. */
export function isOwnDoing({ apiVersion, plural }: Kind): boolean {
  return ownDoings.has(`${groupOf(apiVersion)}/${plural}`);
}

/** Whether an object belongs into a copy. */
export function verdictOn({ kind, namespaced }: Kind, object: Json, around: Surroundings): Verdict {
  const { name, namespace, labels, deleting } = metaOf(object);
  if (isSystemNamespace(kind === 'Namespace' ? name : namespace)) return 'silent';
  if (deleting || (namespaced && !around.namespaces.has(namespace)))
    return { leftOut: 'objects that were being deleted' };
  if (bornWith.has(`${kind} ${name}`) && (!namespaced || namespace === 'default' || kind === 'ConfigMap'))
    return 'silent';
  if (isOurs(kind, name, labels) || 'kubernetes.io/bootstrapping' in labels) return 'silent';
  if (remade.has(kind) && isControlled(object)) return 'silent';
  return verdictOnKind({ kind, object, namespace, name, labels }, around);
}

/** Namespaces that belong to Kubernetes or to the platform. */
export function isSystemNamespace(name: string): boolean {
  return name.startsWith('kube-') || name.startsWith('hexabase-');
}

interface One {
  kind: string;
  object: Json;
  namespace: string;
  name: string;
  labels: Json;
}

function verdictOnKind({ kind, object, namespace, name, labels }: One, around: Surroundings): Verdict {
  switch (kind) {
    case 'PersistentVolume':
      return { leftOut: 'persistent volumes, which claims get anew' };
    case 'Job':
      return isFinished(object, ['Complete', 'Failed']) ? { leftOut: 'finished jobs' } : 'copied';
    case 'Pod':
      return ['Succeeded', 'Failed'].includes(textOf(fieldOf(object, 'status', 'phase')))
        ? { leftOut: 'finished pods' }
        : 'copied';
    case 'Endpoints':
      return around.selecting.has(`${namespace}/${name}`) ? 'silent' : 'copied';
    case 'EndpointSlice':
      return textOf(labels['endpointslice.kubernetes.io/managed-by']).endsWith('.k8s.io')
        ? 'silent'
        : 'copied';
    case 'PriorityClass':
      return name.startsWith('system-') ? 'silent' : 'copied';
    case 'APIService':
      return 'kube-aggregator.kubernetes.io/automanaged' in labels ? 'silent' : 'copied';
    case 'ClusterRole':
    case 'ClusterRoleBinding':
      return name.startsWith('system:') ? 'silent' : 'copied';
    default:
      return 'copied';
  }
}

/** What the product writes into every tenant and puts back there. */
function isOurs(kind: string, name: string, labels: Json): boolean {
  return (
    kind !== 'Namespace' &&
    labels['app.kubernetes.io/managed-by'] === 'hexabase' &&
    name.startsWith('hexabase')
  );
}

function isControlled(object: Json): boolean {
  return listOf(fieldOf(object, 'metadata', 'ownerReferences')).some(({ controller }) => controller === true);
}

function isFinished(object: Json, types: readonly string[]): boolean {
  return listOf(fieldOf(object, 'status', 'conditions')).some(
    ({ type, status }) => types.includes(textOf(type)) && status === 'True',
  );
}

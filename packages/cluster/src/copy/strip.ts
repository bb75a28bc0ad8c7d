import { fieldOf, isRecord, listOf, metaOf, textOf, type Json } from '../drivers/vcluster/host/objects.ts';
import type { CopiedObject } from './content.ts';
import type { Kind } from './kinds.ts';

/** Annotations that say where something is or what a controller did with it. */
const placeAnnotations: readonly string[] = [
  'control-plane.alpha.kubernetes.io/leader',
  'deployment.kubernetes.io/revision',
  'endpoints.kubernetes.io/last-change-trigger-time',
  // With the source's uid on it a token would be taken for one of a service account that is gone, and removed.
  'kubernetes.io/service-account.uid',
  'pv.kubernetes.io/bind-completed',
  'pv.kubernetes.io/bound-by-controller',
  'volume.beta.kubernetes.io/storage-provisioner',
  'volume.kubernetes.io/selected-node',
  'volume.kubernetes.io/storage-provisioner',
];

/**
 * What programs of a host note of addresses and load balancers that they have given: vCluster brings it into the tenant.
 * Another workspace would ask for those of the source by it, which `hexabase-annotations` refuses. MetalLB, kube-vip, clouds;
 * Calico, OVN, Multus.
 */
const givenAnnotations: readonly string[] = [
  'cni.projectcalico.org/containerID',
  'cni.projectcalico.org/podIP',
  'cni.projectcalico.org/podIPs',
  'k8s.ovn.org/pod-networks',
  'k8s.v1.cni.cncf.io/network-status',
  'k8s.v1.cni.cncf.io/networks-status',
  'kube-vip.io/loadbalancerIPs',
  'kube-vip.io/vipHost',
  'kubernetes.digitalocean.com/load-balancer-id',
  'load-balancer.hetzner.cloud/id',
  'loadbalancer.openstack.org/load-balancer-address',
  'loadbalancer.openstack.org/load-balancer-id',
  'metallb.io/ip-allocated-from-pool',
  'metallb.universe.tf/ip-allocated-from-pool',
  'service.beta.kubernetes.io/scw-loadbalancer-id',
];

/** Labels by which the product knows a namespace as a project of one workspace. */
const projectLabels: readonly string[] = ['hexabase.ai/project-id', 'workspace-id', 'project-name'];

/**
 * The object as somebody would have written it: without uid, status, addresses, places and finalizers, and without
 * anybody's rights. Null when nothing is left of it.
 */
export function stripped({ apiVersion, kind, plural, namespaced }: Kind, object: Json): CopiedObject | null {
  const { name, namespace, labels, annotations } = metaOf(object);
  const { metadata: _metadata, status: _status, apiVersion: _version, kind: _kind, ...rest } = object;
  const fields = fieldsOf(kind, rest);
  if (fields === null) return null;
  return {
    plural,
    namespaced,
    object: {
      apiVersion,
      kind,
      metadata: {
        name,
        ...(namespaced && { namespace }),
        ...keptIn('labels', without(labels, kind === 'Namespace' ? projectLabels : [])),
        ...keptIn('annotations', without(annotations, [...placeAnnotations, ...givenAnnotations])),
      },
      ...fields,
    },
    managers: listOf(fieldOf(object, 'metadata', 'managedFields')).filter(
      ({ subresource }) => textOf(subresource) !== 'status',
    ),
  };
}

function fieldsOf(kind: string, fields: Json): Json | null {
  const spec = isRecord(fields['spec']) ? fields['spec'] : {};
  switch (kind) {
    case 'Namespace':
      return {};
    case 'Service':
      return { ...fields, spec: serviceSpec(spec) };
    case 'PersistentVolumeClaim':
      return { ...fields, spec: without(spec, ['volumeName']) };
    case 'Pod':
      return { ...fields, spec: podSpec(spec) };
    case 'Job':
      return { ...fields, spec: jobSpec(spec) };
    case 'ServiceAccount':
      return without(fields, ['secrets']);
    case 'Secret':
      // A token of the source is worthless in the copy; where tokens are made, a new one takes its place.
      return fields['type'] === 'kubernetes.io/service-account-token' ? without(fields, ['data']) : fields;
    case 'ClusterRole':
      return isRecord(fields['aggregationRule']) ? { ...fields, rules: [] } : fields;
    case 'RoleBinding':
    case 'ClusterRoleBinding':
      return bindingFields(fields);
    default:
      return fields;
  }
}

/** Addresses and node ports are given anew; a service without an address stays without. */
function serviceSpec(spec: Json): Json {
  const kept = without(spec, ['clusterIP', 'clusterIPs', 'healthCheckNodePort']);
  const ports = listOf(spec['ports']).map((port) => without(port, ['nodePort']));
  return {
    ...kept,
    ...(ports.length > 0 && { ports }),
    ...(spec['clusterIP'] === 'None' && { clusterIP: 'None' }),
  };
}

/** Not the node, nor what admission adds: the token of the source's service account, a priority as a number. */
function podSpec(spec: Json): Json {
  const tokens = new Set(
    listOf(spec['volumes'])
      .map(({ name }) => textOf(name))
      .filter((name) => name.startsWith('kube-api-access-')),
  );
  const withoutMounts = (containers: unknown) =>
    listOf(containers).map((container) => ({
      ...container,
      volumeMounts: listOf(container['volumeMounts']).filter(({ name }) => !tokens.has(textOf(name))),
    }));
  return {
    ...without(spec, ['nodeName', 'priority', 'ephemeralContainers', 'serviceAccount']),
    volumes: listOf(spec['volumes']).filter(({ name }) => !tokens.has(textOf(name))),
    containers: withoutMounts(spec['containers']),
    ...(Array.isArray(spec['initContainers']) && { initContainers: withoutMounts(spec['initContainers']) }),
  };
}

/** Its selector is made from its uid, unless somebody wrote it. */
function jobSpec(spec: Json): Json {
  if (spec['manualSelector'] === true) return spec;
  const template = isRecord(spec['template']) ? spec['template'] : {};
  const made = [
    'controller-uid',
    'job-name',
    'batch.kubernetes.io/controller-uid',
    'batch.kubernetes.io/job-name',
  ];
  const metadata = isRecord(template['metadata']) ? template['metadata'] : {};
  const labels = isRecord(metadata['labels']) ? without(metadata['labels'], made) : {};
  return { ...without(spec, ['selector']), template: { ...template, metadata: { ...metadata, labels } } };
}

/**
 * People and groups get no rights by a copy: only service accounts, and the groups that Kubernetes itself gives, stay
 * subjects. A role that the product made for the source has another name in the copy.
 */
function bindingFields(fields: Json): Json | null {
  const subjects = listOf(fields['subjects']).filter(
    ({ kind, name }) => kind === 'ServiceAccount' || textOf(name).startsWith('system:'),
  );
  const ofSource = textOf(fieldOf(fields, 'roleRef', 'name')).startsWith('hexabase:role:');
  return subjects.length === 0 || ofSource ? null : { ...fields, subjects };
}

function keptIn(field: string, values: Json): Json {
  return Object.keys(values).length > 0 ? { [field]: values } : {};
}

function without(record: Json, names: readonly string[]): Json {
  return Object.fromEntries(Object.entries(record).filter(([name]) => !names.includes(name)));
}

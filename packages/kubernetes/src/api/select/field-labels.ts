import type { KubeObject, ResourceInfo } from '../../types.ts';

type Reader = (object: KubeObject) => string;

const metadata: [string, Reader][] = [
  ['metadata.name', (object) => object.metadata.name],
  ['metadata.namespace', (object) => object.metadata.namespace ?? ''],
];

/** Fields beyond `metadata` by which each kind can be selected (upstream's AddFieldLabelConversionFunc registrations). */
const perKind: Readonly<Record<string, readonly string[]>> = {
  '/pods': [
    'spec.nodeName',
    'spec.restartPolicy',
    'spec.schedulerName',
    'spec.serviceAccountName',
    'spec.hostNetwork',
    'status.phase',
    'status.podIP',
    'status.podIPs',
    'status.nominatedNodeName',
  ],
  '/events': eventFields('involvedObject'),
  'events.k8s.io/events': eventFields('regarding'),
  '/nodes': ['spec.unschedulable'],
  '/namespaces': ['status.phase'],
  '/secrets': ['type'],
  '/services': ['spec.clusterIP', 'spec.type'],
  '/replicationcontrollers': ['status.replicas'],
  'apps/replicasets': ['status.replicas'],
  'batch/jobs': ['status.successful'],
  'certificates.k8s.io/certificatesigningrequests': ['spec.signerName'],
};

function eventFields(about: string): string[] {
  const involved = ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'];
  return [
    ...involved.map((field) => `${about}.${field}`),
    'reason',
    'reportingComponent',
    'reportingController',
    'source',
    'type',
  ];
}

/** The selectable fields of a kind with how each is read. */
export function fieldLabelsOf(info: Pick<ResourceInfo, 'group' | 'plural'>): ReadonlyMap<string, Reader> {
  const key = `${info.group}/${info.plural}`;
  const known = cache.get(key);
  if (known) return known;
  const labels = new Map<string, Reader>(metadata);
  for (const path of perKind[key] ?? [])
    labels.set(path, specialReaders.get(`${key}:${path}`) ?? pathReader(path));
  cache.set(key, labels);
  return labels;
}

const cache = new Map<string, ReadonlyMap<string, Reader>>();

const specialReaders = new Map<string, Reader>([
  [
    '/events:source',
    (object) => read(object, ['source', 'component']) || read(object, ['reportingComponent']),
  ],
  ['/events:reportingController', (object) => read(object, ['reportingComponent'])],
  [
    'events.k8s.io/events:source',
    (object) => read(object, ['source', 'component']) || read(object, ['reportingComponent']),
  ],
  ['events.k8s.io/events:reportingController', (object) => read(object, ['reportingComponent'])],
  ['/nodes:spec.unschedulable', (object) => read(object, ['spec', 'unschedulable']) || 'false'],
  ['/pods:spec.hostNetwork', (object) => read(object, ['spec', 'hostNetwork']) || 'false'],
  ['/pods:status.podIPs', (object) => read(object, ['status', 'podIP'])],
  ['batch/jobs:status.successful', (object) => read(object, ['status', 'succeeded']) || '0'],
]);

/** `regarding` is what the stored event calls `involvedObject`. */
function pathReader(path: string): Reader {
  const parts = path.replace(/^regarding\./, 'involvedObject.').split('.');
  return (object) => read(object, parts);
}

function read(object: unknown, parts: readonly string[]): string {
  let value: unknown = object;
  for (const part of parts) {
    if (typeof value !== 'object' || value === null) return '';
    value = Reflect.get(value, part);
  }
  return value === undefined || value === null ? '' : String(value);
}

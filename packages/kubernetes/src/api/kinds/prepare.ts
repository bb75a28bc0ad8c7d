import type { KubeObject } from '../../types.ts';
import type { Call } from '../deps.ts';
import { prepareJob } from './job.ts';
import { preparePod } from './pod.ts';
import { allocateForCreate, allocateForUpdate } from './service.ts';

type Undo = () => void;
const nothing: Undo = () => undefined;

/** What upstream's strategy of the kind does to a new object before validation. Answers how to take allocations back. */
export function prepareKindForCreate(call: Call, object: KubeObject): Undo {
  if (call.info.subresources.has('status')) delete object['status'];
  switch (call.info.groupResource) {
    case '/pods':
      preparePod(object);
      return nothing;
    case '/services':
      object['status'] = { loadBalancer: {} };
      return allocateForCreate(call.cluster.store, object, call.dryRun);
    case '/namespaces':
      prepareNamespace(object);
      return nothing;
    case '/secrets':
      mergeStringData(object);
      return nothing;
    case '/persistentvolumeclaims':
    case '/persistentvolumes':
      object['status'] = { phase: 'Pending' };
      return nothing;
    case 'batch/jobs':
      prepareJob(object);
      return nothing;
    default:
      if (call.info.subresources.has('status') && object['status'] === undefined)
        object['status'] = emptyStatus(call);
      if (object['status'] === undefined) delete object['status'];
      return nothing;
  }
}

/** The same for a changed object; `old` is the state before. */
export function prepareKindForUpdate(call: Call, object: KubeObject, old: KubeObject): Undo {
  if (call.subresource !== '') return nothing;
  switch (call.info.groupResource) {
    case '/services':
      return allocateForUpdate(call.cluster.store, object, old);
    case '/secrets':
      mergeStringData(object);
      return nothing;
    case '/namespaces':
      keepNamespaceFinalizers(object, old);
      return nothing;
    default:
      return nothing;
  }
}

function emptyStatus(call: Call): Record<string, unknown> | undefined {
  const withLoadBalancer = call.info.groupResource === 'networking.k8s.io/ingresses';
  if (withLoadBalancer) return { loadBalancer: {} };
  const bare = ['apps', 'batch', 'apiextensions.k8s.io'];
  return bare.includes(call.info.group) ? {} : undefined;
}

/** The `kubernetes` finalizer lets the namespace controller empty the namespace before it goes. */
function prepareNamespace(object: KubeObject): void {
  const spec = typeof object['spec'] === 'object' && object['spec'] !== null ? object['spec'] : {};
  object['spec'] = { ...spec, finalizers: ['kubernetes'] };
  object['status'] = { phase: 'Active' };
  object.metadata.labels = { ...object.metadata.labels, 'kubernetes.io/metadata.name': object.metadata.name };
}

function keepNamespaceFinalizers(object: KubeObject, old: KubeObject): void {
  if (old['spec'] === undefined) delete object['spec'];
  else object['spec'] = old['spec'];
  object.metadata.labels = { ...object.metadata.labels, 'kubernetes.io/metadata.name': object.metadata.name };
}

/** `stringData` is write-only: it lands base64-encoded in `data` and wins over it. */
function mergeStringData(object: KubeObject): void {
  const plain = object['stringData'];
  delete object['stringData'];
  if (typeof plain !== 'object' || plain === null) return;
  const encoded = Object.entries(plain).map(([key, value]) => [
    key,
    Buffer.from(String(value), 'utf8').toString('base64'),
  ]);
  const data = typeof object['data'] === 'object' && object['data'] !== null ? object['data'] : {};
  if (encoded.length > 0) object['data'] = { ...data, ...Object.fromEntries(encoded) };
}

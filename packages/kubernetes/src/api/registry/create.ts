import { randomUUID } from 'node:crypto';
import type { KubeObject } from '../../types.ts';
import type { Call } from '../deps.ts';
import { alreadyExists, badRequest, invalid } from '../errors.ts';
import { prepareKindForCreate } from '../kinds/prepare.ts';
import { countsGeneration } from '../kinds/traits.ts';
import { trackUpdate } from '../apply/track-update.ts';
import { StatusError } from '../status-error.ts';
import { generatedName } from './names.ts';
import { kubeTime, setManagedFields } from './object.ts';

const nameAttempts = 8;

/**
 * Creates an object from what a client sent. The object is the caller's to give away: it is changed in place.
 * Throws a `StatusError` (AlreadyExists, Invalid, Forbidden …).
 */
export async function createObject(call: Call, object: KubeObject): Promise<KubeObject> {
  checkIdentity(call, object);
  const base = object.metadata.name === '' ? (object.metadata.generateName ?? '') : '';
  const { managedFields } = object.metadata;
  fillMetadata(call, object);
  call.cluster.deps.schema.applyDefaults(object);
  if (managedFields) object.metadata.managedFields = managedFields;
  if (!call.applied) setManagedFields(object, trackUpdate(call, object, undefined));
  for (let attempt = 1; ; attempt++) {
    if (base !== '') object.metadata.name = generatedName(base);
    try {
      return await admitAndStore(call, object);
    } catch (error) {
      const taken = error instanceof StatusError && error.status.reason === 'AlreadyExists';
      if (!taken || base === '' || attempt >= nameAttempts) throw error;
    }
  }
}

async function admitAndStore(call: Call, object: KubeObject): Promise<KubeObject> {
  const { info, cluster, namespace } = call;
  const name = object.metadata.name;
  if (cluster.store.get(info.groupResource, namespace, name)) throw alreadyExists(info, name);
  const admitted = await cluster.deps.admit({
    ...call,
    operation: 'CREATE',
    name,
    object,
    old: undefined,
    warn: call.warn,
  });
  const next = admitted.object ?? object;
  let undo: () => void = () => undefined;
  try {
    undo = prepareKindForCreate(call, next);
    const causes = cluster.deps.schema.validateCreate(info, next);
    if (causes.length > 0) throw invalid(info, name, causes);
    if (call.dryRun) {
      undo();
      admitted.release?.();
      return next;
    }
    const result = await cluster.store.write({ resource: info.groupResource, namespace, name }, (current) => {
      if (current) throw alreadyExists(info, name);
      return { kind: 'put', object: next };
    });
    return result.object ?? next;
  } catch (error) {
    undo();
    admitted.release?.();
    throw error;
  }
}

function checkIdentity(call: Call, object: KubeObject): void {
  const metadata = object.metadata;
  if (call.info.namespaced) {
    if (metadata.namespace && metadata.namespace !== call.namespace) {
      throw badRequest(
        'the namespace of the provided object does not match the namespace sent on the request',
      );
    }
    metadata.namespace = call.namespace;
  } else delete metadata.namespace;
  metadata.name ??= '';
  if (metadata.resourceVersion)
    throw badRequest('resourceVersion should not be set on objects to be created');
  if (metadata.name === '' && !metadata.generateName) {
    throw invalid(call.info, '', [
      {
        reason: 'FieldValueRequired',
        message: 'Required value: name or generateName is required',
        field: 'metadata.name',
      },
    ]);
  }
}

function fillMetadata(call: Call, object: KubeObject): void {
  const { name, generateName, namespace, labels, annotations, finalizers, ownerReferences } = object.metadata;
  object.metadata = {
    name,
    ...(generateName && { generateName }),
    ...(namespace && { namespace }),
    uid: randomUUID(),
    resourceVersion: '',
    ...(countsGeneration(call.info) && { generation: 1 }),
    creationTimestamp: kubeTime(call.cluster.deps.clock.now()),
    ...(labels && Object.keys(labels).length > 0 && { labels }),
    ...(annotations && Object.keys(annotations).length > 0 && { annotations }),
    ...(ownerReferences && ownerReferences.length > 0 && { ownerReferences }),
    ...(finalizers && finalizers.length > 0 && { finalizers }),
  };
}

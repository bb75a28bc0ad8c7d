import type { KubeObject } from '../../types.ts';
import type { Call } from '../deps.ts';
import { badRequest, conflict, invalid, modifiedMessage, notFound } from '../errors.ts';
import { prepareKindForUpdate } from '../kinds/prepare.ts';
import { countsGeneration, needsRevisionOnUpdate, updateMayCreate } from '../kinds/traits.ts';
import { createObject } from './create.ts';
import { sameButTimes } from '../apply/managers.ts';
import { trackUpdate } from '../apply/track-update.ts';
import { arrayAt, recordAt, sameJson, setManagedFields } from './object.ts';
import { emptyAfterUpdate } from './removal.ts';

/** How a write gets its new object from the current one. Called again after a lost race. */
export interface Change {
  /** Makes the new object; never alters `current`. Undefined leaves it as it is. */
  from(current: KubeObject): KubeObject | undefined;
  /** A lost race is answered with 409 even without a resourceVersion in the object. */
  once?: boolean;
}

const raceAttempts = 20;

/** PUT. Answers the stored object and whether it was made. */
export async function replaceObject(
  call: Call,
  object: KubeObject,
): Promise<{ object: KubeObject; created: boolean }> {
  const { info, cluster, namespace, name } = call;
  if (object.metadata.name === undefined || object.metadata.name === '') object.metadata.name = name;
  if (object.metadata.name !== name) {
    throw badRequest(
      `the name of the object (${object.metadata.name}) does not match the name on the URL (${name})`,
    );
  }
  if (info.namespaced && object.metadata.namespace && object.metadata.namespace !== namespace) {
    throw badRequest('the namespace of the object does not match the namespace on the request');
  }
  const exists = cluster.store.get(info.groupResource, namespace, name) !== undefined;
  if (!exists && call.subresource === '' && updateMayCreate(info) && !object.metadata.resourceVersion) {
    return { object: await createObject(call, object), created: true };
  }
  if (needsRevisionOnUpdate(info) && !object.metadata.resourceVersion) {
    throw invalid(info, name, [
      {
        reason: 'FieldValueInvalid',
        message: 'Invalid value: 0: must be specified for an update',
        field: 'metadata.resourceVersion',
      },
    ]);
  }
  return { object: await changeObject(call, { from: () => object }), created: false };
}

/**
 * Reads, changes, admits, validates and writes one object, again when it changed meanwhile. An object that names a
 * resourceVersion is only written over exactly that one.
 */
export async function changeObject(call: Call, change: Change): Promise<KubeObject> {
  const { info, cluster, namespace, name } = call;
  let current = cluster.store.get(info.groupResource, namespace, name);
  for (let attempt = 1; ; attempt++) {
    if (!current) throw notFound(info, name);
    const outcome = await attemptChange(call, change, current);
    if ('done' in outcome) return outcome.done;
    if (change.once || attempt >= raceAttempts) throw conflict(info, name, modifiedMessage);
    current = outcome.newer;
  }
}

type Outcome = { done: KubeObject } | { newer: KubeObject | undefined };

async function attemptChange(call: Call, change: Change, current: KubeObject): Promise<Outcome> {
  const { info, cluster, namespace, name } = call;
  const wanted = change.from(current);
  if (wanted === undefined) return { done: current };
  checkPreconditions(call, wanted, current);
  const locked = wanted.metadata.resourceVersion;
  const prepared = prepare(call, wanted, current);
  if (!call.applied) setManagedFields(prepared, trackUpdate(call, prepared, current));
  const admitted = await cluster.deps.admit({
    ...call,
    operation: 'UPDATE',
    object: prepared,
    old: current,
    warn: call.warn,
  });
  const next = admitted.object ?? prepared;
  let undo: () => void = () => undefined;
  let stored = false;
  try {
    undo = prepareKindForUpdate(call, next, current);
    bumpGeneration(call, next, current);
    const causes = cluster.deps.schema.validateUpdate(info, next, current);
    if (causes.length > 0) throw invalid(info, name, causes);
    if (call.dryRun) return { done: next };
    if (unchanged(next, current)) return { done: current };
    let newer: KubeObject | undefined;
    let raced = false;
    const result = await cluster.store.write({ resource: info.groupResource, namespace, name }, (found) => {
      raced = found?.metadata.resourceVersion !== current.metadata.resourceVersion;
      if (!raced) return emptyAfterUpdate(info, next) ? { kind: 'delete' } : { kind: 'put', object: next };
      newer = found;
      if (found && locked) throw conflict(info, name, modifiedMessage);
      return { kind: 'none' };
    });
    stored = !raced;
    return raced ? { newer } : { done: result.object ?? next };
  } finally {
    if (!stored) {
      undo();
      admitted.release?.();
    }
  }
}

/** When a manager last confirmed what it owns is no change of the object. */
function unchanged(next: KubeObject, current: KubeObject): boolean {
  const bare = ({ metadata, ...object }: KubeObject): unknown => ({
    ...object,
    metadata: { ...metadata, managedFields: undefined },
  });
  return (
    sameJson(bare(next), bare(current)) &&
    sameButTimes(next.metadata.managedFields, current.metadata.managedFields)
  );
}

function checkPreconditions(call: Call, wanted: KubeObject, current: KubeObject): void {
  const { uid, resourceVersion } = wanted.metadata;
  if (uid && uid !== current.metadata.uid) {
    throw conflict(
      call.info,
      call.name,
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${current.metadata.uid}`,
    );
  }
  if (resourceVersion && resourceVersion !== current.metadata.resourceVersion) {
    throw conflict(call.info, call.name, modifiedMessage);
  }
}

/** The wanted object with what a client cannot change taken from the current one. */
function prepare(call: Call, wanted: KubeObject, current: KubeObject): KubeObject {
  const old = current.metadata;
  const next: KubeObject = { ...wanted, apiVersion: current.apiVersion, kind: current.kind };
  const metadata: KubeObject['metadata'] = {
    ...wanted.metadata,
    name: old.name,
    uid: old.uid,
    resourceVersion: old.resourceVersion,
    creationTimestamp: old.creationTimestamp,
  };
  keep(metadata, old, 'namespace');
  keep(metadata, old, 'generateName');
  keep(metadata, old, 'generation');
  keep(metadata, old, 'deletionTimestamp');
  keep(metadata, old, 'deletionGracePeriodSeconds');
  if (metadata.managedFields === undefined) keep(metadata, old, 'managedFields');
  dropEmpty(metadata);
  next.metadata = metadata;
  if (call.subresource === 'status') return statusOnly(next, current);
  if (call.info.subresources.has('status')) {
    if (current['status'] === undefined) delete next['status'];
    else next['status'] = current['status'];
  }
  if (call.subresource === 'ephemeralcontainers') return ephemeralOnly(next, current);
  call.cluster.deps.schema.applyDefaults(next);
  return next;
}

/** `pods/ephemeralcontainers` changes nothing else. */
function ephemeralOnly(next: KubeObject, current: KubeObject): KubeObject {
  const ephemeralContainers = arrayAt(recordAt(next, 'spec'), 'ephemeralContainers');
  const metadata = {
    ...current.metadata,
    ...(next.metadata.managedFields && { managedFields: next.metadata.managedFields }),
  };
  return { ...current, metadata, spec: { ...recordAt(current, 'spec'), ephemeralContainers } };
}

function keep<K extends keyof KubeObject['metadata']>(
  to: KubeObject['metadata'],
  from: KubeObject['metadata'],
  field: K,
): void {
  const value = from[field];
  if (value === undefined) delete to[field];
  else to[field] = value;
}

function dropEmpty(metadata: KubeObject['metadata']): void {
  if (metadata.labels && Object.keys(metadata.labels).length === 0) delete metadata.labels;
  if (metadata.annotations && Object.keys(metadata.annotations).length === 0) delete metadata.annotations;
  if (metadata.finalizers?.length === 0) delete metadata.finalizers;
  if (metadata.ownerReferences?.length === 0) delete metadata.ownerReferences;
}

/** A write to `status` keeps everything else, but for labels, annotations and finalizers. */
function statusOnly(next: KubeObject, current: KubeObject): KubeObject {
  const kept: KubeObject = { ...current, metadata: next.metadata };
  keep(kept.metadata, current.metadata, 'ownerReferences');
  if (current.apiVersion.startsWith('apps/')) keep(kept.metadata, current.metadata, 'labels');
  if (next['status'] === undefined) delete kept['status'];
  else kept['status'] = next['status'];
  return kept;
}

function bumpGeneration(call: Call, next: KubeObject, current: KubeObject): void {
  if (!countsGeneration(call.info) || call.subresource === 'status') return;
  for (const key of new Set([...Object.keys(next), ...Object.keys(current)])) {
    if (key === 'metadata' || key === 'status' || key === 'apiVersion' || key === 'kind') continue;
    if (sameJson(next[key], current[key])) continue;
    next.metadata.generation = (current.metadata.generation ?? 0) + 1;
    return;
  }
}

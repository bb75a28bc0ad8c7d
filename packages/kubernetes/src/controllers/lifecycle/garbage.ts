import type { GroupResource, KubeObject, OwnerReference } from '../../types.ts';
import { refOf, type Change, type Context, type Controller } from '../controller.ts';

const FOREGROUND = 'foregroundDeletion';
const ORPHAN = 'orphan';

/**
 * The garbage collector: deletes objects whose owners are gone, and carries out foreground and orphaning deletions
 * (https://kubernetes.io/docs/concepts/architecture/garbage-collection/). Its keys are `resource namespace name`.
 */
export const garbageCollector: Controller = {
  name: 'garbage',
  watches: [{ resource: '*', keys: concerned }],
  async reconcile(key, context) {
    const [resource, namespace, name] = splitKey(key);
    const object = context.client.store.get(resource, namespace, name);
    if (!object) return;
    if (object.metadata.deletionTimestamp) return finishDeletion(context, resource, object);
    return checkOwners(context, resource, object);
  },
};

function concerned({ resource, object, previous, deleted }: Change, context: Context): string[] {
  const { metadata } = object;
  const keys: string[] = [];
  if (deleted) {
    for (const dependent of context.client.store.dependents(metadata.uid))
      keys.push(...keyByUid(context, dependent));
    for (const owner of metadata.ownerReferences ?? []) keys.push(...waitingOwner(context, owner));
  } else if (metadata.deletionTimestamp) {
    if (held(object)) keys.push(keyFor(resource, object));
  } else if (metadata.ownerReferences && metadata.ownerReferences !== previous?.metadata.ownerReferences) {
    if (
      !previous ||
      JSON.stringify(previous.metadata.ownerReferences) !== JSON.stringify(metadata.ownerReferences)
    )
      keys.push(keyFor(resource, object));
  }
  // An owner in foreground deletion may be waiting for a reference that just went away.
  for (const owner of previous?.metadata.ownerReferences ?? []) {
    if (!deleted && !metadata.ownerReferences?.some(({ uid }) => uid === owner.uid))
      keys.push(...waitingOwner(context, owner));
  }
  return keys;
}

async function checkOwners(context: Context, resource: GroupResource, object: KubeObject): Promise<void> {
  const references = object.metadata.ownerReferences ?? [];
  if (references.length === 0) return;
  const states = references.map((reference) => ({
    reference,
    state: ownerState(context, object, reference),
  }));
  const foreign = states.find(({ state }) => state === 'foreign');
  if (foreign) {
    const { kind, name, uid, apiVersion } = foreign.reference;
    const message = `ownerRef [${apiVersion}/${kind}, namespace: ${object.metadata.namespace ?? ''}, name: ${name}, uid: ${uid}] does not exist in namespace "${object.metadata.namespace ?? ''}"`;
    await context.client.event(object, {
      type: 'Warning',
      reason: 'OwnerRefInvalidNamespace',
      message,
      component: 'garbage-collector-controller',
    });
  }
  const solid = states.filter(({ state }) => state === 'solid');
  if (solid.length === states.length) return;
  if (solid.length > 0) {
    const kept = new Set(solid.map(({ reference }) => reference.uid));
    await context.client.update(resource, refOf(object), (current) => {
      current.metadata.ownerReferences = (current.metadata.ownerReferences ?? []).filter(({ uid }) =>
        kept.has(uid),
      );
    });
    return;
  }
  const waits =
    states.some(({ state }) => state === 'waiting') &&
    context.client.store.dependents(object.metadata.uid).length > 0;
  const finalizers = object.metadata.finalizers ?? [];
  const propagationPolicy = finalizers.includes(ORPHAN)
    ? 'Orphan'
    : waits || finalizers.includes(FOREGROUND)
      ? 'Foreground'
      : 'Background';
  await context.client.delete(resource, refOf(object), { uid: object.metadata.uid, propagationPolicy });
}

/** `foreign`: the uid exists, but in another namespace or under another name; such an owner counts as absent. */
type OwnerState = 'solid' | 'waiting' | 'absent' | 'foreign';

function ownerState(context: Context, object: KubeObject, reference: OwnerReference): OwnerState {
  const owner = context.client.store.byUid(reference.uid)?.object;
  if (!owner) return 'absent';
  const { namespace, name } = owner.metadata;
  if (name !== reference.name || owner.kind !== reference.kind) return 'foreign';
  if (namespace && namespace !== object.metadata.namespace) return 'foreign';
  return owner.metadata.deletionTimestamp && owner.metadata.finalizers?.includes(FOREGROUND)
    ? 'waiting'
    : 'solid';
}

async function finishDeletion(context: Context, resource: GroupResource, object: KubeObject): Promise<void> {
  const finalizers = object.metadata.finalizers ?? [];
  if (finalizers.includes(ORPHAN)) return releaseDependents(context, resource, object);
  if (!finalizers.includes(FOREGROUND)) return;
  const dependents = context.client.store.dependents(object.metadata.uid);
  for (const dependent of dependents.filter(({ metadata }) => !metadata.deletionTimestamp)) {
    const found = context.client.store.byUid(dependent.metadata.uid);
    if (found) await checkOwners(context, found.resource, found.object);
  }
  const blocks = context.client.store
    .dependents(object.metadata.uid)
    .some(({ metadata }) =>
      metadata.ownerReferences?.some(
        ({ uid, blockOwnerDeletion }) => uid === object.metadata.uid && blockOwnerDeletion,
      ),
    );
  if (!blocks) await dropFinalizer(context, { resource, object, finalizer: FOREGROUND });
}

async function releaseDependents(
  context: Context,
  resource: GroupResource,
  object: KubeObject,
): Promise<void> {
  for (const dependent of context.client.store.dependents(object.metadata.uid)) {
    const found = context.client.store.byUid(dependent.metadata.uid);
    if (!found) continue;
    await context.client.update(found.resource, refOf(dependent), (current) => {
      current.metadata.ownerReferences = (current.metadata.ownerReferences ?? []).filter(
        ({ uid }) => uid !== object.metadata.uid,
      );
    });
  }
  await dropFinalizer(context, { resource, object, finalizer: ORPHAN });
}

async function dropFinalizer(
  context: Context,
  held: { resource: GroupResource; object: KubeObject; finalizer: string },
): Promise<void> {
  const { resource, object, finalizer } = held;
  await context.client.update(resource, refOf(object), (current) => {
    if (current.metadata.uid !== object.metadata.uid) return false;
    current.metadata.finalizers = (current.metadata.finalizers ?? []).filter((name) => name !== finalizer);
    return true;
  });
}

function held({ metadata }: KubeObject): boolean {
  return metadata.finalizers?.some((finalizer) => finalizer === FOREGROUND || finalizer === ORPHAN) ?? false;
}

function waitingOwner(context: Context, { uid }: OwnerReference): string[] {
  const owner = context.client.store.byUid(uid);
  return owner && owner.object.metadata.deletionTimestamp && held(owner.object)
    ? [keyFor(owner.resource, owner.object)]
    : [];
}

function keyByUid(context: Context, object: KubeObject): string[] {
  const found = context.client.store.byUid(object.metadata.uid);
  return found ? [keyFor(found.resource, found.object)] : [];
}

function keyFor(resource: GroupResource, { metadata }: KubeObject): string {
  return `${resource} ${metadata.namespace ?? ''} ${metadata.name}`;
}

function splitKey(key: string): [GroupResource, string, string] {
  const [resource = '', namespace = '', name = ''] = key.split(' ');
  const slash = resource.indexOf('/');
  return [`${resource.slice(0, slash)}/${resource.slice(slash + 1)}`, namespace, name];
}

import type { GroupResource, KubeObject } from '../../types.ts';
import { refOf, type Context } from '../controller.ts';
import { controllerOf, controllerReference, isControlledBy } from './owners.ts';

export interface ClaimOptions {
  resource: GroupResource;
  owner: KubeObject;
  matches(labels: Record<string, string> | undefined): boolean;
}

/**
 * The objects that `owner` controls: its own as far as they still match, plus matching ones without a controller, which
 * it adopts. Its own that no longer match are released. (Upstream: PodControllerRefManager.)
 */
export async function claimOwned<T extends KubeObject>(
  context: Context,
  options: ClaimOptions,
): Promise<T[]> {
  const { client } = context;
  const { owner, resource, matches } = options;
  const namespace = owner.metadata.namespace ?? '';
  const claimed: T[] = [];
  for (const dependent of client.store.dependents(owner.metadata.uid)) {
    if (!isControlledBy(dependent, owner)) continue;
    const object = client.get<T>(resource, namespace, dependent.metadata.name);
    if (!object || object.metadata.uid !== dependent.metadata.uid) continue;
    if (matches(object.metadata.labels)) claimed.push(object);
    else if (!object.metadata.deletionTimestamp) await release(context, options, object);
  }
  if (owner.metadata.deletionTimestamp) return claimed;
  for (const name of context.orphans.names(resource, namespace)) {
    const object = client.get<T>(resource, namespace, name);
    if (
      !object ||
      controllerOf(object) ||
      object.metadata.deletionTimestamp ||
      !matches(object.metadata.labels)
    )
      continue;
    const adopted = await adopt<T>(context, options, object);
    if (adopted) claimed.push(adopted);
  }
  return claimed;
}

async function adopt<T extends KubeObject>(
  context: Context,
  { resource, owner }: ClaimOptions,
  object: T,
): Promise<T | undefined> {
  return context.client.update<T>(resource, refOf(object), (current) => {
    if (controllerOf(current) || current.metadata.uid !== object.metadata.uid) return false;
    const others = (current.metadata.ownerReferences ?? []).filter(({ uid }) => uid !== owner.metadata.uid);
    current.metadata.ownerReferences = [...others, controllerReference(owner)];
    return true;
  });
}

async function release(
  context: Context,
  { resource, owner }: ClaimOptions,
  object: KubeObject,
): Promise<void> {
  await context.client.update(resource, refOf(object), (current) => {
    if (!isControlledBy(current, owner)) return false;
    const left = (current.metadata.ownerReferences ?? []).filter(({ uid }) => uid !== owner.metadata.uid);
    if (left.length > 0) current.metadata.ownerReferences = left;
    else delete current.metadata.ownerReferences;
    return true;
  });
}

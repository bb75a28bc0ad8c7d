import type { KubeObject, ResourceInfo } from '../../types.ts';
import { arrayAt, recordAt } from './object.ts';

export const namespaces = '/namespaces';

/** Finalizers that still hold an object: `metadata.finalizers`, for namespaces also `spec.finalizers`. */
export function heldBy(info: Pick<ResourceInfo, 'groupResource'>, object: KubeObject): boolean {
  if ((object.metadata.finalizers?.length ?? 0) > 0) return true;
  return info.groupResource === namespaces && arrayAt(recordAt(object, 'spec'), 'finalizers').length > 0;
}

/** True when an update leaves an object that is being deleted and that nothing holds any more. */
export function emptyAfterUpdate(info: Pick<ResourceInfo, 'groupResource'>, object: KubeObject): boolean {
  if (object.metadata.deletionTimestamp === undefined) return false;
  return !heldBy(info, object) && (object.metadata.deletionGracePeriodSeconds ?? 0) === 0;
}

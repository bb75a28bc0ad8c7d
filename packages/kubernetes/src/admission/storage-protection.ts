import { cmp, tryParseQuantity } from '../schema/quantity.ts';
import { fieldsOf, textOf } from '../auth/fields.ts';
import type { KubeObject } from '../types.ts';
import { concerns, refused, type AdmissionContext } from './context.ts';

const finalizers: Readonly<Record<string, string>> = {
  '/persistentvolumes': 'kubernetes.io/pv-protection',
  '/persistentvolumeclaims': 'kubernetes.io/pvc-protection',
};

/** Keeps volumes and claims until nothing uses them: adds the finalizer that their controllers take away. */
export function storageProtection(context: AdmissionContext): void {
  const finalizer = finalizers[context.info.groupResource];
  if (
    finalizer === undefined ||
    context.operation !== 'CREATE' ||
    context.subresource !== '' ||
    !context.object
  )
    return;
  const { metadata } = context.object;
  if (!metadata.finalizers?.includes(finalizer))
    metadata.finalizers = [...(metadata.finalizers ?? []), finalizer];
}

/** A claim may grow when it is bound and its class allows it (plugin PersistentVolumeClaimResize). */
export function claimResize(context: AdmissionContext): void {
  const { object, old } = context;
  if (context.operation !== 'UPDATE' || !concerns(context, '/persistentvolumeclaims') || !object || !old)
    return;
  const size = tryParseQuantity(requestedStorage(object));
  const before = tryParseQuantity(requestedStorage(old));
  if (!size || (before && cmp(size, before) <= 0)) return;
  if (fieldsOf(old['status'])['phase'] !== 'Bound') {
    throw refused(context, 'Only bound persistent volume claims can be expanded');
  }
  const className = textOf(fieldsOf(object['spec'])['storageClassName']);
  const found = context.store.get('storage.k8s.io/storageclasses', '', className);
  if (
    className !== textOf(fieldsOf(old['spec'])['storageClassName']) ||
    found?.['allowVolumeExpansion'] !== true
  ) {
    throw refused(
      context,
      'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
    );
  }
}

function requestedStorage(claim: KubeObject): unknown {
  return fieldsOf(fieldsOf(fieldsOf(claim['spec'])['resources'])['requests'])['storage'];
}

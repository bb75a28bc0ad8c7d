import { ensureJson, setDefault, setDefaultOfZero } from '../schema/json.ts';
import type { Json } from '../schema/json.ts';

/** Defaults of a PersistentVolume. */
export function defaultPersistentVolume(volume: Json): void {
  const spec = ensureJson(volume, 'spec');
  setDefaultOfZero(spec, 'persistentVolumeReclaimPolicy', 'Retain');
  setDefault(spec, 'volumeMode', 'Filesystem');
  setDefaultOfZero(ensureJson(volume, 'status'), 'phase', 'Pending');
}

/** Defaults of a PersistentVolumeClaim; its storage class is admission's business. */
export function defaultPersistentVolumeClaim(claim: Json): void {
  defaultClaimSpec(ensureJson(claim, 'spec'));
  setDefaultOfZero(ensureJson(claim, 'status'), 'phase', 'Pending');
}

/** Defaults of a claim's spec, also within templates. */
export function defaultClaimSpec(spec: Json): void {
  setDefault(spec, 'volumeMode', 'Filesystem');
  setDefault(spec, 'resources', {});
}

/** Defaults of a StorageClass. */
export function defaultStorageClass(storageClass: Json): void {
  setDefault(storageClass, 'reclaimPolicy', 'Delete');
  setDefault(storageClass, 'volumeBindingMode', 'Immediate');
}

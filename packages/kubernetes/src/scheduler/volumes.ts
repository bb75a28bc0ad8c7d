import type { ApiClient } from '../api/client.ts';
import type { Pod } from '../objects.ts';
import type { PersistentVolumeClaim, StorageClass } from '../objects-storage.ts';

export type VolumeState =
  | { kind: 'bound' }
  | { kind: 'impossible'; message: string }
  /** Claims that wait for a node to be chosen. */
  | { kind: 'waits-for-node'; claims: PersistentVolumeClaim[] };

export const SELECTED_NODE_ANNOTATION = 'volume.kubernetes.io/selected-node';

/** Whether the claims of a pod allow it to be placed, in the words of the scheduler's volume binding plug-in. */
export function volumeState(client: ApiClient, pod: Pod): VolumeState {
  const namespace = pod.metadata.namespace ?? '';
  const waiting: PersistentVolumeClaim[] = [];
  for (const volume of pod.spec.volumes ?? []) {
    const name =
      volume.persistentVolumeClaim?.claimName ?? (volume.ephemeral && `${pod.metadata.name}-${volume.name}`);
    if (name === undefined) continue;
    const claim = client.get<PersistentVolumeClaim>('/persistentvolumeclaims', namespace, name);
    if (!claim && volume.ephemeral)
      return {
        kind: 'impossible',
        message: `waiting for ephemeral volume controller to create the persistentvolumeclaim "${name}"`,
      };
    if (!claim) return { kind: 'impossible', message: `persistentvolumeclaim "${name}" not found` };
    if (claim.metadata.deletionTimestamp)
      return { kind: 'impossible', message: `persistentvolumeclaim "${name}" is being deleted` };
    if (claim.status?.phase === 'Bound') continue;
    const storageClass = client.get<StorageClass>(
      'storage.k8s.io/storageclasses',
      '',
      claim.spec.storageClassName ?? '',
    );
    if (storageClass?.volumeBindingMode !== 'WaitForFirstConsumer') {
      return { kind: 'impossible', message: 'pod has unbound immediate PersistentVolumeClaims' };
    }
    waiting.push(claim);
  }
  return waiting.length > 0 ? { kind: 'waits-for-node', claims: waiting } : { kind: 'bound' };
}

import type { Pod } from '../../objects.ts';
import type { PersistentVolume, PersistentVolumeClaim } from '../../objects-storage.ts';
import { keyOf, parseKey, watchSelf, type Controller } from '../controller.ts';
import { isFinished, isPod } from '../shared/pod-state.ts';

const CLAIM_FINALIZER = 'kubernetes.io/pvc-protection';
const VOLUME_FINALIZER = 'kubernetes.io/pv-protection';

/** Lets a claim that is being deleted go once no pod uses it. */
export const claimProtection: Controller = {
  name: 'claim-protection',
  watches: [
    watchSelf('/persistentvolumeclaims'),
    {
      resource: '/pods',
      keys: ({ object, deleted }) =>
        isPod(object) && (deleted || isFinished(object))
          ? claimsOf(object).map((claim) => `${object.metadata.namespace ?? ''}/${claim}`)
          : [],
    },
  ],
  async reconcile(key, { client }) {
    const ref = parseKey(key);
    const claim = client.get<PersistentVolumeClaim>('/persistentvolumeclaims', ref.namespace, ref.name);
    if (!claim?.metadata.deletionTimestamp || !claim.metadata.finalizers?.includes(CLAIM_FINALIZER)) return;
    const used = client
      .list<Pod>('/pods', { namespace: ref.namespace })
      .some((pod) => !isFinished(pod) && claimsOf(pod).includes(ref.name));
    if (used) return;
    await client.update<PersistentVolumeClaim>('/persistentvolumeclaims', ref, (current) => {
      current.metadata.finalizers = (current.metadata.finalizers ?? []).filter(
        (finalizer) => finalizer !== CLAIM_FINALIZER,
      );
    });
  },
};

/** Lets a volume that is being deleted go once it is not bound. */
export const volumeProtection: Controller = {
  name: 'volume-protection',
  watches: [
    { resource: '/persistentvolumes', keys: ({ object, deleted }) => (deleted ? [] : [keyOf(object)]) },
  ],
  async reconcile(key, { client }) {
    const ref = parseKey(key);
    const volume = client.get<PersistentVolume>('/persistentvolumes', '', ref.name);
    if (!volume?.metadata.deletionTimestamp || !volume.metadata.finalizers?.includes(VOLUME_FINALIZER))
      return;
    if (volume.status?.phase === 'Bound') return;
    await client.update<PersistentVolume>('/persistentvolumes', ref, (current) => {
      current.metadata.finalizers = (current.metadata.finalizers ?? []).filter(
        (finalizer) => finalizer !== VOLUME_FINALIZER,
      );
    });
  },
};

function claimsOf(pod: Pod): string[] {
  return (pod.spec.volumes ?? []).flatMap((volume) =>
    volume.persistentVolumeClaim
      ? [volume.persistentVolumeClaim.claimName]
      : volume.ephemeral
        ? [`${pod.metadata.name}-${volume.name}`]
        : [],
  );
}

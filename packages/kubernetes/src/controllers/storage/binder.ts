import type { PersistentVolume, PersistentVolumeClaim, StorageClass } from '../../objects-storage.ts';
import { amountsOf } from '../../scheduler/requests.ts';
import { SELECTED_NODE_ANNOTATION } from '../../scheduler/volumes.ts';
import { SIMULATED_ANNOTATION } from '../../simulation/node-object.ts';
import type { KubeObject } from '../../types.ts';
import { keyOf, parseKey, refOf, watchSelf, type Context, type Controller } from '../controller.ts';
import { selects } from '../shared/selectors.ts';
import { isStatus } from '../shared/pods.ts';
import { timestamp } from '../shared/times.ts';

const CLAIMS = '/persistentvolumeclaims';
const VOLUMES = '/persistentvolumes';
const COMPONENT = 'persistentvolume-controller';
const PROVISIONED_ANNOTATION = 'pv.kubernetes.io/provisioned-by';

/** StorageClasses with this provisioner get simulated volumes: objects without a byte behind them. */
export const SIMULATED_PROVISIONER = 'simulated.storage';

/** Binds claims to volumes: existing ones that fit, or new ones of the simulated provisioner. */
export const claimBinder: Controller = {
  name: 'claim-binder',
  watches: [
    watchSelf(CLAIMS),
    {
      // A volume that became free may be what a claim waits for.
      resource: VOLUMES,
      keys: ({ object, deleted }, { client }) =>
        deleted || object.metadata.deletionTimestamp
          ? []
          : client
              .list<PersistentVolumeClaim>(CLAIMS)
              .filter(({ status }) => status?.phase !== 'Bound')
              .map(keyOf),
    },
  ],
  async reconcile(key, context) {
    const { namespace, name } = parseKey(key);
    const claim = context.client.get<PersistentVolumeClaim>(CLAIMS, namespace, name);
    if (!claim || claim.metadata.deletionTimestamp || claim.status?.phase === 'Bound') return;
    const volume = findVolume(context, claim) ?? (await provision(context, claim));
    if (volume) await bind(context, claim, volume);
  },
};

/** Frees, keeps or deletes a volume whose claim is gone, as its reclaim policy says. */
export const volumeReclaimer: Controller = {
  name: 'volume-reclaimer',
  watches: [
    watchSelf(VOLUMES),
    { resource: CLAIMS, keys: ({ object, deleted }) => volumeOf(object, deleted) },
  ],
  async reconcile(key, context) {
    const { name } = parseKey(key);
    const volume = context.client.get<PersistentVolume>(VOLUMES, '', name);
    if (!volume || volume.metadata.deletionTimestamp) return;
    const claimRef = volume.spec.claimRef;
    const claim = claimRef && context.client.get(CLAIMS, claimRef.namespace ?? '', claimRef.name ?? '');
    const isHeld = claimRef?.uid !== undefined && claim?.metadata.uid === claimRef.uid;
    if (!claimRef?.uid) return setPhase(context, volume, 'Available');
    if (isHeld) return setPhase(context, volume, 'Bound');
    await setPhase(context, volume, 'Released');
    if (volume.spec.persistentVolumeReclaimPolicy === 'Delete')
      await context.client.delete(VOLUMES, refOf(volume), { uid: volume.metadata.uid });
  },
};

function volumeOf(object: KubeObject, deleted: boolean): string[] {
  const spec = object['spec'];
  if (!deleted || typeof spec !== 'object' || spec === null || !('volumeName' in spec)) return [];
  return typeof spec.volumeName === 'string' && spec.volumeName !== '' ? [`/${spec.volumeName}`] : [];
}

function findVolume({ client }: Context, claim: PersistentVolumeClaim): PersistentVolume | undefined {
  const volumes = client
    .list<PersistentVolume>(VOLUMES)
    .filter(({ metadata }) => !metadata.deletionTimestamp);
  const reserved = volumes.find(
    ({ spec: { claimRef } }) =>
      claimRef?.namespace === claim.metadata.namespace &&
      claimRef?.name === claim.metadata.name &&
      (!claimRef?.uid || claimRef.uid === claim.metadata.uid),
  );
  if (reserved) return reserved;
  if (claim.spec.volumeName)
    return volumes.find(({ metadata, spec }) => metadata.name === claim.spec.volumeName && !spec.claimRef);
  const asked = storageOf(claim.spec.resources?.requests);
  return volumes
    .filter(({ spec, metadata }) => {
      const modes = claim.spec.accessModes ?? [];
      return (
        !spec.claimRef &&
        (spec.storageClassName ?? '') === (claim.spec.storageClassName ?? '') &&
        (spec.volumeMode ?? 'Filesystem') === (claim.spec.volumeMode ?? 'Filesystem') &&
        modes.every((mode) => spec.accessModes?.includes(mode)) &&
        storageOf(spec.capacity) >= asked &&
        (!claim.spec.selector || selects(claim.spec.selector, metadata.labels))
      );
    })
    .sort((a, b) => storageOf(a.spec.capacity) - storageOf(b.spec.capacity))[0];
}

async function provision(
  context: Context,
  claim: PersistentVolumeClaim,
): Promise<PersistentVolume | undefined> {
  const { client } = context;
  const storageClass = client.get<StorageClass>(
    'storage.k8s.io/storageclasses',
    '',
    claim.spec.storageClassName ?? '',
  );
  if (!storageClass || claim.spec.volumeName) return undefined;
  const waits =
    storageClass.volumeBindingMode === 'WaitForFirstConsumer' &&
    !claim.metadata.annotations?.[SELECTED_NODE_ANNOTATION];
  if (waits) {
    const message = 'waiting for first consumer to be created before binding';
    await noteOnce(context, claim, { type: 'Normal', reason: 'WaitForFirstConsumer', message });
    return undefined;
  }
  if (storageClass.provisioner !== SIMULATED_PROVISIONER) return undefined;
  const name = `pvc-${claim.metadata.uid}`;
  try {
    const volume = await client.create<PersistentVolume>(VOLUMES, volumeFor(claim, storageClass, name));
    const message = `Successfully provisioned volume ${name} (simulated, holds no data)`;
    await client.event(claim, {
      type: 'Normal',
      reason: 'ProvisioningSucceeded',
      message,
      component: SIMULATED_PROVISIONER,
    });
    return volume;
  } catch (error) {
    if (!isStatus(error, 'AlreadyExists')) throw error;
    return client.get<PersistentVolume>(VOLUMES, '', name);
  }
}

function volumeFor(claim: PersistentVolumeClaim, storageClass: StorageClass, name: string) {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: {
      name,
      annotations: {
        [PROVISIONED_ANNOTATION]: SIMULATED_PROVISIONER,
        [SIMULATED_ANNOTATION]: 'This volume is simulated: it holds no data.',
      },
    },
    spec: {
      capacity: { storage: claim.spec.resources?.requests?.['storage'] ?? '1Gi' },
      accessModes: claim.spec.accessModes ?? ['ReadWriteOnce'],
      persistentVolumeReclaimPolicy: storageClass.reclaimPolicy ?? 'Delete',
      storageClassName: storageClass.metadata.name,
      volumeMode: claim.spec.volumeMode ?? 'Filesystem',
      claimRef: claimReference(claim),
      csi: { driver: SIMULATED_PROVISIONER, volumeHandle: name },
    },
  };
}

function claimReference(claim: PersistentVolumeClaim) {
  const { name, namespace = '', uid, resourceVersion } = claim.metadata;
  return { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name, namespace, uid, resourceVersion };
}

/** Volume first, claim last: a crash in between is taken up again through the volume's `claimRef`. */
async function bind(context: Context, claim: PersistentVolumeClaim, volume: PersistentVolume): Promise<void> {
  const { client } = context;
  if (volume.spec.claimRef?.uid !== claim.metadata.uid) {
    await client.update<PersistentVolume>(VOLUMES, refOf(volume), (current) => {
      if (current.spec.claimRef?.uid && current.spec.claimRef.uid !== claim.metadata.uid) return false;
      current.spec.claimRef = claimReference(claim);
      return true;
    });
  }
  await setPhase(context, volume, 'Bound');
  const provisioned = volume.metadata.annotations?.[PROVISIONED_ANNOTATION];
  await client.update<PersistentVolumeClaim>(CLAIMS, refOf(claim), (current) => {
    current.spec.volumeName = volume.metadata.name;
    current.metadata.annotations = {
      ...current.metadata.annotations,
      'pv.kubernetes.io/bind-completed': 'yes',
      'pv.kubernetes.io/bound-by-controller': 'yes',
      ...(provisioned !== undefined && { 'volume.kubernetes.io/storage-provisioner': provisioned }),
    };
  });
  await client.updateStatus<PersistentVolumeClaim>(CLAIMS, refOf(claim), (current) => {
    const { accessModes = [], capacity = {} } = volume.spec;
    current.status = { ...current.status, phase: 'Bound', accessModes, capacity };
  });
}

async function setPhase(context: Context, volume: PersistentVolume, phase: string): Promise<void> {
  await context.client.updateStatus<PersistentVolume>(VOLUMES, refOf(volume), (current) => {
    if (current.status?.phase === phase) return false;
    current.status = { ...current.status, phase, lastPhaseTransitionTime: timestamp(context.clock.now()) };
    return true;
  });
}

/** Claims wait for long; one event says why. */
async function noteOnce(
  context: Context,
  claim: PersistentVolumeClaim,
  event: { type: 'Normal'; reason: string; message: string },
): Promise<void> {
  const told = context.client.store
    .list('/events', { namespace: claim.metadata.namespace ?? '' })
    .items.some(
      (known) => known['reason'] === event.reason && isAbout(known['involvedObject'], claim.metadata.uid),
    );
  if (!told) await context.client.event(claim, { ...event, component: COMPONENT });
}

function isAbout(reference: unknown, uid: string): boolean {
  return typeof reference === 'object' && reference !== null && 'uid' in reference && reference.uid === uid;
}

function storageOf(list: Record<string, string> | undefined): number {
  return amountsOf(list)['storage'] ?? 0;
}

import type { KubeObject } from '../../../types.ts';
import { arrayAt, numberAt, recordAt, textAt } from '../../registry/object.ts';
import { ageColumn, nameColumn, none, specOf, statusOf, unset, wide, type Column } from '../column.ts';

export const bindingColumns: readonly Column[] = [
  nameColumn,
  {
    name: 'Role',
    cell: (binding) =>
      `${textAt(recordAt(binding, 'roleRef'), 'kind')}/${textAt(recordAt(binding, 'roleRef'), 'name')}`,
  },
  ageColumn,
  wide({ name: 'Users', cell: (binding) => subjects(binding, 'User') }),
  wide({ name: 'Groups', cell: (binding) => subjects(binding, 'Group') }),
  wide({ name: 'ServiceAccounts', cell: (binding) => subjects(binding, 'ServiceAccount') }),
];

function subjects(binding: KubeObject, kind: string): string {
  const found = arrayAt(binding, 'subjects').filter((subject) => textAt(subject, 'kind') === kind);
  return found
    .map((subject) =>
      kind === 'ServiceAccount'
        ? `${textAt(subject, 'namespace')}/${textAt(subject, 'name')}`
        : textAt(subject, 'name'),
    )
    .join(', ');
}

export const leaseColumns: readonly Column[] = [
  nameColumn,
  { name: 'Holder', cell: (lease) => textAt(specOf(lease), 'holderIdentity') },
  ageColumn,
];

export const priorityClassColumns: readonly Column[] = [
  nameColumn,
  { name: 'Value', type: 'integer', cell: (object) => numberAt(object, 'value') ?? 0 },
  { name: 'Global-Default', type: 'boolean', cell: (object) => object['globalDefault'] === true },
  ageColumn,
  {
    name: 'PreemptionPolicy',
    cell: (object) => textAt(object, 'preemptionPolicy') || 'PreemptLowerPriority',
  },
];

export const storageClassColumns: readonly Column[] = [
  {
    ...nameColumn,
    cell: (object) => {
      const isDefault =
        object.metadata.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true';
      return isDefault ? `${object.metadata.name} (default)` : object.metadata.name;
    },
  },
  { name: 'Provisioner', cell: (object) => textAt(object, 'provisioner') },
  { name: 'ReclaimPolicy', cell: (object) => textAt(object, 'reclaimPolicy') || 'Delete' },
  { name: 'VolumeBindingMode', cell: (object) => textAt(object, 'volumeBindingMode') || 'Immediate' },
  {
    name: 'AllowVolumeExpansion',
    type: 'boolean',
    cell: (object) => object['allowVolumeExpansion'] === true,
  },
  ageColumn,
];

const shortModes: ReadonlyMap<string, string> = new Map([
  ['ReadWriteOnce', 'RWO'],
  ['ReadOnlyMany', 'ROX'],
  ['ReadWriteMany', 'RWX'],
  ['ReadWriteOncePod', 'RWOP'],
]);

function accessModes(value: Record<string, unknown>): string {
  return arrayAt(value, 'accessModes')
    .map((mode) => shortModes.get(String(mode)) ?? String(mode))
    .join(',');
}

const attributesClass: Column = {
  name: 'VolumeAttributesClass',
  cell: (object) => textAt(specOf(object), 'volumeAttributesClassName') || unset,
};
const volumeMode: Column = wide({
  name: 'VolumeMode',
  cell: (object) => textAt(specOf(object), 'volumeMode') || unset,
});

export const volumeColumns: readonly Column[] = [
  nameColumn,
  { name: 'Capacity', cell: (volume) => String(recordAt(specOf(volume), 'capacity')?.['storage'] ?? '') },
  { name: 'Access Modes', cell: (volume) => accessModes(specOf(volume)) },
  { name: 'Reclaim Policy', cell: (volume) => textAt(specOf(volume), 'persistentVolumeReclaimPolicy') },
  {
    name: 'Status',
    cell: (volume) =>
      volume.metadata.deletionTimestamp === undefined ? textAt(statusOf(volume), 'phase') : 'Terminating',
  },
  {
    name: 'Claim',
    cell: (volume) => {
      const claim = recordAt(specOf(volume), 'claimRef');
      return claim ? `${textAt(claim, 'namespace')}/${textAt(claim, 'name')}` : '';
    },
  },
  { name: 'StorageClass', cell: (volume) => textAt(specOf(volume), 'storageClassName') },
  attributesClass,
  { name: 'Reason', cell: (volume) => textAt(statusOf(volume), 'reason') },
  ageColumn,
  volumeMode,
];

export const claimColumns: readonly Column[] = [
  nameColumn,
  {
    name: 'Status',
    cell: (claim) =>
      claim.metadata.deletionTimestamp === undefined ? textAt(statusOf(claim), 'phase') : 'Terminating',
  },
  { name: 'Volume', cell: (claim) => textAt(specOf(claim), 'volumeName') },
  {
    name: 'Capacity',
    cell: (claim) =>
      textAt(specOf(claim), 'volumeName') === ''
        ? ''
        : String(recordAt(statusOf(claim), 'capacity')?.['storage'] ?? ''),
  },
  {
    name: 'Access Modes',
    cell: (claim) => (textAt(specOf(claim), 'volumeName') === '' ? '' : accessModes(statusOf(claim))),
  },
  { name: 'StorageClass', cell: (claim) => textAt(specOf(claim), 'storageClassName') },
  attributesClass,
  ageColumn,
  volumeMode,
];

export const signingRequestColumns: readonly Column[] = [
  nameColumn,
  ageColumn,
  { name: 'SignerName', cell: (object) => textAt(specOf(object), 'signerName') || none },
  { name: 'Requestor', cell: (object) => textAt(specOf(object), 'username') },
  {
    name: 'RequestedDuration',
    cell: (object) =>
      numberAt(specOf(object), 'expirationSeconds') === undefined
        ? none
        : `${numberAt(specOf(object), 'expirationSeconds')}s`,
  },
  {
    name: 'Condition',
    cell: (object) =>
      arrayAt(statusOf(object), 'conditions')
        .map((condition) => textAt(condition, 'type'))
        .join(',') || 'Pending',
  },
];

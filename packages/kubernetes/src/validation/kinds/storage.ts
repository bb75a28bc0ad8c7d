import { asJson, isJson, stringMap, strings, text } from '../../schema/json.ts';
import type { Json } from '../../schema/json.ts';
import { cmp, tryParseQuantity } from '../../schema/quantity.ts';
import { dnsSubdomain } from '../formats.ts';
import { checkFormat, checkImmutable, sameJson } from '../problems.ts';
import type { Problems } from '../problems.ts';
import { checkLabelSelector } from '../selector.ts';

const ACCESS_MODES = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'];
const VOLUME_MODES = ['Block', 'Filesystem'];

/** Rules of a PersistentVolumeClaim. */
export function checkClaim(claim: Json, problems: Problems): void {
  checkClaimSpec(asJson(claim['spec']), 'spec', problems);
}

/** Rules of a claim's spec, also within templates. */
export function checkClaimSpec(spec: Json, path: string, problems: Problems): void {
  const modes = strings(spec['accessModes']);
  if (modes.length === 0) problems.required(`${path}.accessModes`, 'at least 1 access mode is required');
  for (const mode of modes)
    if (!ACCESS_MODES.includes(mode)) problems.notSupported(`${path}.accessModes`, mode, ACCESS_MODES);
  if (modes.includes('ReadWriteOncePod') && modes.length > 1) {
    problems.forbidden(`${path}.accessModes`, 'may not use ReadWriteOncePod with other access modes');
  }
  checkLabelSelector(spec['selector'], `${path}.selector`, problems);
  const storage = requestedStorage(spec);
  if (!storage) problems.required(`${path}.resources[storage]`);
  else if (storage.nano <= 0n)
    problems.invalid(
      `${path}.resources[storage]`,
      asJson(asJson(spec['resources'])['requests'])['storage'],
      'must be greater than zero',
    );
  const className = text(spec['storageClassName']);
  if (className !== '')
    checkFormat(`${path}.storageClassName`, className, { messages: dnsSubdomain(className), problems });
  const mode = text(spec['volumeMode']);
  if (mode !== '' && !VOLUME_MODES.includes(mode))
    problems.notSupported(`${path}.volumeMode`, mode, VOLUME_MODES);
}

/** What may change in a claim: the volume that it gets, and a bound claim may grow. */
export function checkClaimUpdate(claim: Json, old: Json, problems: Problems): void {
  const now = asJson(claim['spec']);
  const before = asJson(old['spec']);
  const bound = asJson(old['status'])['phase'] === 'Bound';
  const adoptsVolume = text(before['volumeName']) === '';
  const fixed = (spec: Json) => {
    const { resources, volumeName, storageClassName, ...rest } = spec;
    return {
      ...rest,
      ...(!adoptsVolume && { volumeName }),
      // A claim without a class may be given the default one later.
      ...(before['storageClassName'] !== undefined && { storageClassName }),
      ...(!bound && { resources }),
    };
  };
  if (!sameJson(fixed(now), fixed(before))) {
    problems.forbidden(
      'spec',
      'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n',
    );
    return;
  }
  const size = requestedStorage(now);
  const oldSize = requestedStorage(before);
  if (size && oldSize && cmp(size, oldSize) < 0) {
    problems.forbidden('spec.resources.requests.storage', 'field can not be less than previous value');
  }
}

/** Rules of a PersistentVolume. */
export function checkVolume(volume: Json, problems: Problems): void {
  const spec = asJson(volume['spec']);
  if (strings(spec['accessModes']).length === 0) problems.required('spec.accessModes');
  for (const mode of strings(spec['accessModes'])) {
    if (!ACCESS_MODES.includes(mode)) problems.notSupported('spec.accessModes', mode, ACCESS_MODES);
  }
  if (stringMap(spec['capacity'])['storage'] === undefined) problems.required('spec.capacity');
  const hasSource = Object.entries(spec).some(
    ([key, value]) => isJson(value) && !['capacity', 'claimRef', 'nodeAffinity'].includes(key),
  );
  if (!hasSource) problems.required('spec', 'must specify a volume type');
  const policy = text(spec['persistentVolumeReclaimPolicy']);
  if (!['Delete', 'Recycle', 'Retain'].includes(policy)) {
    problems.notSupported('spec.persistentVolumeReclaimPolicy', policy, ['Delete', 'Recycle', 'Retain']);
  }
}

/** Rules of a StorageClass. */
export function checkStorageClass(storageClass: Json, problems: Problems): void {
  if (text(storageClass['provisioner']) === '') problems.required('provisioner');
  const policy = text(storageClass['reclaimPolicy']);
  if (policy !== 'Delete' && policy !== 'Retain')
    problems.notSupported('reclaimPolicy', policy, ['Delete', 'Retain']);
  const binding = text(storageClass['volumeBindingMode']);
  if (!['Immediate', 'WaitForFirstConsumer'].includes(binding)) {
    problems.notSupported('volumeBindingMode', binding, ['Immediate', 'WaitForFirstConsumer']);
  }
}

/** How a class provisions never changes; whether its volumes may grow does. */
export function checkStorageClassUpdate(storageClass: Json, old: Json, problems: Problems): void {
  for (const field of ['parameters', 'provisioner', 'reclaimPolicy']) {
    if (!sameJson(storageClass[field] ?? {}, old[field] ?? {}))
      problems.forbidden(field, `updates to ${field} are forbidden.`);
  }
  checkImmutable(
    'volumeBindingMode',
    { now: storageClass['volumeBindingMode'], before: old['volumeBindingMode'] },
    problems,
  );
}

function requestedStorage(spec: Json) {
  return tryParseQuantity(asJson(asJson(spec['resources'])['requests'])['storage']);
}

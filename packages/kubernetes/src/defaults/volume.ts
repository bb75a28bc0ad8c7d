import { asJson, isJson, items, setDefault, setDefaultOfZero, text } from '../schema/json.ts';
import type { Json } from '../schema/json.ts';
import { pullPolicyOf } from './container.ts';
import { defaultClaimSpec } from './storage.ts';

/** 0644: the permissions of files made from secrets and the like. */
const FILE_MODE = 420;

/** Defaults of a pod's volume. A volume without a source is an `emptyDir`. */
export function defaultVolume(volume: Json): void {
  if (Object.keys(volume).every((key) => key === 'name')) volume['emptyDir'] = {};
  for (const source of ['secret', 'configMap', 'downwardAPI', 'projected']) {
    const value = volume[source];
    if (isJson(value)) setDefault(value, 'defaultMode', FILE_MODE);
  }
  defaultFieldRefs(asJson(volume['downwardAPI']));
  for (const projection of items(asJson(volume['projected'])['sources'])) {
    defaultFieldRefs(asJson(projection['downwardAPI']));
    const token = projection['serviceAccountToken'];
    if (isJson(token)) setDefault(token, 'expirationSeconds', 3600);
  }
  if (isJson(volume['hostPath'])) setDefault(volume['hostPath'], 'type', '');
  if (isJson(volume['image']))
    setDefaultOfZero(volume['image'], 'pullPolicy', pullPolicyOf(text(volume['image']['reference'])));
  const claim = asJson(asJson(volume['ephemeral'])['volumeClaimTemplate'])['spec'];
  if (isJson(claim)) defaultClaimSpec(claim);
}

function defaultFieldRefs(source: Json): void {
  for (const item of items(source['items'])) {
    if (isJson(item['fieldRef'])) setDefaultOfZero(item['fieldRef'], 'apiVersion', 'v1');
    if (isJson(item['resourceFieldRef'])) setDefault(item['resourceFieldRef'], 'divisor', '0');
  }
}

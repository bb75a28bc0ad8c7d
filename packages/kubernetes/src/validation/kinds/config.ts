import { asJson, stringMap, text } from '../../schema/json.ts';
import type { Json } from '../../schema/json.ts';
import { configKey } from '../formats.ts';
import { checkFormat, checkImmutable, sameJson } from '../problems.ts';
import type { Problems } from '../problems.ts';

/** 1 MiB for all values of a Secret or ConfigMap. */
const DATA_BYTES_MAX = 1024 * 1024;
const FROZEN = 'field is immutable when `immutable` is set';

/** Keys that a secret of a type must have. */
const REQUIRED_KEYS: Readonly<Record<string, readonly string[]>> = {
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
};

/** Rules of a ConfigMap. */
export function checkConfigMap(configMap: Json, problems: Problems): void {
  const data = stringMap(configMap['data']);
  const binary = stringMap(configMap['binaryData']);
  let bytes = 0;
  for (const [field, values] of [
    ['data', data],
    ['binaryData', binary],
  ] as const) {
    for (const [key, value] of Object.entries(values)) {
      checkFormat(`${field}[${key}]`, key, { messages: configKey(key), problems });
      bytes += field === 'data' ? Buffer.byteLength(value) : decodedBytes(value);
    }
  }
  for (const key of Object.keys(data)) {
    if (Object.hasOwn(binary, key))
      problems.invalid(`data[${key}]`, key, `duplicate of key present in binaryData`);
  }
  if (bytes > DATA_BYTES_MAX) problems.tooLong('', DATA_BYTES_MAX);
}

/** An immutable ConfigMap keeps its data and stays immutable. */
export function checkConfigMapUpdate(configMap: Json, old: Json, problems: Problems): void {
  checkFrozen(configMap, old, { fields: ['data', 'binaryData'], problems });
}

/** Rules of a Secret. `stringData` has been merged into `data` before. */
export function checkSecret(secret: Json, problems: Problems): void {
  const data = stringMap(secret['data']);
  let bytes = 0;
  for (const [key, value] of Object.entries(data)) {
    checkFormat(`data[${key}]`, key, { messages: configKey(key), problems });
    bytes += decodedBytes(value);
  }
  if (bytes > DATA_BYTES_MAX) problems.tooLong('data', DATA_BYTES_MAX);
  checkSecretType(secret, data, problems);
}

/** The type of a Secret never changes; an immutable one keeps its data too. */
export function checkSecretUpdate(secret: Json, old: Json, problems: Problems): void {
  checkImmutable('type', { now: secret['type'], before: old['type'] }, problems);
  checkFrozen(secret, old, { fields: ['data'], problems });
}

function checkSecretType(secret: Json, data: Record<string, string>, problems: Problems): void {
  const type = text(secret['type']);
  const required = Object.hasOwn(REQUIRED_KEYS, type) ? REQUIRED_KEYS[type] : undefined;
  for (const key of required ?? []) {
    if (!Object.hasOwn(data, key)) problems.required(`data[${key}]`);
    else if (key.startsWith('.docker') && !isJsonText(data[key] ?? '')) {
      problems.invalid(
        `data[${key}]`,
        '<secret contents redacted>',
        'invalid character looking for beginning of value',
      );
    }
  }
  if (
    type === 'kubernetes.io/basic-auth' &&
    !Object.hasOwn(data, 'username') &&
    !Object.hasOwn(data, 'password')
  ) {
    problems.required('data[username]');
    problems.required('data[password]');
  }
  const account = 'kubernetes.io/service-account.name';
  if (
    type === 'kubernetes.io/service-account-token' &&
    !stringMap(asJson(secret['metadata'])['annotations'])[account]
  ) {
    problems.required(`metadata.annotations[${account}]`);
  }
}

function checkFrozen(
  object: Json,
  old: Json,
  { fields, problems }: { fields: readonly string[]; problems: Problems },
): void {
  if (old['immutable'] !== true) return;
  if (object['immutable'] !== true) problems.forbidden('immutable', FROZEN);
  for (const field of fields) {
    if (!sameJson(object[field] ?? {}, old[field] ?? {})) problems.forbidden(field, FROZEN);
  }
}

function decodedBytes(base64: string): number {
  return Buffer.byteLength(base64, 'base64');
}

function isJsonText(base64: string): boolean {
  try {
    JSON.parse(Buffer.from(base64, 'base64').toString('utf8'));
    return true;
  } catch {
    return false;
  }
}

import { asJson, isJson, items, text } from '../../schema/json.ts';
import type { Json } from '../../schema/json.ts';
import { configKey, environmentName } from '../formats.ts';
import { checkFormat } from '../problems.ts';
import type { Problems } from '../problems.ts';

/** Rules of a container's `env` and `envFrom`. */
export function checkEnvironment(container: Json, path: string, problems: Problems): void {
  items(container['env']).forEach((variable, index) => {
    const at = `${path}.env[${index}]`;
    const name = text(variable['name']);
    if (name === '') problems.required(`${at}.name`);
    else checkFormat(`${at}.name`, name, { messages: environmentName(name), problems });
    if (isJson(variable['valueFrom'])) checkValueFrom(variable, `${at}.valueFrom`, problems);
  });
  items(container['envFrom']).forEach((source, index) => {
    const at = `${path}.envFrom[${index}]`;
    const kinds = ['configMapRef', 'secretRef'].filter((kind) => isJson(source[kind]));
    if (kinds.length === 0) problems.invalid(at, '', 'must specify one of: `configMapRef` or `secretRef`');
    if (kinds.length > 1) problems.invalid(at, '', 'may not have more than one field specified at a time');
    for (const kind of kinds)
      if (text(asJson(source[kind])['name']) === '') problems.required(`${at}.${kind}.name`);
  });
}

function checkValueFrom(variable: Json, path: string, problems: Problems): void {
  const source = asJson(variable['valueFrom']);
  const kinds = Object.keys(source).filter((kind) => isJson(source[kind]));
  if (kinds.length === 0) {
    problems.invalid(
      path,
      '',
      'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`',
    );
  } else if (text(variable['value']) !== '')
    problems.invalid(path, '', 'may not be specified when `value` is not empty');
  else if (kinds.length > 1)
    problems.invalid(path, '', 'may not have more than one field specified at a time');
  for (const kind of kinds) {
    const reference = asJson(source[kind]);
    if (kind === 'fieldRef')
      checkFieldPath(text(reference['fieldPath']), `${path}.fieldRef.fieldPath`, problems);
    if (kind === 'resourceFieldRef' && text(reference['resource']) === '')
      problems.required(`${path}.resourceFieldRef.resource`);
    if (kind !== 'configMapKeyRef' && kind !== 'secretKeyRef') continue;
    const key = text(reference['key']);
    if (key === '') problems.required(`${path}.${kind}.key`);
    else checkFormat(`${path}.${kind}.key`, key, { messages: configKey(key), problems });
  }
}

const FIELD_PATHS = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
];

function checkFieldPath(fieldPath: string, path: string, problems: Problems): void {
  if (fieldPath === '') problems.required(path);
  else if (
    !FIELD_PATHS.includes(fieldPath) &&
    !/^metadata\.(labels|annotations)\['[^']+'\]$/.test(fieldPath)
  ) {
    problems.invalid(path, fieldPath, `error converting fieldPath: field label not supported: ${fieldPath}`);
  }
}

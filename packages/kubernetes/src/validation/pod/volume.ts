import { asJson, isJson, items, text } from '../../schema/json.ts';
import type { Json } from '../../schema/json.ts';
import { dnsLabel } from '../formats.ts';
import { checkFormat } from '../problems.ts';
import type { Problems } from '../problems.ts';

/** What each volume source cannot do without. */
const REQUIRED: Readonly<Record<string, readonly string[]>> = {
  hostPath: ['path'],
  secret: ['secretName'],
  configMap: ['name'],
  persistentVolumeClaim: ['claimName'],
  nfs: ['server', 'path'],
  csi: ['driver'],
};

/** Rules of `spec.volumes`; answers the names. */
export function checkVolumes(volumes: Json[], path: string, problems: Problems): Set<string> {
  const names = new Set<string>();
  volumes.forEach((volume, index) => {
    const at = `${path}[${index}]`;
    const name = text(volume['name']);
    if (name === '') problems.required(`${at}.name`);
    else checkFormat(`${at}.name`, name, { messages: dnsLabel(name), problems });
    if (names.has(name)) problems.duplicate(`${at}.name`, name);
    names.add(name);
    checkSource(volume, at, problems);
  });
  return names;
}

function checkSource(volume: Json, path: string, problems: Problems): void {
  const [first, ...others] = Object.keys(volume).filter((key) => key !== 'name' && isJson(volume[key]));
  if (first === undefined) {
    problems.required(path, 'must specify a volume type');
    return;
  }
  for (const other of others)
    problems.forbidden(`${path}.${other}`, 'may not specify more than 1 volume type');
  const source = asJson(volume[first]);
  const required = Object.hasOwn(REQUIRED, first) ? REQUIRED[first] : undefined;
  for (const field of required ?? []) {
    if (text(source[field]) === '') problems.required(`${path}.${first}.${field}`);
  }
  checkMode(source['defaultMode'], `${path}.${first}.defaultMode`, problems);
  items(source['items']).forEach((item, index) => {
    const at = `${path}.${first}.items[${index}]`;
    if (first !== 'downwardAPI' && text(item['key']) === '') problems.required(`${at}.key`);
    checkLocalPath(text(item['path']), `${at}.path`, problems);
    checkMode(item['mode'], `${at}.mode`, problems);
  });
}

/** A path inside a volume: relative and never upwards. */
export function checkLocalPath(value: string, path: string, problems: Problems): void {
  if (value === '') problems.required(path);
  else if (value.startsWith('/')) problems.invalid(path, value, 'must be a relative path');
  if (value.split('/').includes('..')) problems.invalid(path, value, "must not contain '..'");
}

function checkMode(mode: unknown, path: string, problems: Problems): void {
  if (typeof mode === 'number' && (mode < 0 || mode > 0o777)) {
    problems.invalid(path, mode, 'must be a number between 0 and 0777 (octal), both inclusive');
  }
}

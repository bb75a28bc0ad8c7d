import { asJson, items, stringMap, strings, text } from '../schema/json.ts';
import type { Json } from '../schema/json.ts';
import type { ResourceInfo } from '../types.ts';
import { dnsLabel, dnsSubdomain, labelValue, pathSegment, qualifiedName } from './formats.ts';
import type { FormatCheck } from './formats.ts';
import { checkFormat, checkImmutable } from './problems.ts';
import type { Problems } from './problems.ts';

/** 256 KiB over all annotations of an object. */
const ANNOTATIONS_BYTES_MAX = 256 * 1024;

/** Kinds whose names are not the usual DNS subdomain. */
const NAME_FORMATS: ReadonlyMap<string, FormatCheck> = new Map([
  ['/namespaces', dnsLabel],
  ['/services', dnsLabel],
  ['apps/statefulsets', dnsLabel],
  ['rbac.authorization.k8s.io/roles', pathSegment],
  ['rbac.authorization.k8s.io/rolebindings', pathSegment],
  ['rbac.authorization.k8s.io/clusterroles', pathSegment],
  ['rbac.authorization.k8s.io/clusterrolebindings', pathSegment],
]);

/** `metadata` of a new object. */
export function checkMetadata(info: ResourceInfo, metadata: Json, problems: Problems): void {
  const nameFormat = NAME_FORMATS.get(info.groupResource) ?? dnsSubdomain;
  const name = text(metadata['name']);
  const generateName = text(metadata['generateName']);
  if (generateName !== '') {
    // A trailing dash is fine, since a suffix follows.
    checkFormat('metadata.generateName', generateName, {
      messages: nameFormat(generateName.replace(/-$/, 'a')),
      problems,
    });
  }
  if (name === '') {
    if (generateName === '') problems.required('metadata.name', 'name or generateName is required');
  } else checkFormat('metadata.name', name, { messages: nameFormat(name), problems });
  const namespace = text(metadata['namespace']);
  if (info.namespaced) {
    if (namespace === '') problems.required('metadata.namespace');
    else checkFormat('metadata.namespace', namespace, { messages: dnsLabel(namespace), problems });
  } else if (namespace !== '') problems.forbidden('metadata.namespace', 'not allowed on this type');
  checkCommon(metadata, problems);
}

/** `metadata` of a changed object. What the registry sets itself (uid, generation) is not looked at. */
export function checkMetadataUpdate(metadata: Json, old: Json, problems: Problems): void {
  checkCommon(metadata, problems);
  for (const field of ['name', 'namespace', 'uid', 'creationTimestamp']) {
    // Leaving out what the server fills in is no change.
    if (metadata[field] !== undefined && metadata[field] !== '')
      checkImmutable(`metadata.${field}`, { now: metadata[field], before: old[field] }, problems);
  }
  if (text(old['deletionTimestamp']) === '') return;
  const added = strings(metadata['finalizers']).filter(
    (finalizer) => !strings(old['finalizers']).includes(finalizer),
  );
  if (added.length === 0) return;
  const listed = added.map((item) => JSON.stringify(item)).join(', ');
  problems.forbidden(
    'metadata.finalizers',
    `no new finalizers can be added if the object is being deleted, found new finalizers []string{${listed}}`,
  );
}

/** Labels of any object or template. */
export function checkLabels(labels: unknown, path: string, problems: Problems): void {
  for (const [key, value] of Object.entries(stringMap(labels)).sort()) {
    checkFormat(path, key, { messages: qualifiedName(key), problems });
    checkFormat(path, value, { messages: labelValue(value), problems });
  }
}

/** Annotations of any object or template. */
export function checkAnnotations(annotations: unknown, path: string, problems: Problems): void {
  let bytes = 0;
  for (const [key, value] of Object.entries(stringMap(annotations)).sort()) {
    // Annotation keys may be written in capitals.
    checkFormat(path, key, { messages: qualifiedName(key.toLowerCase()), problems });
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (bytes > ANNOTATIONS_BYTES_MAX) problems.tooLong(path, ANNOTATIONS_BYTES_MAX);
}

function checkCommon(metadata: Json, problems: Problems): void {
  checkLabels(metadata['labels'], 'metadata.labels', problems);
  checkAnnotations(metadata['annotations'], 'metadata.annotations', problems);
  checkFinalizers(strings(metadata['finalizers']), problems);
  checkOwners(metadata, problems);
}

function checkFinalizers(finalizers: string[], problems: Problems): void {
  finalizers.forEach((finalizer, index) => {
    checkFormat(`metadata.finalizers[${index}]`, finalizer, { messages: qualifiedName(finalizer), problems });
  });
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion')) {
    problems.invalid(
      'metadata.finalizers',
      finalizers,
      'finalizer orphan and foregroundDeletion cannot be both set',
    );
  }
}

function checkOwners(metadata: Json, problems: Problems): void {
  const owners = items(metadata['ownerReferences']);
  owners.forEach((owner, index) => {
    const path = `metadata.ownerReferences[${index}]`;
    if (text(owner['apiVersion']) === '')
      problems.invalid(`${path}.apiVersion`, '', 'version must not be empty');
    for (const field of ['kind', 'name', 'uid']) {
      if (text(owner[field]) === '') problems.invalid(`${path}.${field}`, '', 'must not be empty');
    }
  });
  const controllers = owners
    .filter((owner) => owner['controller'] === true)
    .map((owner) => `${text(owner['kind'])}/${text(owner['name'])}`);
  const [first, second] = controllers;
  if (first === undefined || second === undefined) return;
  const detail = `Only one reference can have Controller set to true. Found "true" in references for ${first} and ${second}`;
  problems.invalid('metadata.ownerReferences', asJson(metadata)['ownerReferences'], detail);
}

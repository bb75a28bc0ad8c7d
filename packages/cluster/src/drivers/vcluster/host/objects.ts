/** Reading of objects that an API answered: nothing is believed to be there. */
export type Json = Record<string, unknown>;

export interface Meta {
  name: string;
  namespace: string;
  uid: string;
  resourceVersion: string;
  labels: Json;
  annotations: Json;
  generation: number;
  deleting: boolean;
  finalizers: string[];
}

/** `metadata` with '' and empty for what is missing. */
export function metaOf(object: unknown): Meta {
  const metadata = fieldOf(object, 'metadata');
  const labels = fieldOf(metadata, 'labels');
  const annotations = fieldOf(metadata, 'annotations');
  const finalizers = fieldOf(metadata, 'finalizers');
  return {
    name: textOf(fieldOf(metadata, 'name')),
    namespace: textOf(fieldOf(metadata, 'namespace')),
    uid: textOf(fieldOf(metadata, 'uid')),
    resourceVersion: textOf(fieldOf(metadata, 'resourceVersion')),
    labels: isRecord(labels) ? labels : {},
    annotations: isRecord(annotations) ? annotations : {},
    generation: numberOf(fieldOf(metadata, 'generation')),
    deleting: typeof fieldOf(metadata, 'deletionTimestamp') === 'string',
    finalizers: Array.isArray(finalizers) ? finalizers.map(textOf) : [],
  };
}

/** What the conditions of a namespace that is being deleted name as holding it up, in the words of the API. */
export function heldBy(namespace: Json): string[] {
  return listOf(fieldOf(namespace, 'status', 'conditions'))
    .filter(({ status, type }) => status === 'True' && textOf(type).startsWith('Namespace'))
    .map(({ message }) => textOf(message));
}

/** Follows field names; undefined where there is no such field. */
export function fieldOf(object: unknown, ...path: string[]): unknown {
  let found: unknown = object;
  for (const field of path) found = isRecord(found) ? found[field] : undefined;
  return found;
}

export function listOf(value: unknown): Json[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

export function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}

export function isRecord(value: unknown): value is Json {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

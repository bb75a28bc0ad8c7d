import type { ClusterStore, ObjectKey, StoreEvent } from '../store/store.ts';
import type { GroupResource, KubeObject } from '../types.ts';
import { baseObjects } from '../bootstrap/objects.ts';

/** A plain store for tests of auth and admission: the base objects and what the test puts in. */
export interface TestStore extends ClusterStore {
  put(resource: GroupResource, object: Record<string, unknown>): KubeObject;
  remove(resource: GroupResource, namespace: string, name: string): void;
}

/** Starts with the base objects unless told otherwise. */
export function testStore(options: { base: boolean } = { base: true }): TestStore {
  const objects = new Map<string, { key: ObjectKey; object: KubeObject }>();
  const listeners = new Map<string, Set<(event: StoreEvent) => void>>();
  let revision = 1;
  const id = (resource: string, namespace: string, name: string) => `${resource}|${namespace}|${name}`;
  const all = () => [...objects.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry);
  const emit = (type: StoreEvent['type'], key: ObjectKey, object: KubeObject) => {
    const event = { type, key, revision, object, text: JSON.stringify(object), previous: undefined };
    for (const topic of [key.resource, '*']) for (const listener of listeners.get(topic) ?? []) listener(event);
  };
  const set = (resource: GroupResource, object: KubeObject) => {
    revision += 1;
    const key = { resource, namespace: object.metadata.namespace ?? '', name: object.metadata.name };
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } };
    const known = objects.has(id(key.resource, key.namespace, key.name));
    objects.set(id(key.resource, key.namespace, key.name), { key, object: stored });
    emit(known ? 'MODIFIED' : 'ADDED', key, stored);
    return stored;
  };
  const remove = (resource: GroupResource, namespace: string, name: string) => {
    const entry = objects.get(id(resource, namespace, name));
    if (!entry) return;
    revision += 1;
    objects.delete(id(resource, namespace, name));
    emit('DELETED', entry.key, entry.object);
  };
  for (const { resource, object } of options.base ? baseObjects() : []) {
    const key = { resource, namespace: object.metadata.namespace ?? '', name: object.metadata.name };
    objects.set(id(resource, key.namespace, key.name), { key, object });
  }
  const list: ClusterStore['list'] = (resource, { namespace, filter } = {}) => {
    const items = all()
      .filter(({ key }) => key.resource === resource && (namespace === undefined || key.namespace === namespace))
      .map(({ object }) => object)
      .filter((object) => filter?.(object) ?? true);
    return { items, texts: items.map((item) => JSON.stringify(item)), more: false, remaining: 0 };
  };
  return {
    id: 'test',
    uid: 'test-uid',
    revision: () => revision,
    compactedRevision: () => 0,
    get: (resource, namespace, name) => objects.get(id(resource, namespace, name))?.object,
    getText: (resource, namespace, name) => JSON.stringify(objects.get(id(resource, namespace, name))?.object),
    list,
    dependents: () => [],
    byUid: () => undefined,
    podsOnNode: () => [],
    subscribe: (resource, listener) => {
      const set = listeners.get(resource) ?? new Set();
      listeners.set(resource, set.add(listener));
      return () => set.delete(listener);
    },
    since: () => [],
    write: async (key, decide) => {
      const decision = decide(objects.get(id(key.resource, key.namespace, key.name))?.object);
      if (decision.kind === 'put') return { object: set(key.resource, decision.object), revision };
      if (decision.kind === 'delete') remove(key.resource, key.namespace, key.name);
      return { object: undefined, revision };
    },
    put: (resource, object) => {
      const metadata = { uid: crypto.randomUUID(), resourceVersion: '0', creationTimestamp: '2026-01-01T00:00:00Z', name: '' };
      const given = typeof object['metadata'] === 'object' ? object['metadata'] : {};
      return set(resource, { apiVersion: 'v1', kind: 'Unknown', ...object, metadata: { ...metadata, ...given } });
    },
    remove,
  };
}

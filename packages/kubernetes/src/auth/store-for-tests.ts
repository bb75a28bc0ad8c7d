import { systemClock } from '@hexabase/kernel/clock.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { baseObjects } from '../bootstrap/objects.ts';
import { createMemoryPersistence } from '../store/persistence-memory.ts';
import type { ClusterStore } from '../store/store.ts';
import { createStores } from '../store/stores.ts';
import type { GroupResource, KubeObject } from '../types.ts';

/** A cluster's store in memory, and short ways to fill it. */
export interface TestStore extends AsyncDisposable {
  store: ClusterStore;
  /** Writes past admission; metadata that is not given is filled. */
  put(resource: GroupResource, object: Record<string, unknown>): Promise<KubeObject>;
  remove(resource: GroupResource, namespace: string, name: string): Promise<void>;
}

/** Opens a new cluster with the base objects. */
export async function openTestStore(): Promise<TestStore> {
  const stores = createStores({
    persistence: createMemoryPersistence(),
    clock: systemClock,
    log: silentLogger,
    base: baseObjects(),
  });
  await stores.create('test', {});
  const opened = await stores.open('test');
  if (!opened) throw new Error('the test cluster did not open');
  const { store } = opened;
  return {
    store,
    async put(resource, given) {
      const object = completed(given);
      const { namespace = '', name } = object.metadata;
      await store.write({ resource, namespace, name }, () => ({ kind: 'put', object }));
      const stored = store.get(resource, namespace, name);
      if (!stored) throw new Error(`${resource} ${name} was not stored`);
      return stored;
    },
    async remove(resource, namespace, name) {
      await store.write({ resource, namespace, name }, () => ({ kind: 'delete' }));
    },
    async [Symbol.asyncDispose]() {
      opened[Symbol.dispose]();
      await stores[Symbol.asyncDispose]();
    },
  };
}

/** The object with the metadata that the API server would have given it. */
export function completed(given: Record<string, unknown>): KubeObject {
  const metadata = typeof given['metadata'] === 'object' ? given['metadata'] : {};
  const filled = {
    name: '',
    uid: crypto.randomUUID(),
    resourceVersion: '',
    creationTimestamp: '2026-01-01T00:00:00Z',
  };
  return { apiVersion: 'v1', kind: 'Unknown', ...given, metadata: { ...filled, ...metadata } };
}

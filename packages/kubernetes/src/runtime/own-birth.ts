import { randomUUID } from 'node:crypto';
import type { Clock } from '@hexabase/kernel/clock.ts';
import { baseNamespaces } from '../bootstrap/objects.ts';
import type { ClusterStore, ObjectKey } from '../store/store.ts';

const keys: readonly ObjectKey[] = [
  ...baseNamespaces.map((name) => ({ resource: '/namespaces' as const, namespace: '', name })),
  { resource: '/services', namespace: 'default', name: 'kubernetes' },
];

/**
 * Gives the shared first objects that people look at an age and a uid of this cluster's own: everybody sees the age of
 * `default`, and tools take the uid of `kube-system` for the cluster's identity. Safe to repeat.
 */
export async function ownBirth(store: ClusterStore, clock: Clock): Promise<void> {
  const creationTimestamp = new Date(clock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
  await Promise.all(
    keys.map((key) =>
      store.write(key, (current) => {
        // A base object stands at revision 1; a later revision has its own birth already.
        if (current?.metadata.resourceVersion !== '1') return { kind: 'none' };
        return {
          kind: 'put',
          object: { ...current, metadata: { ...current.metadata, uid: randomUUID(), creationTimestamp } },
        };
      }),
    ),
  );
}

import type { GroupResource } from '../../types.ts';
import type { BaseObject } from '../store.ts';
import { newEntry, type Entry } from './entry.ts';
import type { Kind } from './kind.ts';
import { withRevision } from './parsed-cache.ts';
import { createSecondaryIndex, type SecondaryIndex } from './secondary-index.ts';

/** The shared objects, in a form that thousands of clusters read without a copy. */
export interface BaseIndex {
  kinds: ReadonlyMap<GroupResource, Kind>;
  secondary: SecondaryIndex;
}

/** Builds the shared index once per process. */
export function createBaseIndex(base: readonly BaseObject[]): BaseIndex {
  const kinds = new Map<GroupResource, Kind>();
  const secondary = createSecondaryIndex();
  for (const { resource, object } of base) {
    const key = { resource, namespace: object.metadata.namespace ?? '', name: object.metadata.name };
    const pinned = withRevision(object, 1);
    const entry: Entry = {
      ...newEntry({ key, text: JSON.stringify(pinned), object: pinned, revision: 1 }),
      pinned,
    };
    const kind = kinds.get(resource) ?? { entries: new Map(), sorted: undefined };
    kinds.set(resource, kind);
    kind.entries.set(entry.id, entry);
    secondary.add(entry);
  }
  return { kinds, secondary };
}

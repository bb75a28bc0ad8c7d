import type { GroupResource } from '../../types.ts';
import type { BaseIndex } from './base-index.ts';
import { describe, newEntry, objectId, type Entry, type NewState } from './entry.ts';
import { setEntry, sortedEntries, takeEntry, type Kind } from './kind.ts';
import type { ParsedCache } from './parsed-cache.ts';
import { createSecondaryIndex } from './secondary-index.ts';

/** The committed objects of one cluster, in memory. */
export interface ObjectIndex {
  get(resource: GroupResource, id: string): Entry | undefined;
  put(state: NewState): void;
  remove(resource: GroupResource, id: string): void;
  /** All entries of a kind by ascending id. Valid until the next change. */
  sorted(resource: GroupResource): readonly Entry[];
  byUid(uid: string): Entry | undefined;
  dependents(uid: string): Entry[];
  onNode(nodeName: string): Entry[];
  /** How many objects are the cluster's own, not shared ones. */
  ownSize(): number;
  /** Gives back what it has in the cache of parsed objects, before the index is forgotten. */
  release(): void;
}

/** An index on top of the shared one: a kind's table of references is copied at the cluster's first change to that kind. */
export function createObjectIndex(base: BaseIndex, parsed: ParsedCache): ObjectIndex {
  const own = new Map<GroupResource, Kind>();
  const secondary = createSecondaryIndex();
  let ownSize = 0;

  const kindOf = (resource: GroupResource): Kind | undefined => own.get(resource) ?? base.kinds.get(resource);
  const isCurrent = (entry: Entry): boolean => kindOf(entry.key.resource)?.entries.get(entry.id) === entry;
  const together = (mine: Iterable<Entry>, shared: Iterable<Entry>): Entry[] => [
    ...mine,
    ...[...shared].filter(isCurrent),
  ];

  function put(state: NewState): void {
    const kind = ownKind(own, base, state.key.resource);
    const known = kind.entries.get(objectId(state.key.namespace, state.key.name));
    if (known !== undefined && known.pinned === undefined) {
      parsed.drop(known);
      secondary.remove(known);
      describe(known, state);
      secondary.add(known);
      parsed.set(known, state.object);
      return;
    }
    const entry = newEntry(state);
    setEntry(kind, entry);
    secondary.add(entry);
    parsed.set(entry, state.object);
    ownSize++;
  }

  function remove(resource: GroupResource, id: string): void {
    const entry = takeEntry(ownKind(own, base, resource), id);
    if (entry === undefined || entry.pinned !== undefined) return;
    secondary.remove(entry);
    parsed.drop(entry);
    ownSize--;
  }

  return {
    put,
    remove,
    get: (resource, id) => kindOf(resource)?.entries.get(id),
    sorted(resource) {
      const kind = kindOf(resource);
      return kind === undefined ? [] : sortedEntries(kind);
    },
    byUid: (uid) =>
      secondary.byUid(uid) ??
      [base.secondary.byUid(uid)].find((entry) => entry !== undefined && isCurrent(entry)),
    dependents: (uid) => together(secondary.dependents(uid), base.secondary.dependents(uid)),
    onNode: (nodeName) => together(secondary.onNode(nodeName), base.secondary.onNode(nodeName)),
    ownSize: () => ownSize,
    release() {
      for (const { entries } of own.values()) for (const entry of entries.values()) parsed.drop(entry);
    },
  };
}

/** The cluster's own table of a kind, copied from the shared one at the first change. */
function ownKind(own: Map<GroupResource, Kind>, base: BaseIndex, resource: GroupResource): Kind {
  const known = own.get(resource);
  if (known !== undefined) return known;
  const kind: Kind = { entries: new Map(base.kinds.get(resource)?.entries), sorted: undefined };
  own.set(resource, kind);
  return kind;
}

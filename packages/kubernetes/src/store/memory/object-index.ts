import type { GroupResource, KubeObject } from '../../types.ts';
import { withRevision, type ParsedCache } from './parsed-cache.ts';
import { createSecondaryIndex, type SecondaryIndex } from './secondary-index.ts';
import type { BaseObject, ObjectKey } from '../store.ts';

/** One committed object: its text, and what the secondary indexes need to know of it. */
export interface Entry {
  readonly key: ObjectKey;
  /** `namespace/name`; the order of lists is the order of these, as in etcd. */
  readonly id: string;
  text: string;
  revision: number;
  uid: string;
  /** The uids in `ownerReferences`. */
  owners: readonly string[];
  /** `spec.nodeName` of a pod. */
  node: string;
  /** Base objects are never parsed again. */
  readonly pinned: KubeObject | undefined;
}

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

export interface NewState {
  key: ObjectKey;
  text: string;
  object: KubeObject;
  revision: number;
}

/** The shared objects, in a form that thousands of clusters read without a copy. */
export interface BaseIndex {
  kinds: ReadonlyMap<GroupResource, Kind>;
  secondary: SecondaryIndex;
}

interface Kind {
  entries: Map<string, Entry>;
  sorted: Entry[] | undefined;
}

export const objectId = (namespace: string, name: string): string => `${namespace}/${name}`;

/** The position of the first entry whose id is not below `id`. */
export function lowerBound(entries: readonly Entry[], id: string): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const entry = entries[middle];
    if (entry !== undefined && entry.id < id) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Builds the shared index once per process. */
export function createBaseIndex(base: readonly BaseObject[]): BaseIndex {
  const kinds = new Map<GroupResource, Kind>();
  const secondary = createSecondaryIndex();
  for (const { resource, object } of base) {
    const key = { resource, namespace: object.metadata.namespace ?? '', name: object.metadata.name };
    const pinned = withRevision(object, 1);
    const entry: Entry = { ...newEntry({ key, text: JSON.stringify(pinned), object: pinned, revision: 1 }), pinned };
    const kind = kinds.get(resource) ?? { entries: new Map(), sorted: undefined };
    kinds.set(resource, kind);
    kind.entries.set(entry.id, entry);
    secondary.add(entry);
  }
  return { kinds, secondary };
}

/** An index on top of the shared one: a kind's table of references is copied at the cluster's first change to that kind. */
export function createObjectIndex(base: BaseIndex, parsed: ParsedCache): ObjectIndex {
  const own = new Map<GroupResource, Kind>();
  const secondary = createSecondaryIndex();
  let ownSize = 0;

  const kindOf = (resource: GroupResource): Kind | undefined => own.get(resource) ?? base.kinds.get(resource);
  const isCurrent = (entry: Entry): boolean => kindOf(entry.key.resource)?.entries.get(entry.id) === entry;
  const together = (mine: Iterable<Entry>, shared: Iterable<Entry>): Entry[] => [...mine, ...[...shared].filter(isCurrent)];

  function ownKind(resource: GroupResource): Kind {
    const known = own.get(resource);
    if (known !== undefined) return known;
    const kind: Kind = { entries: new Map(base.kinds.get(resource)?.entries), sorted: undefined };
    own.set(resource, kind);
    return kind;
  }

  function put(state: NewState): void {
    const kind = ownKind(state.key.resource);
    const id = objectId(state.key.namespace, state.key.name);
    const known = kind.entries.get(id);
    if (known !== undefined && known.pinned === undefined) {
      parsed.drop(known);
      secondary.remove(known);
      describe(known, state);
      secondary.add(known);
      parsed.set(known, state.object);
      return;
    }
    const entry = newEntry(state);
    kind.entries.set(id, entry);
    if (kind.sorted !== undefined) kind.sorted.splice(lowerBound(kind.sorted, id), known === undefined ? 0 : 1, entry);
    secondary.add(entry);
    parsed.set(entry, state.object);
    ownSize++;
  }

  function remove(resource: GroupResource, id: string): void {
    const kind = ownKind(resource);
    const entry = kind.entries.get(id);
    if (entry === undefined) return;
    kind.entries.delete(id);
    if (kind.sorted !== undefined) kind.sorted.splice(lowerBound(kind.sorted, id), 1);
    if (entry.pinned !== undefined) return;
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
      if (kind === undefined) return [];
      kind.sorted ??= [...kind.entries.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
      return kind.sorted;
    },
    byUid: (uid) => secondary.byUid(uid) ?? [base.secondary.byUid(uid)].find((entry) => entry !== undefined && isCurrent(entry)),
    dependents: (uid) => together(secondary.dependents(uid), base.secondary.dependents(uid)),
    onNode: (nodeName) => together(secondary.onNode(nodeName), base.secondary.onNode(nodeName)),
    ownSize: () => ownSize,
    release() {
      for (const { entries } of own.values()) for (const entry of entries.values()) parsed.drop(entry);
    },
  };
}

function newEntry(state: NewState): Entry {
  const { key } = state;
  const entry: Entry = { key, id: objectId(key.namespace, key.name), text: '', revision: 0, uid: '', owners: [], node: '', pinned: undefined };
  describe(entry, state);
  return entry;
}

const noOwners: readonly string[] = [];

function describe(entry: Entry, { text, object, revision, key }: NewState): void {
  entry.text = text;
  entry.revision = revision;
  entry.uid = object.metadata.uid;
  entry.owners = object.metadata.ownerReferences?.map((owner) => owner.uid) ?? noOwners;
  entry.node = key.resource === '/pods' ? nodeNameOf(object) : '';
}

function nodeNameOf({ spec }: KubeObject): string {
  if (typeof spec !== 'object' || spec === null || !('nodeName' in spec)) return '';
  return typeof spec.nodeName === 'string' ? spec.nodeName : '';
}

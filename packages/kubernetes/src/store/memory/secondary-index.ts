import type { Entry } from './entry.ts';

/** Finds entries by uid, by the uid of an owner, and by node. An entry must be removed before its fields change. */
export interface SecondaryIndex {
  add(entry: Entry): void;
  remove(entry: Entry): void;
  byUid(uid: string): Entry | undefined;
  dependents(uid: string): Iterable<Entry>;
  onNode(nodeName: string): Iterable<Entry>;
}

export function createSecondaryIndex(): SecondaryIndex {
  const uids = new Map<string, Entry>();
  const owners = new Map<string, Set<Entry>>();
  const nodes = new Map<string, Set<Entry>>();
  return {
    add(entry) {
      if (entry.uid !== '') uids.set(entry.uid, entry);
      for (const owner of entry.owners) addTo(owners, owner, entry);
      if (entry.node !== '') addTo(nodes, entry.node, entry);
    },
    remove(entry) {
      if (uids.get(entry.uid) === entry) uids.delete(entry.uid);
      for (const owner of entry.owners) removeFrom(owners, owner, entry);
      if (entry.node !== '') removeFrom(nodes, entry.node, entry);
    },
    byUid: (uid) => uids.get(uid),
    dependents: (uid) => owners.get(uid) ?? [],
    onNode: (nodeName) => nodes.get(nodeName) ?? [],
  };
}

function addTo(map: Map<string, Set<Entry>>, value: string, entry: Entry): void {
  const known = map.get(value);
  if (known === undefined) map.set(value, new Set([entry]));
  else known.add(entry);
}

function removeFrom(map: Map<string, Set<Entry>>, value: string, entry: Entry): void {
  const known = map.get(value);
  known?.delete(entry);
  if (known?.size === 0) map.delete(value);
}

import type { KubeObject } from '../../types.ts';
import type { ObjectKey } from '../store.ts';

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

export interface NewState {
  key: ObjectKey;
  text: string;
  object: KubeObject;
  revision: number;
}

export const objectId = (namespace: string, name: string): string => `${namespace}/${name}`;

export function newEntry(state: NewState): Entry {
  const { key } = state;
  const entry: Entry = {
    key,
    id: objectId(key.namespace, key.name),
    text: '',
    revision: 0,
    uid: '',
    owners: [],
    node: '',
    pinned: undefined,
  };
  describe(entry, state);
  return entry;
}

const noOwners: readonly string[] = [];

/** Fills in what a state says. An entry that is in an index must be taken out of the secondary one before. */
export function describe(entry: Entry, { text, object, revision, key }: NewState): void {
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

import type { ClusterState } from '../cluster-state.ts';
import type { ClusterStore } from '../store.ts';
import { ofKind, toEvent } from './change-ring.ts';
import { listPage } from './list-page.ts';
import { objectId } from './entry.ts';
import type { ParsedCache } from './parsed-cache.ts';

type Reads = Omit<ClusterStore, 'id' | 'uid' | 'write' | 'subscribe'>;

/** The reading half of a cluster's store. The state is asked for each time: it is replaced when the cluster is read again. */
export function createReads(stateNow: () => ClusterState, parsed: ParsedCache): Reads {
  return {
    revision: () => stateNow().revision,
    compactedRevision: () => stateNow().ring.dropped() - 1,
    get(resource, namespace, name) {
      const entry = stateNow().index.get(resource, objectId(namespace, name));
      return entry === undefined ? undefined : parsed.get(entry);
    },
    getText: (resource, namespace, name) => stateNow().index.get(resource, objectId(namespace, name))?.text,
    list: (resource, options = {}) => listPage({ state: stateNow(), parsed, resource }, options),
    dependents: (ownerUid) => stateNow().index.dependents(ownerUid).map(parsed.get),
    byUid(uid) {
      const entry = stateNow().index.byUid(uid);
      return entry === undefined ? undefined : { resource: entry.key.resource, object: parsed.get(entry) };
    },
    podsOnNode: (nodeName) => stateNow().index.onNode(nodeName).map(parsed.get),
    since(resource, revision) {
      const changes = stateNow().ring.after(revision);
      return changes === undefined ? undefined : ofKind(changes, resource).map((change) => toEvent(change));
    },
  };
}

import { AppError } from '@hexabase/kernel/errors.ts';
import type { Logger } from '@hexabase/kernel/log.ts';
import type { GroupResource, KubeObject } from '../types.ts';
import { ofKind, toEvent } from './memory/change-ring.ts';
import { keyText, type ClusterState } from './cluster-state.ts';
import type { CommittingCluster, GroupCommit, PendingWrite } from './group-commit.ts';
import { listPage } from './memory/list-page.ts';
import { objectId, type BaseIndex } from './memory/object-index.ts';
import { withRevision, type ParsedCache } from './memory/parsed-cache.ts';
import type { ClusterStore, ObjectKey, StoreEvent, WriteDecision, WriteResult } from './store.ts';

/** A loaded cluster: the store that everybody sees, and the handles that its owner keeps to itself. */
export interface LoadedCluster {
  readonly store: ClusterStore;
  epoch(): number;
  /** Writes that are not durable yet. */
  pending(): number;
  ownObjects(): number;
  trim(nowMs: number): void;
  /** Reads the cluster again when an earlier attempt failed. */
  recover(): Promise<void>;
  /** Rejects what waits and every later write. */
  close(error: unknown): void;
}

export interface ClusterStoreOptions {
  id: string;
  uid: string;
  state: ClusterState;
  base: BaseIndex;
  parsed: ParsedCache;
  commit: GroupCommit;
  log: Logger;
  /** Reads everything again if the cluster still has this epoch; undefined when it is gone or has another owner. */
  reload: (epoch: number) => Promise<ClusterState | undefined>;
  /** Another process owns the cluster, or it is gone. */
  onLost: () => void;
}

interface Overlay {
  write: PendingWrite;
  done: Promise<WriteResult>;
}

/** Reads come from committed memory; a write is decided at once on the newest state and resolves when it is durable. */
export function createClusterStore(options: ClusterStoreOptions): LoadedCluster {
  const { id, uid, parsed, commit, log } = options;
  let state = options.state;
  let assigned = state.revision;
  let closed: { error: unknown } | undefined;
  let recovery: Promise<void> | undefined;
  let broken = false;
  let waiting = 0;
  const overlays = new Map<string, Overlay>();
  const listeners = new Map<GroupResource | '*', Set<(event: StoreEvent) => void>>();

  const cluster: CommittingCluster = {
    id,
    epoch: () => state.epoch,
    committed(write) {
      apply(state, write);
      const text = keyText(write.key);
      if (overlays.get(text)?.write === write) overlays.delete(text);
      publish(toEvent(change(write), write));
    },
    failed(error, refused) {
      overlays.clear();
      commit.cancel(cluster, error);
      if (refused) return options.onLost();
      log.error({ clusterId: id, error }, 'a commit failed; the cluster is read again');
      broken = true;
      recover().catch((cause: unknown) => log.error({ clusterId: id, error: cause }, 'the cluster could not be read again yet'));
    },
  };

  function publish(event: StoreEvent): void {
    for (const resource of [event.key.resource, '*'] as const) {
      for (const listener of listeners.get(resource) ?? []) {
        try {
          listener(event);
        } catch (error) {
          log.error({ clusterId: id, error }, 'a listener of the store threw');
        }
      }
    }
  }

  function recover(): Promise<void> {
    if (!broken) return Promise.resolve();
    recovery ??= readAgain().finally(() => {
      recovery = undefined;
    });
    return recovery;
  }

  /** A commit that failed on the way back may have counted: whatever turns up is published like any other change. */
  async function readAgain(): Promise<void> {
    const next = await options.reload(state.epoch);
    if (closed !== undefined) return;
    if (next === undefined) return options.onLost();
    const missed = next.ring.after(state.revision);
    state.index.release();
    state = next;
    assigned = next.revision;
    broken = false;
    if (missed === undefined) return options.onLost();
    for (const found of missed) publish(toEvent(found));
  }

  async function write(key: ObjectKey, decide: (current: KubeObject | undefined) => WriteDecision): Promise<WriteResult> {
    if (broken) await recover();
    if (closed !== undefined) throw closed.error;
    const text = keyText(key);
    const overlay = overlays.get(text);
    const entry = state.index.get(key.resource, objectId(key.namespace, key.name));
    const committed = entry === undefined ? undefined : parsed.get(entry);
    const current = overlay === undefined ? committed : stateAfter(overlay.write);
    const decision = decideOn(current, decide);
    if (decision.kind === 'failed') {
      await overlay?.done;
      throw decision.error;
    }
    if (decision.kind === 'none' || (decision.kind === 'delete' && current === undefined)) {
      await overlay?.done;
      return { object: current, revision: current === undefined ? state.revision : Number(current.metadata.resourceVersion) };
    }
    const currentText = overlay === undefined ? entry?.text : overlay.write.text;
    const previous = current === undefined ? undefined : { object: current, text: currentText ?? '' };
    const done = enqueue(key, decision, previous);
    return done;
  }

  function enqueue(key: ObjectKey, decision: PutOrDelete, previous: { object: KubeObject; text: string } | undefined): Promise<WriteResult> {
    const next = decision.kind === 'put' ? decision.object : previous?.object;
    if (next === undefined) throw new Error('Nothing to delete.');
    const object = withRevision(next, assigned + 1);
    const text = JSON.stringify(object);
    const revision = ++assigned;
    const { promise: done, resolve, reject } = Promise.withResolvers<WriteResult>();
    const write: PendingWrite = {
      cluster, key, revision, object, text, resolve, reject,
      type: decision.kind === 'delete' ? 'DELETED' : previous === undefined ? 'ADDED' : 'MODIFIED',
      previous: previous?.object,
      previousText: previous?.text,
      hidesBase: options.base.kinds.get(key.resource)?.entries.has(objectId(key.namespace, key.name)) === true,
      writtenAtMs: 0,
    };
    overlays.set(keyText(key), { write, done });
    waiting++;
    const settled = (): void => {
      waiting--;
    };
    done.then(settled, settled);
    commit.add(write);
    return done;
  }

  const store: ClusterStore = {
    id,
    uid,
    write,
    revision: () => state.revision,
    compactedRevision: () => state.ring.dropped() - 1,
    get(resource, namespace, name) {
      const entry = state.index.get(resource, objectId(namespace, name));
      return entry === undefined ? undefined : parsed.get(entry);
    },
    getText: (resource, namespace, name) => state.index.get(resource, objectId(namespace, name))?.text,
    list: (resource, listOptions = {}) => listPage({ state, parsed, resource }, listOptions),
    dependents: (ownerUid) => state.index.dependents(ownerUid).map(parsed.get),
    byUid(objectUid) {
      const entry = state.index.byUid(objectUid);
      return entry === undefined ? undefined : { resource: entry.key.resource, object: parsed.get(entry) };
    },
    podsOnNode: (nodeName) => state.index.onNode(nodeName).map(parsed.get),
    subscribe(resource, listener) {
      const known = listeners.get(resource) ?? new Set();
      listeners.set(resource, known.add(listener));
      return () => void known.delete(listener);
    },
    since(resource, revision) {
      const changes = state.ring.after(revision);
      return changes === undefined ? undefined : ofKind(changes, resource).map((found) => toEvent(found));
    },
  };

  return {
    store,
    recover,
    epoch: () => state.epoch,
    pending: () => waiting,
    ownObjects: () => state.index.ownSize(),
    trim: (nowMs) => state.ring.trim(nowMs),
    close(error) {
      closed ??= { error };
      overlays.clear();
      commit.cancel(cluster, error);
      listeners.clear();
      state.index.release();
    },
  };
}

type PutOrDelete = Exclude<WriteDecision, { kind: 'none' }>;

function decideOn(current: KubeObject | undefined, decide: (current: KubeObject | undefined) => WriteDecision): WriteDecision | { kind: 'failed'; error: unknown } {
  try {
    return decide(current);
  } catch (error) {
    return { kind: 'failed', error };
  }
}

const stateAfter = (write: PendingWrite): KubeObject | undefined => (write.type === 'DELETED' ? undefined : write.object);

function change({ type, key, revision, writtenAtMs, text, previousText }: PendingWrite) {
  return { type, key, revision, writtenAtMs, text, previousText };
}

function apply(state: ClusterState, write: PendingWrite): void {
  const { key, text, object, revision } = write;
  if (write.type === 'DELETED') state.index.remove(key.resource, objectId(key.namespace, key.name));
  else state.index.put({ key, text, object, revision });
  state.revision = revision;
  state.ring.append(change(write));
}

/** What writers hear when the stores shut down or a cluster is removed. */
export function closedError(): AppError {
  return new AppError('cluster_unavailable', { message: 'The cluster was removed or this server is stopping; the change was not made.' });
}

import { AppError } from '@hexabase/kernel/errors.ts';
import type { Logger } from '@hexabase/kernel/log.ts';
import type { KubeObject } from '../types.ts';
import type { ClusterState } from './cluster-state.ts';
import type { CommittingCluster, GroupCommit, PendingWrite } from './group-commit.ts';
import { toEvent } from './memory/change-ring.ts';
import type { BaseIndex } from './memory/base-index.ts';
import { objectId } from './memory/entry.ts';
import type { ParsedCache } from './memory/parsed-cache.ts';
import { createPublisher, type Publisher } from './memory/publisher.ts';
import { createReads } from './memory/reads.ts';
import { createPendingWrites, type PendingWrites } from './pending-writes.ts';
import type { ClusterStore, ObjectKey, WriteDecision, WriteResult } from './store.ts';

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

/** The memory of one cluster, shared by the functions of this file. */
interface Running {
  readonly options: ClusterStoreOptions;
  readonly cluster: CommittingCluster;
  readonly publisher: Publisher;
  readonly pending: PendingWrites;
  state: ClusterState;
  /** The newest revision given away, durable or not. */
  assigned: number;
  closed: { error: unknown } | undefined;
  /** A commit failed: what is durable is not known until the cluster is read again. */
  broken: boolean;
  recovery: Promise<void> | undefined;
}

/** Reads come from committed memory; a write is decided at once on the newest state and resolves when it is durable. */
export function createClusterStore(options: ClusterStoreOptions): LoadedCluster {
  const { id, uid, parsed, commit, state } = options;
  const log = options.log.child({ clusterId: id });
  const cluster: CommittingCluster = {
    id,
    epoch: () => running.state.epoch,
    committed: (write) => show(running, write),
    failed: (error, refused) => fail(running, { error, refused }),
  };
  const publisher = createPublisher(log);
  const running: Running = {
    options: { ...options, log },
    cluster,
    publisher,
    state,
    pending: createPendingWrites(cluster),
    assigned: state.revision,
    closed: undefined,
    broken: false,
    recovery: undefined,
  };
  const reads = createReads(() => running.state, parsed);
  return {
    store: {
      id,
      uid,
      ...reads,
      subscribe: publisher.subscribe,
      write: (key, decide) => write(running, key, decide),
    },
    recover: () => recover(running),
    epoch: () => running.state.epoch,
    pending: () => running.pending.waiting(),
    ownObjects: () => running.state.index.ownSize(),
    trim: (nowMs) => running.state.ring.trim(nowMs),
    close(error) {
      running.closed ??= { error };
      running.pending.clear();
      commit.cancel(cluster, error);
      publisher.clear();
      running.state.index.release();
    },
  };
}

/** What writers hear when the stores shut down or a cluster is removed. */
export function closedError(): AppError {
  return new AppError('cluster_unavailable', {
    message: 'The cluster was removed or this server is stopping; the change was not made.',
  });
}

/** Between reading the newest state and taking the revision nothing can happen: there is no await. */
async function write(
  running: Running,
  key: ObjectKey,
  decide: (current: KubeObject | undefined) => WriteDecision,
): Promise<WriteResult> {
  if (running.broken) await recover(running);
  if (running.closed !== undefined) throw running.closed.error;
  const {
    state,
    pending,
    options: { parsed, base, commit },
  } = running;
  const newest = pending.newest(key);
  const id = objectId(key.namespace, key.name);
  const entry = newest === undefined ? state.index.get(key.resource, id) : undefined;
  const current = newest === undefined ? entry && parsed.get(entry) : newest.after;
  const decision = decideOn(current, decide);
  if (decision.kind === 'failed') {
    // What the decision saw must not turn out never to have happened.
    await newest?.done;
    throw decision.error;
  }
  if (decision.kind === 'none' || (decision.kind === 'delete' && current === undefined)) {
    await newest?.done;
    return {
      object: current,
      revision: current === undefined ? state.revision : Number(current.metadata.resourceVersion),
    };
  }
  const previous = current && { object: current, text: entry?.text ?? newest?.write.text ?? '' };
  const hidesBase = base.kinds.get(key.resource)?.entries.has(id) === true;
  const added = pending.add({ key, decision, revision: running.assigned + 1, previous, hidesBase });
  running.assigned = added.write.revision;
  commit.add(added.write);
  return added.done;
}

function decideOn(
  current: KubeObject | undefined,
  decide: (current: KubeObject | undefined) => WriteDecision,
): WriteDecision | { kind: 'failed'; error: unknown } {
  try {
    return decide(current);
  } catch (error) {
    return { kind: 'failed', error };
  }
}

/** A write became durable: readers and watchers get it. */
function show({ state, pending, publisher }: Running, write: PendingWrite): void {
  const { type, key, revision, object, text, previous, previousText, writtenAtMs } = write;
  if (type === 'DELETED') state.index.remove(key.resource, objectId(key.namespace, key.name));
  else state.index.put({ key, text, object, revision });
  state.revision = revision;
  const change = { type, key, revision, writtenAtMs, text, previousText };
  state.ring.append(change);
  pending.settle(write);
  publisher.publish(toEvent(change, { object, previous }));
}

function fail(running: Running, { error, refused }: { error: unknown; refused: boolean }): void {
  const { options, pending, cluster } = running;
  pending.clear();
  options.commit.cancel(cluster, error);
  if (refused) {
    options.log.warn({}, 'a write was refused: the cluster has another owner now, or is gone');
    return options.onLost();
  }
  options.log.error({ error }, 'a commit failed; the cluster is read again');
  running.broken = true;
  recover(running).catch((cause: unknown) =>
    options.log.error({ error: cause }, 'the cluster could not be read again yet'),
  );
}

function recover(running: Running): Promise<void> {
  if (!running.broken) return Promise.resolve();
  running.recovery ??= readAgain(running).finally(() => {
    running.recovery = undefined;
  });
  return running.recovery;
}

/** A commit that failed on the way back may have counted: whatever turns up is published like any other change. */
async function readAgain(running: Running): Promise<void> {
  const { options, publisher } = running;
  const next = await options.reload(running.state.epoch);
  if (running.closed !== undefined) return;
  if (next === undefined) return options.onLost();
  const missed = next.ring.after(running.state.revision);
  running.state.index.release();
  running.state = next;
  running.assigned = next.revision;
  running.broken = false;
  if (missed === undefined) return options.onLost();
  for (const change of missed) publisher.publish(toEvent(change));
}

import type { Clock } from '@hexabase/kernel/clock.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import type { KubeObject } from '../types.ts';
import { keyText } from './cluster-state.ts';
import type { ChangeType, CommitBatch, Persistence } from './persistence.ts';
import type { ObjectKey, WriteResult } from './store.ts';

/** A write that was decided and has its revision, but is not durable yet. */
export interface PendingWrite {
  readonly cluster: CommittingCluster;
  readonly key: ObjectKey;
  readonly type: ChangeType;
  readonly revision: number;
  /** The state after; for a deletion the last state at the revision of the deletion. */
  readonly object: KubeObject;
  readonly text: string;
  readonly previous: KubeObject | undefined;
  readonly previousText: string | undefined;
  /** Deleting it must leave a row, since the shared object would show again. */
  readonly hidesBase: boolean;
  writtenAtMs: number;
  readonly resolve: (result: WriteResult) => void;
  readonly reject: (error: unknown) => void;
}

/** What the queue needs of a cluster. */
export interface CommittingCluster {
  readonly id: string;
  epoch(): number;
  /** Shows the write to readers and watchers. */
  committed(write: PendingWrite): void;
  /** The batch failed or was refused; nothing of it counts. */
  failed(error: unknown, refused: boolean): void;
}

/** The one queue through which the writes of all clusters become durable, many with one statement. */
export interface GroupCommit {
  add(write: PendingWrite): void;
  /** Rejects what the cluster has in the queue. What is being committed is not touched. */
  cancel(cluster: CommittingCluster, error: unknown): void;
  /** Resolves when nothing waits and nothing is being committed. */
  drained(): Promise<void>;
}

export interface GroupCommitOptions {
  persistence: Pick<Persistence, 'commit'>;
  clock: Clock;
  rowsMax: number;
  charactersMax: number;
}

/**
 * Collects the writes of one turn of the event loop; while a batch is being committed the next one collects, so batches
 * grow with the load. Batches are committed one after the other: the order of revisions is the order of durability.
 */
export function createGroupCommit(options: GroupCommitOptions): GroupCommit {
  let queue: PendingWrite[] = [];
  let running = false;
  let onDrained: (() => void)[] = [];

  async function run(): Promise<void> {
    while (queue.length > 0) {
      const size = batchSize(queue, options);
      const batch = queue.slice(0, size);
      queue = queue.slice(size);
      await commitBatch(batch, options);
    }
    running = false;
    for (const done of onDrained.splice(0)) done();
  }

  return {
    add(write) {
      queue.push(write);
      if (running) return;
      running = true;
      setImmediate(() => void run());
    },
    cancel(cluster, error) {
      const cancelled = queue.filter((write) => write.cluster === cluster);
      if (cancelled.length === 0) return;
      queue = queue.filter((write) => write.cluster !== cluster);
      for (const write of cancelled) write.reject(error);
    },
    drained: () => (running ? new Promise((resolve) => onDrained.push(resolve)) : Promise.resolve()),
  };
}

function batchSize(queue: readonly PendingWrite[], { rowsMax, charactersMax }: GroupCommitOptions): number {
  let characters = 0;
  const most = Math.min(queue.length, rowsMax);
  for (let at = 0; at < most; at++) {
    const write = queue[at];
    characters += (write?.text.length ?? 0) + (write?.previousText?.length ?? 0);
    if (characters > charactersMax) return Math.max(at, 1);
  }
  return most;
}

async function commitBatch(
  writes: readonly PendingWrite[],
  { persistence, clock }: GroupCommitOptions,
): Promise<void> {
  let refused: ReadonlySet<string>;
  try {
    ({ refused } = await persistence.commit(toBatch(writes, clock.now())));
  } catch (error) {
    const failed = new Set(writes.map((write) => write.cluster));
    for (const write of writes) write.reject(error);
    for (const cluster of failed) cluster.failed(error, false);
    return;
  }
  const lost = new Set<CommittingCluster>();
  for (const write of writes) {
    if (refused.has(write.cluster.id)) lost.add(write.cluster);
    else write.cluster.committed(write);
  }
  const lostError = new AppError('cluster_unavailable', {
    message: 'Another server took this cluster over, or it was removed; the change was not made.',
  });
  for (const write of writes) {
    if (lost.has(write.cluster)) write.reject(lostError);
    else write.resolve({ object: write.object, revision: write.revision });
  }
  for (const cluster of lost) cluster.failed(lostError, true);
}

function toBatch(writes: readonly PendingWrite[], nowMs: number): CommitBatch {
  const clusters = new Map<string, CommitBatch['clusters'][number]>();
  const last = new Map<string, PendingWrite>();
  const log: CommitBatch['log'] = [];
  for (const write of writes) {
    const {
      key,
      type,
      revision,
      cluster: { id: clusterId },
    } = write;
    write.writtenAtMs = nowMs;
    clusters.set(clusterId, { id: clusterId, epoch: write.cluster.epoch(), revision });
    last.set(`${clusterId}/${keyText(key)}`, write);
    log.push({ clusterId, key, type, revision, previous: write.previousText ?? null });
  }
  const puts: CommitBatch['puts'] = [];
  const deletes: CommitBatch['deletes'] = [];
  for (const {
    key,
    type,
    revision,
    text,
    hidesBase,
    cluster: { id: clusterId },
  } of last.values()) {
    if (type !== 'DELETED') puts.push({ clusterId, key, revision, text });
    else if (hidesBase) puts.push({ clusterId, key, revision, text: null });
    else deletes.push({ clusterId, key });
  }
  return { clusters: [...clusters.values()], puts, deletes, log, writtenAtMs: nowMs };
}

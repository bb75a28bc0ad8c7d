import type { ObjectKey, PlannedWake } from './store.ts';

/**
 * Where clusters are kept. One implementation for PostgreSQL, one in memory. A cluster has one owner process: `load`
 * takes it over by raising its epoch, and `commit` refuses the writes of whoever still holds an older epoch.
 */
export interface Persistence {
  /** Safe to repeat: an existing cluster keeps its uid and configuration. */
  insertCluster(cluster: NewCluster): Promise<{ uid: string; created: boolean }>;
  findCluster(id: string): Promise<{ uid: string; config: unknown } | undefined>;
  listClusters(): Promise<{ id: string; uid: string }[]>;
  countClusters(): Promise<number>;
  updateConfig(id: string, config: unknown, fence?: number): Promise<void>;
  removeCluster(id: string, fence?: number): Promise<void>;
  /**
   * Remembers the highest fence of an id, for good. Throws `StaleFenceError` when it was higher already; the three
   * methods above do the same in one transaction with their change.
   */
  raiseFence(id: string, fence: number): Promise<void>;
  /** Takes the cluster over and reads it. Undefined when it does not exist, or no longer has the epoch of `options`. */
  load(id: string, options: LoadOptions): Promise<PersistedCluster | undefined>;
  /** All or nothing for each cluster. Answers the clusters that another process took over or that are gone. */
  commit(batch: CommitBatch): Promise<{ refused: ReadonlySet<string> }>;
  /** Which of these clusters have another owner by now, or are gone. */
  lostClusters(owned: readonly { id: string; epoch: number }[]): Promise<string[]>;
  /** Deletes a batch of old log rows of any clusters. Answers how many; 0 when there is nothing left to delete. */
  compact(keep: CompactionLimits): Promise<number>;
  setWakes(wakes: readonly PlannedWake[]): Promise<void>;
  dueClusters(nowMs: number): Promise<string[]>;
}

export interface NewCluster {
  id: string;
  uid: string;
  config: unknown;
  fence?: number | undefined;
}

export interface LoadOptions {
  /** Reads at most so many of the newest log rows. */
  logRows: number;
  /** Only when it is still owned at this epoch: who reads again after a failure must not rob a new owner. */
  epoch?: number;
}

/** A log row stays when it is among the newest `revisions` of its cluster or was written after `beforeMs`. */
export interface CompactionLimits {
  revisions: number;
  beforeMs: number;
  rowsMax: number;
}

export interface PersistedCluster {
  uid: string;
  config: unknown;
  epoch: number;
  /** The newest revision ever committed. */
  revision: number;
  /** The newest revision whose log row was deleted. */
  compactRevision: number;
  objects: PersistedObject[];
  /** Ascending by revision, without gaps at the end. */
  log: LogRow[];
}

export interface PersistedObject {
  key: ObjectKey;
  revision: number;
  /** JSON text; null hides a base object. */
  text: string | null;
}

export type ChangeType = 'ADDED' | 'MODIFIED' | 'DELETED';

/**
 * One change, kept as an undo record: it holds the state before. The state after is the `previous` of the next change
 * to the same key, or the object itself. So a create writes its text once, and nothing is ever guessed at recovery.
 */
export interface LogRow {
  key: ObjectKey;
  revision: number;
  type: ChangeType;
  previous: string | null;
  /** Milliseconds since the epoch. */
  writtenAtMs: number;
}

export interface CommitBatch {
  /** `revision` becomes the cluster's newest. */
  clusters: { id: string; epoch: number; revision: number }[];
  /** The last state of each key in this batch; each key once. */
  puts: (PersistedObject & { clusterId: string })[];
  deletes: { clusterId: string; key: ObjectKey }[];
  log: (Omit<LogRow, 'writtenAtMs'> & { clusterId: string })[];
  /** Milliseconds since the epoch, for all of the log. */
  writtenAtMs: number;
}

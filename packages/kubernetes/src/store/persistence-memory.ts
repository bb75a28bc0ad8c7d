import type {
  CommitBatch,
  CompactionLimits,
  LogRow,
  PersistedCluster,
  PersistedObject,
  Persistence,
} from './persistence.ts';
import { StaleFenceError } from '../stale-fence.ts';
import { keyText } from './cluster-state.ts';

interface Row {
  uid: string;
  config: unknown;
  epoch: number;
  revision: number;
  compactRevision: number;
  wakeAtMs: number | null;
  objects: Map<string, PersistedObject>;
  log: LogRow[];
}

/** Keeps clusters in memory only, with the same rules as PostgreSQL; they end with the process. */
export function createMemoryPersistence(): Persistence {
  const rows = new Map<string, Row>();
  const fences = new Map<string, number>();
  const raise = (id: string, fence: number | undefined): void => {
    if (fence === undefined) return;
    if ((fences.get(id) ?? fence) > fence) throw new StaleFenceError(id);
    fences.set(id, fence);
  };
  return {
    raiseFence: async (id, fence) => raise(id, fence),
    async insertCluster({ id, uid, config, fence }) {
      raise(id, fence);
      const known = rows.get(id);
      if (known === undefined) rows.set(id, newRow(uid, config));
      return { uid: known?.uid ?? uid, created: known === undefined };
    },
    async findCluster(id) {
      const row = rows.get(id);
      return row === undefined ? undefined : { uid: row.uid, config: structuredClone(row.config) };
    },
    listClusters: async () => [...rows].map(([id, { uid }]) => ({ id, uid })),
    countClusters: async () => rows.size,
    async updateConfig(id, config, fence) {
      raise(id, fence);
      const row = rows.get(id);
      if (row !== undefined) row.config = structuredClone(config);
    },
    async removeCluster(id, fence) {
      raise(id, fence);
      rows.delete(id);
    },
    async load(id, { logRows, epoch }) {
      const row = rows.get(id);
      return row === undefined || (epoch !== undefined && epoch !== row.epoch)
        ? undefined
        : loadRow(row, logRows);
    },
    commit: async (batch) => commit(rows, batch),
    lostClusters: async (owned) =>
      owned.filter(({ id, epoch }) => rows.get(id)?.epoch !== epoch).map(({ id }) => id),
    compact: async (keep) => compact(rows, keep),
    async setWakes(wakes) {
      for (const { id, atMs } of wakes) {
        const row = rows.get(id);
        if (row !== undefined) row.wakeAtMs = atMs;
      }
    },
    dueClusters: async (nowMs) =>
      [...rows].filter(([, { wakeAtMs }]) => wakeAtMs !== null && wakeAtMs <= nowMs).map(([id]) => id),
  };
}

function newRow(uid: string, config: unknown): Row {
  return {
    uid,
    config: structuredClone(config),
    epoch: 0,
    revision: 1,
    compactRevision: 1,
    wakeAtMs: null,
    objects: new Map(),
    log: [],
  };
}

function loadRow(row: Row, logRows: number): PersistedCluster {
  row.epoch++;
  const { uid, config, epoch, revision, compactRevision } = row;
  return {
    uid,
    config: structuredClone(config),
    epoch,
    revision,
    compactRevision,
    objects: [...row.objects.values()],
    log: row.log.slice(-logRows),
  };
}

function commit(rows: Map<string, Row>, batch: CommitBatch): { refused: ReadonlySet<string> } {
  const refused = new Set<string>();
  for (const { id, epoch, revision } of batch.clusters) {
    const row = rows.get(id);
    if (row === undefined || row.epoch !== epoch) refused.add(id);
    else row.revision = revision;
  }
  const accepted = (clusterId: string): Row | undefined =>
    refused.has(clusterId) ? undefined : rows.get(clusterId);
  for (const { clusterId, key, revision, text } of batch.puts)
    accepted(clusterId)?.objects.set(keyText(key), { key, revision, text });
  for (const { clusterId, key } of batch.deletes) accepted(clusterId)?.objects.delete(keyText(key));
  for (const { clusterId, key, revision, type, previous } of batch.log) {
    accepted(clusterId)?.log.push({ key, revision, type, previous, writtenAtMs: batch.writtenAtMs });
  }
  return { refused };
}

function compact(rows: Map<string, Row>, { revisions, beforeMs, rowsMax }: CompactionLimits): number {
  let deleted = 0;
  for (const row of rows.values()) {
    const keepFrom = row.revision - revisions;
    const young = row.log.findIndex((change) => change.revision > keepFrom || change.writtenAtMs >= beforeMs);
    const gone = row.log.splice(0, Math.min(young < 0 ? row.log.length : young, rowsMax - deleted));
    row.compactRevision = gone.at(-1)?.revision ?? row.compactRevision;
    deleted += gone.length;
  }
  return deleted;
}

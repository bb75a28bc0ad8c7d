import { randomUUID } from 'node:crypto';
import type { Clock } from '@hexabase/kernel/clock.ts';
import type { Logger } from '@hexabase/kernel/log.ts';
import type { RingLimits } from './memory/change-ring.ts';
import { createCompaction } from './compaction.ts';
import { buildState, type ClusterState } from './cluster-state.ts';
import { closedError, createClusterStore, type LoadedCluster } from './cluster-store.ts';
import { createGroupCommit } from './group-commit.ts';
import { createBaseIndex } from './memory/object-index.ts';
import { createParsedCache } from './memory/parsed-cache.ts';
import type { PersistedCluster, Persistence } from './persistence.ts';
import type { BaseObject, OpenCluster, Stores } from './store.ts';

export interface StoresOptions {
  persistence: Persistence;
  clock: Clock;
  log: Logger;
  /** Objects that every cluster has from the start; shared by all until one changes them. They need a uid. */
  base: readonly BaseObject[];
  /** Milliseconds after the last use until a cluster leaves memory. Default 60,000. */
  idleUnloadMs?: number;
  /** Milliseconds between two looks for idle clusters and lost ownership. Default 10,000. */
  sweepIntervalMs?: number;
  /** Milliseconds between two compactions. Default 60,000. */
  compactionIntervalMs?: number;
  /** Characters of text whose parsed objects are kept, over all clusters. Default 48 Mi. */
  parsedCharactersMax?: number;
  /** How far back watches can start. Default: 1,000 changes, and 10 minutes of them up to 64 Mi characters a cluster. */
  history?: RingLimits;
}

/** How many log rows a loading cluster reads at most, so that watches go on where they were. */
const logRowsAtLoad = 5000;
const mebi = 1024 * 1024;
const defaultHistory: RingLimits = { changesMin: 1000, ageMsMax: 600_000, charactersMax: 64 * mebi };

interface Slot {
  id: string;
  uid: string;
  config: unknown;
  cluster: LoadedCluster;
  uses: number;
  idleSinceMs: number;
  abort: AbortController;
}

/**
 * The clusters of a process: loaded when first asked for, dropped when idle, all writes through one queue, one timer
 * for everything. Dispose it before the persistence behind it.
 */
export function createStores(options: StoresOptions): Stores {
  const { persistence, clock, log, history = defaultHistory } = options;
  const base = createBaseIndex(options.base);
  const parsed = createParsedCache(options.parsedCharactersMax ?? 48 * mebi);
  const commit = createGroupCommit({ persistence, clock, rowsMax: 500, charactersMax: 16 * mebi });
  const compaction = createCompaction({ persistence, clock, log, history, intervalMs: options.compactionIntervalMs ?? 60_000 });
  const slots = new Map<string, Promise<Slot | undefined>>();
  const loaded = new Map<string, Slot>();
  let known = 0;
  let disposed = false;

  const buildFrom = (rows: PersistedCluster): Promise<ClusterState> => buildState(rows, { base, parsed, ring: history });

  async function reload(id: string, epoch: number): Promise<ClusterState | undefined> {
    const rows = await persistence.load(id, { logRows: logRowsAtLoad, epoch });
    return rows === undefined ? undefined : buildFrom(rows);
  }

  function drop(slot: Slot, error: unknown): void {
    if (loaded.get(slot.id) === slot) {
      loaded.delete(slot.id);
      slots.delete(slot.id);
    }
    slot.cluster.close(error);
    slot.abort.abort();
  }

  async function load(id: string): Promise<Slot | undefined> {
    const rows = await persistence.load(id, { logRows: logRowsAtLoad });
    if (rows === undefined) return undefined;
    const state = await buildFrom(rows);
    const lost = (): void => {
      log.warn({ clusterId: id }, 'the cluster has another owner now, or is gone');
      drop(slot, closedError());
    };
    const cluster = createClusterStore({ id, uid: rows.uid, state, base, parsed, commit, log, reload: (epoch) => reload(id, epoch), onLost: lost });
    const slot: Slot = { id, uid: rows.uid, config: rows.config, cluster, uses: 0, idleSinceMs: clock.now(), abort: new AbortController() };
    loaded.set(id, slot);
    return slot;
  }

  async function loadOnce(id: string): Promise<Slot | undefined> {
    const running = slots.get(id) ?? load(id);
    slots.set(id, running);
    try {
      const slot = await running;
      if (slot === undefined && slots.get(id) === running) slots.delete(id);
      return slot;
    } catch (error) {
      if (slots.get(id) === running) slots.delete(id);
      throw error;
    }
  }

  function use(slot: Slot): OpenCluster {
    slot.uses++;
    let open = true;
    return {
      store: slot.cluster.store,
      signal: slot.abort.signal,
      get config() {
        return slot.config;
      },
      [Symbol.dispose]() {
        if (!open) return;
        open = false;
        slot.uses--;
        slot.idleSinceMs = clock.now();
      },
    };
  }

  async function sweep(): Promise<void> {
    const nowMs = clock.now();
    for (const slot of loaded.values()) {
      const idle = slot.uses === 0 && slot.cluster.pending() === 0 && nowMs - slot.idleSinceMs >= (options.idleUnloadMs ?? 60_000);
      if (idle) drop(slot, closedError());
      else slot.cluster.trim(nowMs);
    }
    const owned = [...loaded.values()].map(({ id, cluster }) => ({ id, epoch: cluster.epoch() }));
    known = await persistence.countClusters();
    for (const id of owned.length === 0 ? [] : await persistence.lostClusters(owned)) {
      const slot = loaded.get(id);
      // A reload in between has raised the epoch itself.
      if (slot !== undefined && slot.cluster.epoch() === owned.find((one) => one.id === id)?.epoch) drop(slot, closedError());
    }
    await Promise.all([...loaded.values()].map(({ cluster }) => cluster.recover()));
    await compaction.runWhenDue();
  }

  const sweeping = repeat(options.sweepIntervalMs ?? 10_000, async () => {
    await sweep().catch((error: unknown) => log.warn({ error }, 'the sweep of the cluster stores failed; it is tried again'));
  });

  return {
    async create(id, config) {
      const { uid, created } = await persistence.insertCluster({ id, uid: randomUUID(), config });
      if (created) known++;
      return { uid };
    },
    async open(id) {
      for (;;) {
        if (disposed) throw closedError();
        const slot = await loadOnce(id);
        if (slot === undefined) return undefined;
        // It may have been dropped between its load and this line; then it is loaded afresh.
        if (!slot.abort.signal.aborted) return use(slot);
      }
    },
    async setConfig(id, config) {
      await persistence.updateConfig(id, config);
      const slot = await slots.get(id)?.catch(() => undefined);
      if (slot !== undefined) slot.config = config;
    },
    find: (id) => persistence.findCluster(id),
    all: () => persistence.listClusters(),
    async remove(id) {
      const slot = await slots.get(id)?.catch(() => undefined);
      await persistence.removeCluster(id);
      if (slot !== undefined) drop(slot, closedError());
      known = await persistence.countClusters();
    },
    stats: () => ({
      clusters: Math.max(known, loaded.size),
      loadedClusters: loaded.size,
      objects: loaded.values().reduce((sum, { cluster }) => sum + cluster.ownObjects(), 0),
    }),
    setWake: (id, atMs) => persistence.setWake(id, atMs),
    dueClusters: (nowMs) => persistence.dueClusters(nowMs),
    async [Symbol.asyncDispose]() {
      disposed = true;
      await sweeping[Symbol.asyncDispose]();
      await commit.drained();
      for (const slot of [...loaded.values()]) drop(slot, closedError());
    },
  };
}

/** Runs `work` again and again, never twice at once, without keeping the process alive. */
function repeat(intervalMs: number, work: () => Promise<void>): AsyncDisposable {
  let running: Promise<void> | undefined;
  const timer = setInterval(() => {
    running ??= work().finally(() => {
      running = undefined;
    });
  }, intervalMs);
  timer.unref();
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await running;
    },
  };
}

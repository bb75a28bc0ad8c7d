import { randomUUID } from 'node:crypto';
import type { Clock } from '@hexabase/kernel/clock.ts';
import type { Logger } from '@hexabase/kernel/log.ts';
import { createSlots, type LoadSlot } from './cluster-slots.ts';
import { buildState } from './cluster-state.ts';
import { closedError, createClusterStore } from './cluster-store.ts';
import { createCompaction } from './compaction.ts';
import { createGroupCommit, type GroupCommit } from './group-commit.ts';
import { createBaseIndex } from './memory/base-index.ts';
import type { RingLimits } from './memory/change-ring.ts';
import { createParsedCache } from './memory/parsed-cache.ts';
import type { Persistence } from './persistence.ts';
import type { BaseObject, Stores } from './store.ts';
import { repeat, sweep } from './sweep.ts';

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
const logRows = 5000;
const mebi = 1024 * 1024;
const defaultHistory: RingLimits = { changesMin: 1000, ageMsMax: 600_000, charactersMax: 64 * mebi };

/**
 * The clusters of a process: loaded when first asked for, dropped when idle, all writes through one queue, one timer
 * for everything. Dispose it before the persistence behind it.
 */
export function createStores(options: StoresOptions): Stores {
  const { persistence, clock, log, history = defaultHistory, idleUnloadMs = 60_000 } = options;
  const commit = createGroupCommit({ persistence, clock, rowsMax: 500, charactersMax: 16 * mebi });
  const slots = createSlots(loader(options, commit), clock);
  const intervalMs = options.compactionIntervalMs ?? 60_000;
  const compaction = createCompaction({ persistence, clock, log, history, intervalMs });
  let known = 0;
  let disposed = false;
  const sweeping = repeat(options.sweepIntervalMs ?? 10_000, async () => {
    try {
      await sweep({ slots, persistence, clock, log, idleUnloadMs });
      known = await persistence.countClusters();
      await compaction.runWhenDue();
    } catch (error) {
      log.warn({ error }, 'the sweep of the cluster stores failed; it is tried again');
    }
  });

  return {
    async create(id, config, fence) {
      const { uid, created } = await persistence.insertCluster({ id, uid: randomUUID(), config, fence });
      if (created) known++;
      return { uid };
    },
    async open(id) {
      if (disposed) throw closedError();
      return slots.use(id);
    },
    async setConfig(id, config, fence) {
      await persistence.updateConfig(id, config, fence);
      const slot = await slots.current(id);
      if (slot !== undefined) slot.config = config;
    },
    find: (id) => persistence.findCluster(id),
    all: () => persistence.listClusters(),
    async remove(id, fence) {
      const slot = await slots.current(id);
      await persistence.removeCluster(id, fence);
      if (slot !== undefined) slots.drop(slot);
      known = await persistence.countClusters();
    },
    raiseFence: (id, fence) => persistence.raiseFence(id, fence),
    stats: () => ({
      clusters: Math.max(known, slots.count()),
      loadedClusters: slots.count(),
      objects: slots.all().reduce((sum, { cluster }) => sum + cluster.ownObjects(), 0),
    }),
    setWakes: (wakes) => persistence.setWakes(wakes),
    dueClusters: (nowMs) => persistence.dueClusters(nowMs),
    async [Symbol.asyncDispose]() {
      disposed = true;
      await sweeping[Symbol.asyncDispose]();
      await commit.drained();
      for (const slot of slots.all()) slots.drop(slot);
    },
  };
}

/** Takes a cluster over and builds its memory. */
function loader(
  { persistence, log, history = defaultHistory, ...options }: StoresOptions,
  commit: GroupCommit,
): LoadSlot {
  const base = createBaseIndex(options.base);
  const parsed = createParsedCache(options.parsedCharactersMax ?? 48 * mebi);
  const memory = { base, parsed, ring: history };
  return async (id, onLost) => {
    const rows = await persistence.load(id, { logRows });
    if (rows === undefined) return undefined;
    const { uid, config } = rows;
    const state = await buildState(rows, memory);
    const reload = async (epoch: number) => {
      const again = await persistence.load(id, { logRows, epoch });
      return again && buildState(again, memory);
    };
    return {
      config,
      cluster: createClusterStore({ id, uid, state, base, parsed, commit, log, reload, onLost }),
    };
  };
}

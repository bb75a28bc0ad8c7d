import type { Clock } from '@hexabase/kernel/clock.ts';
import { closedError, type LoadedCluster } from './cluster-store.ts';
import type { OpenCluster } from './store.ts';

/** A loaded cluster and who uses it. */
export interface Slot {
  readonly id: string;
  readonly cluster: LoadedCluster;
  config: unknown;
  /** How many have it open. */
  uses: number;
  idleSinceMs: number;
  readonly abort: AbortController;
}

/** The loaded clusters of a process. */
export interface Slots {
  /** Loads it when needed; those who ask at the same time share one load. */
  use(id: string): Promise<OpenCluster | undefined>;
  /** The slot when it is loaded or being loaded. */
  current(id: string): Promise<Slot | undefined>;
  loaded(id: string): Slot | undefined;
  all(): Slot[];
  count(): number;
  /** Ends it for everybody who has it open, and forgets it. */
  drop(slot: Slot): void;
}

export type LoadSlot = (
  id: string,
  onLost: () => void,
) => Promise<Pick<Slot, 'cluster' | 'config'> | undefined>;

export function createSlots(load: LoadSlot, clock: Clock): Slots {
  const loads = new Map<string, Promise<Slot | undefined>>();
  const loaded = new Map<string, Slot>();

  function drop(slot: Slot): void {
    if (loaded.get(slot.id) === slot) {
      loaded.delete(slot.id);
      loads.delete(slot.id);
    }
    slot.cluster.close(closedError());
    slot.abort.abort();
  }

  async function loadSlot(id: string): Promise<Slot | undefined> {
    let slot: Slot | undefined;
    const found = await load(id, () => slot && drop(slot));
    if (found === undefined) return undefined;
    slot = { id, ...found, uses: 0, idleSinceMs: clock.now(), abort: new AbortController() };
    loaded.set(id, slot);
    return slot;
  }

  async function loadOnce(id: string): Promise<Slot | undefined> {
    const running = loads.get(id) ?? loadSlot(id);
    loads.set(id, running);
    const slot = await running.catch((error: unknown) => {
      if (loads.get(id) === running) loads.delete(id);
      throw error;
    });
    if (slot === undefined && loads.get(id) === running) loads.delete(id);
    return slot;
  }

  return {
    drop,
    async use(id) {
      for (;;) {
        const slot = await loadOnce(id);
        if (slot === undefined) return undefined;
        // It may have been dropped between its load and this line; then it is loaded afresh.
        if (!slot.abort.signal.aborted) return lend(slot, clock);
      }
    },
    current: async (id) => loads.get(id)?.catch(() => undefined),
    loaded: (id) => loaded.get(id),
    all: () => [...loaded.values()],
    count: () => loaded.size,
  };
}

function lend(slot: Slot, clock: Clock): OpenCluster {
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

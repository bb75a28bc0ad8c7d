import type { Clock } from '@hexabase/kernel/clock.ts';
import type { Logger } from '@hexabase/kernel/log.ts';
import type { ClusterApi } from '../api/deps.ts';
import type { OpenCluster, Stores } from '../store/store.ts';

/** What runs beside the requests of a loaded cluster. */
export interface Companion extends AsyncDisposable {
  /** Nothing is being worked on. */
  idle(): boolean;
  /** Milliseconds since the epoch of the earliest planned work. */
  nextWakeMs(): number | null;
  /** The cluster's configuration changed. */
  configure(): void;
}

/** A cluster in use; dispose it when the request or stream is over. */
export interface Lease extends Disposable {
  readonly api: ClusterApi;
  /** Aborts when the cluster goes away. */
  readonly signal: AbortSignal;
}

export interface PoolOptions {
  stores: Stores;
  clock: Clock;
  log: Logger;
  /** Builds what requests see of a cluster. */
  apiOf(opened: OpenCluster): ClusterApi;
  /** Starts what runs while the cluster is loaded. */
  start(api: ClusterApi): Companion;
  /** Milliseconds without use until a cluster is let go. Default 30,000. */
  idleMs?: number;
}

export interface ClusterPool extends AsyncDisposable {
  /** Undefined when there is no such cluster. */
  acquire(id: string): Promise<Lease | undefined>;
  /** Tells a running cluster that its configuration changed. */
  reconfigured(id: string): void;
  /** Starts what a cluster has to do, if it is not running yet. */
  wake(id: string): Promise<void>;
}

interface Running {
  id: string;
  opened: OpenCluster;
  api: ClusterApi;
  companion: Companion;
  leases: number;
  idleSinceMs: number;
  vouchedMs: number;
}

const lookEveryMs = 2_000;
/** If this process dies, another one goes on with its clusters after this time. */
const vouchForMs = 60_000;
const vouchEveryMs = 20_000;

/**
 * The clusters that are loaded for somebody. A cluster stays while requests, watches or controllers need it; when it
 * goes, the time of its next planned work is kept in the store and one shared timer brings it back.
 */
export function createClusterPool(options: PoolOptions): ClusterPool {
  const { stores, clock, log, idleMs = 30_000 } = options;
  const running = new Map<string, Promise<Running | undefined>>();
  const ready = new Map<string, Running>();
  let disposed = false;

  async function load(id: string): Promise<Running | undefined> {
    const opened = await stores.open(id);
    if (!opened) return undefined;
    const api = options.apiOf(opened);
    const companion = options.start(api);
    const entry: Running = { id, opened, api, companion, leases: 0, idleSinceMs: clock.now(), vouchedMs: 0 };
    ready.set(id, entry);
    opened.signal.addEventListener('abort', () => void stop(entry), { once: true });
    if (opened.signal.aborted) await stop(entry);
    else await vouch(entry);
    return entry;
  }

  /** Keeps the wake time ahead while the cluster runs here, so that it only comes due when nobody runs it. */
  async function vouch(entry: Running): Promise<void> {
    entry.vouchedMs = clock.now();
    await stores.setWake(entry.id, entry.vouchedMs + vouchForMs);
  }

  /** Says when the cluster has something to do again. */
  function planWake({ id, companion, opened }: Running): Promise<void> {
    if (opened.signal.aborted) return Promise.resolve();
    return stores.setWake(id, companion.idle() ? companion.nextWakeMs() : clock.now());
  }

  async function stop(entry: Running): Promise<void> {
    if (ready.get(entry.id) !== entry) return;
    ready.delete(entry.id);
    running.delete(entry.id);
    await entry.companion[Symbol.asyncDispose]();
    entry.opened[Symbol.dispose]();
  }

  function find(id: string): Promise<Running | undefined> {
    const known = running.get(id);
    if (known) return known;
    const loading = load(id);
    running.set(id, loading);
    const forget = (entry?: Running): void => {
      if (!entry && running.get(id) === loading) running.delete(id);
    };
    loading.then(forget, () => forget());
    return loading;
  }

  function leaseOf(entry: Running): Lease {
    entry.leases++;
    let released = false;
    return {
      api: entry.api,
      signal: entry.opened.signal,
      [Symbol.dispose]() {
        if (released) return;
        released = true;
        entry.leases--;
        entry.idleSinceMs = clock.now();
      },
    };
  }

  async function letIdleGo(): Promise<void> {
    const nowMs = clock.now();
    for (const entry of ready.values()) {
      if (entry.leases > 0 || !entry.companion.idle()) entry.idleSinceMs = nowMs;
      const wakeMs = entry.companion.nextWakeMs();
      const soon = wakeMs !== null && wakeMs - nowMs < idleMs;
      if (soon || nowMs - entry.idleSinceMs < idleMs) {
        if (nowMs - entry.vouchedMs >= vouchEveryMs) await vouch(entry);
        continue;
      }
      await planWake(entry);
      if (entry.leases === 0) await stop(entry);
    }
  }

  async function wakeDue(): Promise<void> {
    for (const id of await stores.dueClusters(clock.now())) if (!ready.has(id)) await find(id);
  }

  const timer = setInterval(() => {
    letIdleGo()
      .then(wakeDue)
      .catch((error: unknown) => {
        if (!disposed) log.error({ error }, 'idle clusters could not be looked after');
      });
  }, lookEveryMs).unref();

  return {
    async acquire(id) {
      const entry = ready.get(id) ?? (await find(id));
      return entry && leaseOf(entry);
    },
    reconfigured: (id) => ready.get(id)?.companion.configure(),
    wake: async (id) => void (await find(id)),
    async [Symbol.asyncDispose]() {
      disposed = true;
      clearInterval(timer);
      for (const entry of [...ready.values()]) {
        await planWake(entry);
        await stop(entry);
      }
    },
  };
}

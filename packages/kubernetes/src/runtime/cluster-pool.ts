import type { Clock } from '@hexabase/kernel/clock.ts';
import type { Logger } from '@hexabase/kernel/log.ts';
import type { ClusterApi } from '../api/deps.ts';
import type { OpenCluster, PlannedWake, Stores } from '../store/store.ts';

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
/** Letting go takes processor time that requests wait for: not all at once. */
const letGoPerLook = 50;

/**
 * The clusters that are loaded for somebody. A cluster stays while requests, watches or controllers need it; when it
 * goes, the time of its next planned work is kept in the store and one shared timer brings it back.
 */
export function createClusterPool(options: PoolOptions): ClusterPool {
  return new LoadedClusters(options);
}

class LoadedClusters implements ClusterPool {
  readonly #options: PoolOptions;
  readonly #idleMs: number;
  readonly #running = new Map<string, Promise<Running | undefined>>();
  readonly #ready = new Map<string, Running>();
  readonly #timer: NodeJS.Timeout;
  #disposed = false;
  #looking = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#idleMs = options.idleMs ?? 30_000;
    this.#timer = setInterval(() => void this.#lookAfter(), lookEveryMs).unref();
  }

  async acquire(id: string): Promise<Lease | undefined> {
    const entry = this.#ready.get(id) ?? (await this.#find(id));
    return entry && leaseOf(entry, this.#options.clock);
  }

  reconfigured(id: string): void {
    this.#ready.get(id)?.companion.configure();
  }

  async wake(id: string): Promise<void> {
    await this.#find(id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    clearInterval(this.#timer);
    await this.#planWakes([...this.#ready.values()]);
    for (const entry of this.#ready.values()) await this.#stop(entry);
  }

  #find(id: string): Promise<Running | undefined> {
    const known = this.#running.get(id);
    if (known) return known;
    const loading = this.#load(id);
    this.#running.set(id, loading);
    const forget = (entry?: Running): void => {
      if (!entry && this.#running.get(id) === loading) this.#running.delete(id);
    };
    loading.then(forget, () => forget());
    return loading;
  }

  async #load(id: string): Promise<Running | undefined> {
    const { stores, clock, apiOf, start } = this.#options;
    const opened = await stores.open(id);
    if (!opened) return undefined;
    const api = apiOf(opened);
    const entry: Running = {
      id,
      opened,
      api,
      companion: start(api),
      leases: 0,
      idleSinceMs: clock.now(),
      vouchedMs: 0,
    };
    this.#ready.set(id, entry);
    opened.signal.addEventListener('abort', () => void this.#stop(entry), { once: true });
    if (opened.signal.aborted) await this.#stop(entry);
    else await this.#vouch([entry]);
    return entry;
  }

  /** Keeps the wake times ahead while the clusters run here, so that they only come due when nobody runs them. */
  async #vouch(entries: readonly Running[]): Promise<void> {
    const { stores, clock } = this.#options;
    const nowMs = clock.now();
    for (const entry of entries) entry.vouchedMs = nowMs;
    await stores.setWakes(entries.map(({ id }) => ({ id, atMs: nowMs + vouchForMs })));
  }

  /** Says when the clusters have something to do again. */
  async #planWakes(entries: readonly Running[]): Promise<void> {
    const { stores, clock } = this.#options;
    const nowMs = clock.now();
    const wakeOf = ({ id, companion }: Running): PlannedWake => ({
      id,
      atMs: companion.idle() ? companion.nextWakeMs() : nowMs,
    });
    await stores.setWakes(entries.filter(({ opened }) => !opened.signal.aborted).map(wakeOf));
  }

  async #stop(entry: Running): Promise<void> {
    if (this.#ready.get(entry.id) !== entry) return;
    this.#ready.delete(entry.id);
    this.#running.delete(entry.id);
    await entry.companion[Symbol.asyncDispose]();
    entry.opened[Symbol.dispose]();
  }

  /** One look at a time: on a busy database it may take longer than the pause between two. */
  async #lookAfter(): Promise<void> {
    const { stores, clock, log } = this.#options;
    if (this.#looking) return;
    this.#looking = true;
    try {
      await this.#letIdleGo();
      for (const id of await stores.dueClusters(clock.now())) if (!this.#ready.has(id)) await this.#find(id);
    } catch (error) {
      if (!this.#disposed) log.error({ error }, 'idle clusters could not be looked after');
    } finally {
      this.#looking = false;
    }
  }

  /** All clusters of one look share two statements: a thousand of them must not cost a thousand commits. */
  async #letIdleGo(): Promise<void> {
    const nowMs = this.#options.clock.now();
    const needed: Running[] = [];
    const idle: Running[] = [];
    for (const entry of this.#ready.values()) {
      if (entry.leases > 0 || !entry.companion.idle()) entry.idleSinceMs = nowMs;
      const wakeMs = entry.companion.nextWakeMs();
      const soon = wakeMs !== null && wakeMs - nowMs < this.#idleMs;
      (soon || nowMs - entry.idleSinceMs < this.#idleMs ? needed : idle).push(entry);
    }
    const due = needed.filter(({ vouchedMs }) => nowMs - vouchedMs >= vouchEveryMs);
    if (due.length > 0) await this.#vouch(due);
    const leaving = idle.slice(0, letGoPerLook);
    if (leaving.length === 0) return;
    await this.#planWakes(leaving);
    for (const entry of leaving) if (entry.leases === 0) await this.#stop(entry);
  }
}

function leaseOf(entry: Running, clock: Clock): Lease {
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

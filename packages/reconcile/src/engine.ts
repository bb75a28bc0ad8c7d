import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '@hexabase/kernel/clock.ts';
import type { Logger } from '@hexabase/kernel/log.ts';
import type { Database } from '@hexabase/postgres/database.ts';
import { Alarm } from './alarm.ts';
import { backoffMs, failuresBeforeStalled, nextResyncMs } from './backoff.ts';
import type { BoundaryHook, EngineObserver } from './hooks.ts';
import { Leases } from './leases.ts';
import {
  addMissing,
  claimDue,
  forget,
  release,
  releaseAll,
  type Claim,
  type QueueUser,
  type Release,
} from './queue.ts';
import { outcomeOf, type ReconcileEnd, type Registration } from './registration.ts';
import { Places } from './places/places.ts';
import { LeaseLostError } from './step-log.ts';
import type { RunTools } from './workflow.ts';

export interface EngineOptions {
  database: Database;
  registrations: readonly Registration[];
  clock: Clock;
  log: Logger;
  /** Keys worked on at the same time. */
  concurrency?: number;
  /** A key whose run takes as long as this, in milliseconds, is slow: those have half of the places. Default 10,000. */
  slowMs?: number;
  observer?: EngineObserver;
  /** For tests that crash on purpose. */
  boundary?: BoundaryHook;
  /** In [0, 1). */
  random?: () => number;
}

export interface Engine extends AsyncDisposable {
  /** Looks for due keys now. Wake-ups by NOTIFY come by themselves; this is for whoever is in the same process. */
  wake(): void;
}

const defaultConcurrency = 12;
const defaultSlowMs = 10_000;
/** Also without any wake-up the queue is looked at this often: leases of dead workers end silently. */
const pollMs = 5_000;
const retryMs = 1_000;
const drainMsMax = 10_000;

/** Starts a worker. Several may run on one database, in one process or in many. */
export async function startEngine(options: EngineOptions): Promise<Engine> {
  const engine = new Worker(options);
  await engine.start();
  return { wake: () => engine.wake(), [Symbol.asyncDispose]: () => engine.stop() };
}

class Worker {
  readonly #options: EngineOptions;
  readonly #tools: RunTools;
  readonly #queue: QueueUser;
  readonly #leases: Leases;
  readonly #byKind: Map<string, Registration>;
  readonly #concurrency: number;
  readonly #random: () => number;
  readonly #running = new Set<Promise<void>>();
  readonly #places: Places;
  readonly #resources = new AsyncDisposableStack();
  #stopping = false;
  /** Keys that are being taken; null while none are. */
  #claiming: Promise<number> | null = null;
  #wanted = false;
  readonly #alarm = new Alarm(pollMs, () => this.wake());
  #resyncTimer: NodeJS.Timeout | null = null;

  constructor(options: EngineOptions) {
    this.#options = options;
    const observer = options.observer ?? {};
    this.#tools = { ...options, observer, boundary: options.boundary };
    this.#queue = { database: options.database, owner: randomUUID() };
    this.#leases = new Leases(this.#queue, (claim) => observer.leaseLost?.({ kind: claim.kind }));
    this.#byKind = new Map(options.registrations.map((registration) => [registration.kind, registration]));
    this.#concurrency = options.concurrency ?? defaultConcurrency;
    this.#random = options.random ?? Math.random;
    this.#places = new Places(options.registrations, {
      all: this.#concurrency,
      slowMs: options.slowMs ?? defaultSlowMs,
    });
  }

  async start(): Promise<void> {
    this.#resources.use(await this.#options.database.listen('hexabase_wake', () => this.wake()));
    await this.#resync();
    this.wake();
  }

  wake(): void {
    this.#wanted = true;
    void this.#pump();
  }

  /** Lets running work end, then aborts it and gives the keys back. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#alarm[Symbol.dispose]();
    if (this.#resyncTimer) clearTimeout(this.#resyncTimer);
    await this.#resources.disposeAsync();
    // Keys that are being taken are begun no more, and given back with all others.
    const ended = Promise.allSettled([...this.#running, this.#claiming]);
    await Promise.race([ended, sleep(drainMsMax, undefined, { ref: false })]);
    this.#leases.abortAll();
    await ended;
    this.#leases[Symbol.dispose]();
    await releaseAll(this.#queue).catch(() => undefined);
  }

  async #pump(): Promise<void> {
    if (this.#claiming || this.#stopping) return;
    this.#claiming = this.#claim();
    const nextMs = await this.#claiming;
    this.#claiming = null;
    if (this.#stopping) return;
    this.#alarm.ringIn(nextMs);
    if (this.#wanted && this.#running.size < this.#concurrency && nextMs === pollMs) void this.#pump();
  }

  /** Begins what is due; answers after how many milliseconds to look again at the latest. */
  async #claim(): Promise<number> {
    try {
      while (this.#wanted && !this.#stopping && this.#running.size < this.#concurrency) {
        this.#wanted = false;
        const free = this.#places.free(this.#concurrency - this.#running.size);
        const claims = await claimDue(this.#queue, free);
        if (this.#stopping) break;
        for (const claim of claims) this.#begin(claim);
        if (claims.length === free.limit) this.#wanted = true;
      }
      return pollMs;
    } catch (error) {
      this.#options.log.warn({ error }, 'the queue cannot be read; trying again');
      return retryMs;
    }
  }

  #begin(claim: Claim): void {
    this.#places.take(claim);
    const startedMs = performance.now();
    const work = this.#work(claim).finally(() => {
      this.#running.delete(work);
      if (this.#places.giveBack(claim, performance.now() - startedMs)) this.#wanted = true;
      if (this.#wanted) void this.#pump();
    });
    this.#running.add(work);
  }

  async #work(claim: Claim): Promise<void> {
    const startedMs = performance.now();
    const { log, observer } = this.#options;
    const signal = this.#leases.hold(claim);
    try {
      const end = (await this.#byKind.get(claim.kind)?.reconcile(this.#tools, claim, signal)) ?? {
        kind: 'idle',
      };
      const next = this.#next(end);
      observer?.runEnded?.({
        kind: claim.kind,
        outcome: outcomeOf(end, next.stalled),
        durationMs: performance.now() - startedMs,
      });
      if (end.kind === 'gone' || end.kind === 'removed') {
        if (await forget(this.#queue, claim)) this.#alarm.ringIn(0);
      } else this.#alarm.ringIn(await release(this.#queue, claim, next));
    } catch (error) {
      const fenced = error instanceof LeaseLostError;
      observer?.runEnded?.({
        kind: claim.kind,
        outcome: fenced ? 'fenced' : 'failed',
        durationMs: performance.now() - startedMs,
      });
      log.warn({ error, kind: claim.kind, key: claim.key }, 'a run was given up');
      await this.#giveBack(claim);
    } finally {
      this.#leases.drop(claim);
    }
  }

  /** After an error that nobody could note. A lease that is lost already is not touched. */
  async #giveBack(claim: Claim): Promise<void> {
    const attempts = claim.attempts + 1;
    const next = {
      delayMs: backoffMs(attempts, this.#random),
      attempts,
      stalled: claim.stalledSince !== null,
      lastError: 'given up',
    };
    await release(this.#queue, claim, next).then(
      (ms) => this.#alarm.ringIn(ms),
      () =>
        this.#options.log.warn(
          { kind: claim.kind, key: claim.key },
          'a key cannot be given back; its lease will end',
        ),
    );
  }

  #next(end: ReconcileEnd): Release {
    if (end.kind === 'failed' && !end.terminal) {
      const attempts = end.failures;
      const delayMs = Math.max(backoffMs(attempts, this.#random), end.retryAfterMs ?? 0);
      return { delayMs, attempts, stalled: attempts >= failuresBeforeStalled, lastError: end.error };
    }
    const delayMs = end.kind === 'waiting' ? end.afterMs : nextResyncMs(this.#random);
    const lastError = end.kind === 'failed' ? end.error : null;
    return { delayMs, attempts: 0, stalled: end.kind === 'failed', lastError };
  }

  /** A wake-up may be lost, a row may be missing: every living key is visited now and then all the same. */
  async #resync(): Promise<void> {
    this.#resyncTimer = setTimeout(() => void this.#resync(), nextResyncMs(this.#random));
    try {
      await this.#options.database.asWorker(async (tx) => {
        for (const { kind, keys } of this.#byKind.values()) await addMissing(tx, kind, await keys(tx));
      });
      this.#alarm.ringIn(100);
    } catch (error) {
      this.#options.log.warn({ error }, 'the list of keys cannot be read; trying again later');
    }
  }
}

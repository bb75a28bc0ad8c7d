import type { Clock } from '@hexabase/kernel/clock.ts';
import type { Timers } from './timers.ts';

/** What one piece of work answers: nothing, or when to look at the same key again. */
export interface Requeue {
  afterMs: number;
}

/** Keys waiting for work. A key is never worked on twice at the same time, and waits at most once. */
export interface WorkQueue extends AsyncDisposable {
  add(key: string, afterMs?: number): void;
  /** Nothing waits to be worked on now and nothing is being worked on. Keys planned for later do not count. */
  idle(): boolean;
  /** Milliseconds since the epoch of the earliest key planned for later. */
  nextWakeMs(): number | null;
}

export interface QueueOptions {
  clock: Clock;
  timers: Timers;
  /** How many keys are worked on at once. */
  concurrency: number;
  work(key: string): Promise<Requeue | void>;
  /** Told of failures; the key is tried again with exponential backoff. May answer a longer first wait, in milliseconds. */
  failed(key: string, error: unknown, attempt: number): number | void;
}

const FIRST_BACKOFF_MS = 10;
const LONGEST_BACKOFF_MS = 300_000;

/** A deduplicating queue with delays and per-key backoff, as client-go's rate limited work queue. */
export function createQueue(options: QueueOptions): WorkQueue {
  const ready = new Set<string>();
  const running = new Map<string, Promise<void>>();
  const again = new Set<string>();
  const delays = createDelays(options.timers, (key) => add(key));
  const attempts = new Map<string, number>();
  let scheduled = false;
  let closed = false;

  function add(key: string, afterMs = 0): void {
    if (closed) return;
    if (afterMs > 0) return delays.plan(key, options.clock.now() + afterMs);
    if (running.has(key)) {
      again.add(key);
      return;
    }
    ready.add(key);
    if (!scheduled) setImmediate(drain);
    scheduled = true;
  }

  function drain(): void {
    scheduled = false;
    for (const key of ready) {
      if (closed || running.size >= options.concurrency) return;
      ready.delete(key);
      running.set(key, run(key));
    }
  }

  async function run(key: string): Promise<void> {
    // Starts in a later microtask, so that `running` holds the key before it can end.
    await Promise.resolve();
    try {
      const requeue = await options.work(key);
      attempts.delete(key);
      if (requeue) add(key, Math.max(requeue.afterMs, 1));
    } catch (error) {
      const attempt = countUp(attempts, key);
      const firstMs = (closed ? undefined : options.failed(key, error, attempt)) ?? FIRST_BACKOFF_MS;
      add(key, Math.min(firstMs * 2 ** (attempt - 1), LONGEST_BACKOFF_MS));
    } finally {
      running.delete(key);
      if (again.delete(key)) add(key);
      drain();
    }
  }

  return {
    add,
    idle: () => ready.size === 0 && running.size === 0,
    nextWakeMs: () => delays.earliestMs(),
    async [Symbol.asyncDispose]() {
      closed = true;
      ready.clear();
      delays.clear();
      await Promise.allSettled(running.values());
    },
  };
}

function countUp(counts: Map<string, number>, key: string): number {
  const next = (counts.get(key) ?? 0) + 1;
  counts.set(key, next);
  return next;
}

/** Keys that wait for their time; of two plans for a key the earlier one counts. */
interface Delays {
  plan(key: string, atMs: number): void;
  earliestMs(): number | null;
  clear(): void;
}

function createDelays(timers: Timers, due: (key: string) => void): Delays {
  const planned = new Map<string, { atMs: number; cancel: () => void }>();
  return {
    plan(key, atMs) {
      const known = planned.get(key);
      if (known && known.atMs <= atMs) return;
      known?.cancel();
      const cancel = timers.at(atMs, () => {
        planned.delete(key);
        due(key);
      });
      planned.set(key, { atMs, cancel });
    },
    earliestMs() {
      let earliest: number | null = null;
      for (const { atMs } of planned.values()) if (earliest === null || atMs < earliest) earliest = atMs;
      return earliest;
    },
    clear() {
      for (const { cancel } of planned.values()) cancel();
      planned.clear();
    },
  };
}

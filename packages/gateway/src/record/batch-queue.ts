import { setImmediate as soon, setTimeout as pause } from 'node:timers/promises';

/** What waits to be written, in order. */
export interface BatchQueue<T> {
  /** False after the end: nobody writes it any more. */
  add(one: T): boolean;
  /** Writes what is left, and answers what could not be written within `giveUpMs`. */
  close(giveUpMs: number): Promise<readonly T[]>;
}

const flushMs = 400;
const retryMs = 100;
const batchMax = 2_000;

/** Batches are written one at a time; one for which `write` answers false comes again, in its place. */
export function batchQueue<T>(write: (batch: readonly T[]) => Promise<boolean>): BatchQueue<T> {
  let waiting: T[] = [];
  let timer: NodeJS.Timeout | null = null;
  let writing: Promise<boolean> | null = null;
  let closed = false;

  function run(): void {
    timer = null;
    void writeSome().then((done) => {
      if (waiting.length === 0 || closed) return;
      if (done) run();
      else timer ??= setTimeout(run, flushMs);
    });
  }

  function writeSome(): Promise<boolean> {
    writing ??= writeBatch().finally(() => (writing = null));
    return writing;
  }

  async function writeBatch(): Promise<boolean> {
    const batch = waiting.slice(0, batchMax);
    if (batch.length === 0) return true;
    waiting = waiting.slice(batch.length);
    const done = await write(batch);
    if (!done) waiting = [...batch, ...waiting];
    return done;
  }

  return {
    add(one) {
      if (closed) return false;
      waiting.push(one);
      if (!writing) timer ??= setTimeout(run, flushMs);
      return true;
    },
    async close(giveUpMs) {
      // What was ended just now tells so a moment later.
      await soon();
      const until = performance.now() + giveUpMs;
      while (waiting.length > 0 || writing) {
        if (await writeSome()) continue;
        if (performance.now() >= until) break;
        await pause(retryMs);
      }
      closed = true;
      if (timer) clearTimeout(timer);
      return waiting;
    },
  };
}

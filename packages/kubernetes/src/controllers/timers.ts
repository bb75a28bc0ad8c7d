import type { Clock } from '@hexabase/kernel/clock.ts';

/** Runs functions at times of one clock; holds at most one timer of the platform, and none when nothing is planned. */
export interface Timers {
  /** Plans `run` for `atMs` (milliseconds since the epoch); the answer takes it back. */
  at(atMs: number, run: () => void): () => void;
  /** Runs what is due now. For tests that move the clock by hand. */
  fire(): void;
}

/** Arms one wake-up after `delayMs` and answers how to disarm it. */
export type Arm = (delayMs: number, wake: () => void) => () => void;

/** Node's timer, which does not keep the process alive. */
export const nodeArm: Arm = (delayMs, wake) => {
  const timer = setTimeout(wake, Math.min(Math.max(delayMs, 0), LONGEST_MS));
  timer.unref();
  return () => clearTimeout(timer);
};

const LONGEST_MS = 2_147_483_647;

const shared = new WeakMap<Clock, Timers>();

/** The timers of a clock, made when first asked for and shared by all clusters of the process. */
export function sharedTimers(clock: Clock): Timers {
  let timers = shared.get(clock);
  if (!timers) {
    timers = createTimers(clock, nodeArm);
    shared.set(clock, timers);
  }
  return timers;
}

interface Planned {
  atMs: number;
  run: (() => void) | null;
}

/** Timers over a binary heap. */
export function createTimers(clock: Clock, arm: Arm): Timers {
  const heap: Planned[] = [];
  let armedAtMs = Infinity;
  let disarm: () => void = () => undefined;

  function rearm(): void {
    while (heap[0] && heap[0].run === null) removeFirst(heap);
    const first = heap[0]?.atMs ?? Infinity;
    if (first === armedAtMs) return;
    disarm();
    armedAtMs = first;
    disarm = first === Infinity ? () => undefined : arm(first - clock.now(), fire);
  }

  function fire(): void {
    armedAtMs = Infinity;
    disarm();
    const now = clock.now();
    for (let first = heap[0]; first && first.atMs <= now; first = heap[0]) {
      removeFirst(heap);
      const run = first.run;
      first.run = null;
      run?.();
    }
    rearm();
  }

  return {
    at(atMs, run) {
      const planned: Planned = { atMs, run };
      insert(heap, planned);
      if (heap[0] === planned) rearm();
      return () => {
        planned.run = null;
        if (heap[0] === planned) rearm();
      };
    },
    fire,
  };
}

function insert(heap: Planned[], planned: Planned): void {
  let index = heap.push(planned) - 1;
  while (index > 0) {
    const parent = (index - 1) >> 1;
    const above = heap[parent];
    if (!above || above.atMs <= planned.atMs) break;
    heap[index] = above;
    index = parent;
  }
  heap[index] = planned;
}

function removeFirst(heap: Planned[]): void {
  const last = heap.pop();
  if (!last || heap.length === 0) return;
  let index = 0;
  for (;;) {
    const left = 2 * index + 1;
    const right = left + 1;
    const smaller = (heap[right]?.atMs ?? Infinity) < (heap[left]?.atMs ?? Infinity) ? right : left;
    const child = heap[smaller];
    if (!child || child.atMs >= last.atMs) break;
    heap[index] = child;
    index = smaller;
  }
  heap[index] = last;
}

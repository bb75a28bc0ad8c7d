import fc from 'fast-check';
import { fixedClock } from '@hexabase/kernel/clock.ts';
import { expect, it } from 'vitest';
import { createQueue } from './queue.ts';
import { createTimers } from './timers.ts';

const noTimer = () => () => undefined;
const turn = () => new Promise((resolve) => setImmediate(resolve));

it('timers run in order of time, and none that was taken back', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(1000), fc.boolean()), { maxLength: 50 }), (plans) => {
      const clock = fixedClock(0);
      const timers = createTimers(clock, noTimer);
      const ran: number[] = [];
      const cancels = plans.map(([atMs]) => timers.at(atMs, () => ran.push(atMs)));
      plans.forEach(([, isKept], index) => isKept || cancels[index]?.());
      clock.advance(1000);
      timers.fire();
      expect(ran).toEqual(
        plans
          .filter(([, isKept]) => isKept)
          .map(([atMs]) => atMs)
          .sort((a, b) => a - b),
      );
    }),
  );
});

it('only one timer of the platform is armed, for the earliest plan', () => {
  const armed: number[] = [];
  let open = 0;
  const timers = createTimers(fixedClock(0), (delayMs) => {
    armed.push(delayMs);
    open++;
    return () => void open--;
  });
  const cancel = timers.at(500, () => undefined);
  timers.at(900, () => undefined);
  timers.at(100, () => undefined)();
  cancel();
  expect([armed, open]).toEqual([[500, 100, 500, 900], 1]);
});

it('a key is never worked on twice at once, and a wake-up during work is not lost', async () => {
  const clock = fixedClock(0);
  let running = 0;
  let runs = 0;
  let release: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => (release = resolve));
  await using queue = createQueue({
    clock,
    timers: createTimers(clock, noTimer),
    concurrency: 4,
    failed: () => undefined,
    work: async () => {
      expect(++running).toBe(1);
      runs++;
      if (runs === 1) await gate;
      running--;
    },
  });
  queue.add('key');
  queue.add('key');
  await turn();
  queue.add('key');
  queue.add('key');
  release();
  for (let index = 0; index < 5; index++) await turn();
  expect([runs, queue.idle()]).toEqual([2, true]);
});

it('a failing key is tried again later and later', async () => {
  const clock = fixedClock(0);
  const timers = createTimers(clock, noTimer);
  const waits: number[] = [];
  await using queue = createQueue({
    clock,
    timers,
    concurrency: 1,
    failed: () => undefined,
    work: () => Promise.reject(new Error('no')),
  });
  queue.add('key');
  for (let attempt = 0; attempt < 4; attempt++) {
    for (let index = 0; index < 4; index++) await turn();
    const wakeMs = queue.nextWakeMs() ?? 0;
    waits.push(wakeMs - clock.now());
    clock.advance(wakeMs - clock.now());
    timers.fire();
  }
  expect(waits).toEqual([10, 20, 40, 80]);
});

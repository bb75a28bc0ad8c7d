import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { systemClock } from '@hexabase/kernel/clock.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { until } from '@hexabase/testkit/given.ts';
import { testDatabase } from '@hexabase/testkit/test-database.ts';
import { startEngine } from '../engine.ts';
import { enqueue } from '../queue.ts';
import type { Registration } from '../registration.ts';
import { Places } from './places.ts';

test('keys that took long leave half of the places to others, whatever their kind, until they do not any more', async () => {
  await using stack = new AsyncDisposableStack();
  const { database } = stack.use(await testDatabase());
  let hold = true;
  let [slowNow, mostSlow] = [0, 0];
  const runs = new Map<string, number>();
  const registration: Registration = {
    kind: 'any',
    share: 1,
    workflows: [],
    keys: async () => [],
    reconcile: async (_tools, { key }) => {
      runs.set(key, (runs.get(key) ?? 0) + 1);
      if (!key.startsWith('slow')) return { kind: 'gone' };
      mostSlow = Math.max(mostSlow, ++slowNow);
      await sleep(hold ? 400 : 20);
      slowNow--;
      // Due again at once, as by whoever asks for it again and again.
      return { kind: 'waiting', afterMs: 0 };
    },
  };
  const wake = (keys: readonly string[]) =>
    database.asWorker(async (tx) => {
      for (const key of keys) await enqueue(tx, 'any', key);
    });
  const slow = Array.from({ length: 6 }, (_, index) => `slow-${index}`);
  await wake(slow);
  const options = { database, registrations: [registration], clock: systemClock, log: silentLogger };
  stack.use(await startEngine({ ...options, concurrency: 4, slowMs: 300 }));
  // Until somebody has seen it they have all places.
  await until(async () => slow.every((key) => (runs.get(key) ?? 0) >= 2));
  expect(mostSlow).toBe(4);
  await until(async () => slowNow <= 2);
  mostSlow = 0;
  const before = runs.size;
  await wake(Array.from({ length: 20 }, (_, index) => `quick-${index}`));
  await until(async () => runs.size === before + 20);
  expect(mostSlow).toBeLessThanOrEqual(2);
  hold = false;
  await until(async () => mostSlow > 2);
});

test('slow keys have half of the places of their kind too, and who ends is known anew', () => {
  const kinds = [
    { kind: 'a', share: 1 },
    { kind: 'b', share: 1 / 3 },
  ];
  const places = new Places(kinds, { all: 12, slowMs: 100 });
  const keyOf = (kind: string, key: number) => ({ ...anyClaim, kind, key: String(key) });
  const ran = (kind: string, key: number, durationMs: number) => {
    places.take(keyOf(kind, key));
    return places.giveBack(keyOf(kind, key), durationMs);
  };
  for (let key = 0; key < 5; key++) ran('b', key, 200);
  expect(places.free(12)).toEqual({ kinds: ['a', 'b'], without: [], limit: 2 });
  places.take(keyOf('b', 0));
  places.take(keyOf('b', 1));
  // Of its four places two are left, and none of them for a slow one.
  expect(places.free(10)).toEqual({
    kinds: ['a', 'b'],
    without: ['b/0', 'b/1', 'b/2', 'b/3', 'b/4'],
    limit: 2,
  });
  expect(ran('b', 7, 5)).toBe(false);
  expect(places.giveBack(keyOf('b', 0), 5)).toBe(true);
  expect(places.free(11)).toEqual({ kinds: ['a', 'b'], without: [], limit: 1 });
  for (let key = 0; key < 9; key++) ran('a', key, 200);
  for (let key = 0; key < 5; key++) places.take(keyOf('a', key));
  // With the one of `b` slow ones have half of all.
  expect(places.free(6).without).toHaveLength(4 + 9);
});

const anyClaim = { fence: 1, attempts: 0, wishes: '0', stalledSince: null };

test('a kind whose work takes as long as others like leaves places for every other kind, and gets each of its own again', async () => {
  await using stack = new AsyncDisposableStack();
  const { database } = stack.use(await testDatabase());
  const begun = new Map<string, () => void>();
  const seen: string[] = [];
  let mostSlow = 0;
  const slow: Registration = {
    kind: 'slow',
    share: 0.5,
    workflows: [],
    keys: async () => [],
    reconcile: async (_tools, { key }) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      begun.set(key, resolve);
      mostSlow = Math.max(mostSlow, begun.size);
      await promise;
      begun.delete(key);
      seen.push(key);
      return { kind: 'gone' };
    },
  };
  const quick: Registration = {
    kind: 'quick',
    share: 1,
    workflows: [],
    keys: async () => [],
    reconcile: async (_tools, { key }) => {
      seen.push(key);
      return { kind: 'gone' };
    },
  };
  const wake = (kind: string, count: number) =>
    database.asWorker(async (tx) => {
      for (let one = 0; one < count; one++) await enqueue(tx, kind, `${kind}-${one}`);
    });
  await wake('slow', 7);
  const registrations = [slow, quick];
  stack.use(
    await startEngine({ database, registrations, clock: systemClock, log: silentLogger, concurrency: 4 }),
  );
  stack.defer(() => begun.forEach((end) => end()));
  await until(async () => begun.size === 2);
  await wake('quick', 5);
  await until(async () => seen.length === 5);
  expect(seen.every((key) => key.startsWith('quick-'))).toBe(true);
  const startedMs = performance.now();
  await until(async () => {
    for (const end of begun.values()) end();
    return seen.length === 12;
  });
  // Long before the queue would be looked at without a wake-up.
  expect(performance.now() - startedMs).toBeLessThan(4_000);
  expect(mostSlow).toBe(2);
});

import { expect, it } from 'vitest';
import { retryAfterMsOf } from './retry-after.ts';

const busy = (retryAfterMs: unknown, cause?: unknown): Error =>
  Object.assign(new Error('busy', { cause }), { retryAfterMs });

it('finds how long to wait in whatever caused an error', () => {
  expect(retryAfterMsOf(busy(7_000))).toBe(7_000);
  expect(retryAfterMsOf(new Error('in words', { cause: new Error('more', { cause: busy(3_000) }) }))).toBe(
    3_000,
  );
  expect(retryAfterMsOf(busy(null, busy(2_000)))).toBe(2_000);
});

it('believes nobody who asks for days, and makes nothing up', () => {
  expect(retryAfterMsOf(busy(1e12))).toBe(3_600_000);
  for (const none of [busy(null), busy('7'), busy(-1), busy(Number.NaN), new Error('x'), 'x', undefined])
    expect(retryAfterMsOf(none)).toBeNull();
});

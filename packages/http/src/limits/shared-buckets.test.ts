import { fixedClock } from '@hexabase/kernel/clock.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { describe, expect, it } from 'vitest';
import { createSharedBuckets, type Booking } from './shared-buckets.ts';

const burst = 2_000;
const bucket = { key: 'session s1', burst, perSecond: 1_000 };

function booked() {
  const calls: (readonly Booking[])[] = [];
  const buckets = createSharedBuckets({
    clock: fixedClock(1_000_000),
    log: silentLogger,
    book: async (bookings) => {
      calls.push(bookings);
      return bookings.map(({ key, wanted }) => ({ key, granted: wanted, left: burst }));
    },
  });
  return { buckets, calls };
}

describe('booking', () => {
  it('is not waited for while less than a lease is used, and one lease does for many requests', async () => {
    const { buckets, calls } = booked();
    for (let request = 0; request < 100; request += 1)
      expect((await buckets.take(bucket)).allowed).toBe(true);
    expect(calls).toHaveLength(0);
    for (let request = 0; request < 900; request += 1) await buckets.take(bucket);
    expect(calls.length).toBeGreaterThan(0);
    expect(calls.length).toBeLessThanOrEqual(10);
  });

  it('is one statement for all buckets that need it in the same moment', async () => {
    const { buckets, calls } = booked();
    const keys = Array.from({ length: 300 }, (_, at) => `session ${at}`);
    await Promise.all(keys.map((key) => buckets.take({ key, burst: 1, perSecond: 1 })));
    await Promise.all(keys.map((key) => buckets.take({ key, burst: 1, perSecond: 1 })));
    expect(calls.map((bookings) => bookings.length)).toEqual([300]);
  });

  it('pays what was let through before it, even where the bucket has less', async () => {
    const { buckets, calls } = booked();
    for (let request = 0; request < 101; request += 1) await buckets.take(bucket);
    expect(calls[0]).toMatchObject([{ key: bucket.key, owed: 100 }]);
  });
});

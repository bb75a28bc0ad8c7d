import type { Clock } from '@hexabase/kernel/clock.ts';

export interface Bucket {
  key: string;
  /** Requests that may come at once. */
  burst: number;
  /** Requests per second that are given back. */
  perSecond: number;
}

/** What this process may let through of a bucket without asking. */
export interface Allowance {
  bucket: Bucket;
  /** Leased requests; below zero those that were let through before they were booked. */
  here: number;
  /** Let through since the last booking was sent. */
  spent: number;
  /** Requests that wait for a booking. */
  waiting: number;
  /** In the shared bucket, when it was last asked. */
  left: number;
  /** When it was last asked. */
  atMs: number;
  /** The bucket had plenty, or is new here: up to one lease may be let through before it is booked. */
  onCredit: boolean;
  emptyUntilMs: number;
}

/** A replica leases a twentieth of a bucket at a time. */
const leases = 20;
const allowancesMax = 50_000;
const keptMsMin = 60_000;

/** How many requests a replica takes in advance. */
export function lease({ burst }: Bucket): number {
  return Math.max(1, Math.ceil(burst / leases));
}

export function spendable({ here, onCredit, bucket }: Allowance): number {
  return here + (onCredit ? lease(bucket) : 0);
}

/** The allowances that were used last; those of buckets that have filled up meanwhile begin anew. */
export function createAllowances(clock: Clock): { of(bucket: Bucket): Allowance } {
  const allowances = new Map<string, Allowance>();
  return {
    of(bucket) {
      const nowMs = clock.now();
      const known = allowances.get(bucket.key);
      const keptMs = Math.max(keptMsMin, (bucket.burst / bucket.perSecond) * 1_000);
      const allowance = known && nowMs - known.atMs <= keptMs ? known : fullAllowance(bucket, nowMs);
      // Taken out and put in again, so that the oldest stands first when there are too many.
      allowances.delete(bucket.key);
      allowances.set(bucket.key, allowance);
      const [oldest] = allowances.size > allowancesMax ? allowances.keys() : [];
      if (oldest !== undefined) allowances.delete(oldest);
      return allowance;
    },
  };
}

function fullAllowance(bucket: Bucket, atMs: number): Allowance {
  const counts = { here: 0, spent: 0, waiting: 0, emptyUntilMs: 0 };
  return { bucket, ...counts, left: bucket.burst, atMs, onCredit: true };
}

/** What the bucket gives as far as this process knows it: the same sum that PostgreSQL makes for all. */
export function bookAlone(
  { bucket, left, atMs }: Pick<Allowance, 'bucket' | 'left' | 'atMs'>,
  { owed, wanted }: { owed: number; wanted: number },
  nowMs: number,
): { key: string; granted: number; left: number } {
  const refilled = left + (Math.max(0, nowMs - atMs) / 1_000) * bucket.perSecond;
  const there = Math.min(bucket.burst, refilled) - owed;
  const granted = Math.max(0, Math.min(wanted, Math.floor(there)));
  return { key: bucket.key, granted, left: there - granted };
}

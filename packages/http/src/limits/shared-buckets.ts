import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '@hexabase/kernel/clock.ts';
import type { Logger } from '@hexabase/kernel/log.ts';
import { bookAlone, createAllowances, lease, spendable, type Allowance, type Bucket } from './allowance.ts';

/** What a bucket is asked for, in requests. */
export interface Booking extends Bucket {
  /** Were let through already: taken even if the bucket then lacks them. */
  owed: number;
  /** Taken as far as the bucket has them. */
  wanted: number;
}

export interface Booked {
  key: string;
  granted: number;
  /** Whole and parts of requests that are left; below zero after more was owed than there was. */
  left: number;
}

/** Takes from the buckets that all replicas share. The order of the answers does not matter. */
export type BookRequests = (bookings: readonly Booking[]) => Promise<readonly Booked[]>;

export interface Taken {
  allowed: boolean;
  /** In the bucket, as far as this process knows. */
  left: number;
  /** Until it is worth coming again. */
  waitMs: number;
}

export interface SharedBuckets {
  take(bucket: Bucket): Promise<Taken>;
  /** The same without waiting; null where something has to be booked first, and nothing was taken. */
  takeNow(bucket: Bucket): Taken | null;
}

export interface SharedBucketsOptions {
  clock: Clock;
  log: Logger;
  /** Absent where this process is the only one. */
  book: BookRequests | undefined;
}

/** Below a quarter of a bucket nothing is let through before it is booked: other replicas take from it too. */
const creditPart = 0.25;
const bookEveryMs = 25;
const bookingsMax = 1_000;
const patienceMs = 500;
const awayMs = 1_000;

/**
 * Token buckets that hold for all replicas together. Each replica leases requests in advance, many buckets in one
 * statement and in the background; a request waits for that only when its bucket is used faster than it is booked.
 * What is let through is booked in the end; a replica that meets an empty bucket for the first time passes one lease.
 * While the database does not answer, this process goes on with the buckets as it last knew them.
 */
export function createSharedBuckets(options: SharedBucketsOptions): SharedBuckets {
  const { clock } = options;
  const allowances = createAllowances(clock);
  const bookings = createBookings(options);

  /** Null: it is not known without a booking. */
  function mayPassNow(allowance: Allowance): boolean | null {
    if (spendable(allowance) < 1) return clock.now() < allowance.emptyUntilMs ? false : null;
    allowance.here -= 1;
    allowance.spent += 1;
    return true;
  }

  async function mayPass(allowance: Allowance): Promise<boolean> {
    // Each turn either finds one or learns that the bucket is empty.
    for (;;) {
      const allowed = mayPassNow(allowance);
      if (allowed !== null) return allowed;
      allowance.waiting += 1;
      await bookings.now(allowance).finally(() => (allowance.waiting -= 1));
    }
  }

  function taken(allowance: Allowance, allowed: boolean): Taken {
    if (allowance.spent >= lease(allowance.bucket) / 2) bookings.soon(allowance);
    const nowMs = clock.now();
    return { allowed, left: leftIn(allowance, nowMs), waitMs: Math.max(0, allowance.emptyUntilMs - nowMs) };
  }

  return {
    async take(bucket) {
      const allowance = allowances.of(bucket);
      return taken(allowance, await mayPass(allowance));
    },
    takeNow(bucket) {
      const allowance = allowances.of(bucket);
      const allowed = mayPassNow(allowance);
      return allowed === null ? null : taken(allowance, allowed);
    },
  };
}

/** One statement at a time, for all that is due then. */
function createBookings(options: SharedBucketsOptions) {
  const { clock } = options;
  const due = new Set<Allowance>();
  const ask = patientlyAsk(options);
  // A booking is for many, and part of no one's request or transaction.
  const apart = AsyncLocalStorage.snapshot();
  let booking: Promise<void> | null = null;
  let timer: NodeJS.Timeout | null = null;

  async function bookDue(): Promise<void> {
    // What comes in the same turn goes along.
    await nextTurn();
    const asked = [...due].slice(0, bookingsMax).map((allowance) => {
      due.delete(allowance);
      allowance.spent = 0;
      return { allowance, booking: bookingOf(allowance) };
    });
    const booked = await ask(asked.map((one) => one.booking));
    const atMs = clock.now();
    for (const { allowance, booking: of } of asked)
      settle(allowance, of, { ...(booked.get(of.key) ?? bookAlone(allowance, of, atMs)), atMs });
    if (due.size > 0) wakeSoon();
  }

  function wake(): Promise<void> {
    booking ??= apart(bookDue).finally(() => {
      booking = null;
    });
    return booking;
  }

  function wakeSoon(): void {
    timer ??= setTimeout(() => {
      timer = null;
      void wake();
    }, bookEveryMs).unref();
  }

  return {
    /** Resolves after the next booking, of which the allowance may not be part yet. */
    now(allowance: Allowance): Promise<void> {
      due.add(allowance);
      return wake();
    },
    soon(allowance: Allowance): void {
      due.add(allowance);
      wakeSoon();
    },
  };
}

function settle(
  allowance: Allowance,
  { owed }: Booking,
  { granted, left, atMs }: Booked & { atMs: number },
): void {
  const { burst, perSecond } = allowance.bucket;
  const neededMs = Math.max(bookEveryMs, ((1 - left) / perSecond) * 1_000);
  Object.assign(allowance, {
    left,
    atMs,
    onCredit: left >= burst * creditPart,
    here: allowance.here + owed + granted,
  });
  allowance.emptyUntilMs = granted < 1 && allowance.here < 1 ? atMs + neededMs : 0;
}

function leftIn({ bucket, left, here, atMs }: Allowance, nowMs: number): number {
  const refilled = left + ((nowMs - atMs) / 1_000) * bucket.perSecond;
  return Math.floor(Math.max(0, Math.min(bucket.burst, refilled + here)));
}

function bookingOf({ bucket, here, waiting }: Allowance): Booking {
  const owed = Math.max(0, -here);
  return { ...bucket, owed, wanted: Math.max(0, lease(bucket) + waiting - here - owed) };
}

/** Answers nothing, after half a second at most, while the database is away; it is asked again a second later. */
function patientlyAsk({ book, clock, log }: SharedBucketsOptions) {
  let awayUntilMs = 0;
  return async (bookings: readonly Booking[]): Promise<ReadonlyMap<string, Booked>> => {
    if (!book || bookings.length === 0 || clock.now() < awayUntilMs) return new Map();
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(new Error('no answer in time')), patienceMs);
    try {
      const booked = await Promise.race([book(bookings), late.promise]);
      return new Map(booked.map((one) => [one.key, one]));
    } catch (error) {
      awayUntilMs = clock.now() + awayMs;
      log.warn({ error }, 'rate limits are not shared while the database does not answer');
      return new Map();
    } finally {
      clearTimeout(timer);
    }
  };
}

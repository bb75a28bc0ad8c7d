import { hash } from 'node:crypto';
import type { Database, Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';

/** What one bucket of the rate limits is asked for, in requests. */
export interface RequestBooking {
  key: string;
  owed: number;
  wanted: number;
  burst: number;
  perSecond: number;
}

/** Long after every bucket has filled up again, which it does within its burst ÷ rate. */
const untouchedKeptMs = 3_600_000;

/** Takes from the buckets that all replicas share: one statement, whatever their number. Addresses are kept as hashes. */
export async function bookRequests(
  database: Database,
  bookings: readonly RequestBooking[],
): Promise<{ key: string; granted: number; left: number }[]> {
  const keys = new Map(bookings.map(({ key }) => [hash('sha256', key, 'base64url'), key]));
  const column = (name: 'owed' | 'wanted' | 'burst' | 'perSecond') =>
    bookings.map((booking) => booking[name]);
  const { rows } = await database.asIdentity(
    (tx) =>
      sql<{ key: string; granted: number; remaining: number }>`
        SELECT key, granted, remaining FROM hexabase.book_requests(${[...keys.keys()]}::text[],
          ${column('owed')}::float8[], ${column('wanted')}::float8[],
          ${column('burst')}::float8[], ${column('perSecond')}::float8[])`.execute(tx),
    { oneStatement: true },
  );
  return rows.map(({ key, granted, remaining }) => ({ key: keys.get(key) ?? key, granted, left: remaining }));
}

/** Removes buckets that are full again, which a new row would be too. */
export async function pruneRequestBuckets(tx: Tx, nowMs: number): Promise<void> {
  await sql`DELETE FROM hexabase.request_buckets WHERE at < ${new Date(nowMs - untouchedKeptMs)}`.execute(tx);
}

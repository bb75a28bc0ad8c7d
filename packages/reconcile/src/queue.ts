import { sql } from 'kysely';
import type { Database, Tx } from '@hexabase/postgres/database.ts';

/**
 * A key that this worker may work on until the lease ends. The fence rises with every claim of the key, and follows the
 * clock so that it also rises when the key was forgotten in between.
 */
export interface Claim {
  kind: string;
  key: string;
  fence: number;
  attempts: number;
  /** Wake-ups counted when claimed; more at release mean that something changed meanwhile. */
  wishes: string;
  stalledSince: Date | null;
}

/** A worker at the queue; `owner` is its own name, new at every start. */
export interface QueueUser {
  database: Database;
  owner: string;
}

export interface Release {
  delayMs: number;
  attempts: number;
  stalled: boolean;
  lastError: string | null;
}

/** By the database's clock. */
export const leaseSeconds = 30;

/** Wakes a key in the caller's transaction; workers hear of it when that commits. Safe to repeat. */
export async function enqueue(tx: Tx, kind: string, key: string): Promise<void> {
  await sql`select hexabase.enqueue(${kind}, ${key})`.execute(tx);
}

/** Takes up to `limit` keys that are due and that nobody holds; none of those `without`, which are `kind/key`. */
export async function claimDue(
  { database, owner }: QueueUser,
  { kinds, without, limit }: { kinds: readonly string[]; without: readonly string[]; limit: number },
): Promise<Claim[]> {
  const { rows } = await database.asWorker(
    (tx) =>
      sql<{
        kind: string;
        key: string;
        fence: string;
        attempts: number;
        wishes: string;
        stalledSince: Date | null;
      }>`
      with due as (
        select kind, key from hexabase.reconcile_queue
        where due_at <= now() and kind = any (${[...kinds]}::text[])
          and (lease_expires_at is null or lease_expires_at <= now())
          and kind || '/' || key <> all (${[...without]}::text[])
        order by due_at limit ${limit} for update skip locked
      )
      update hexabase.reconcile_queue q
        set lease_owner = ${owner}, lease_expires_at = now() + make_interval(secs => ${leaseSeconds}),
            fence = greatest(q.fence + 1, (extract(epoch from now()) * 1000)::bigint), updated_at = now()
      from due where q.kind = due.kind and q.key = due.key
      returning q.kind, q.key, q.fence, q.attempts, q.wishes, q.stalled_since as "stalledSince"`.execute(tx),
    { oneStatement: true },
  );
  return rows.map((row) => ({ ...row, fence: Number(row.fence) }));
}

/**
 * Lets a key go. A wake-up that came meanwhile makes it due at once. Does nothing when the lease was lost.
 * Answers how long until it is due again, in milliseconds.
 */
export async function release({ database, owner }: QueueUser, claim: Claim, next: Release): Promise<number> {
  const { rows } = await database.asWorker(
    (tx) =>
      sql<{ ms: number }>`update hexabase.reconcile_queue set
          lease_owner = null, lease_expires_at = null, attempts = ${next.attempts}, last_error = ${next.lastError},
          stalled_since = case when ${next.stalled} then coalesce(stalled_since, now()) end,
          due_at = case when wishes > ${claim.wishes} then now() else now() + make_interval(secs => ${next.delayMs / 1000}) end,
          updated_at = now()
        where kind = ${claim.kind} and key = ${claim.key} and fence = ${claim.fence} and lease_owner = ${owner}
        returning (extract(epoch from due_at - now()) * 1000)::float8 as ms`.execute(tx),
    { oneStatement: true },
  );
  return Math.max(0, rows[0]?.ms ?? next.delayMs);
}

/** Removes a key whose thing is gone, unless somebody woke it meanwhile: then it is due at once, and this answers true. */
export async function forget({ database, owner }: QueueUser, claim: Claim): Promise<boolean> {
  const { rows } = await database.asWorker(
    (tx) =>
      sql`with gone as (
          delete from hexabase.reconcile_queue
          where kind = ${claim.kind} and key = ${claim.key} and fence = ${claim.fence} and wishes = ${claim.wishes}
          returning 1
        )
        update hexabase.reconcile_queue set lease_owner = null, lease_expires_at = null, due_at = now()
        where kind = ${claim.kind} and key = ${claim.key} and fence = ${claim.fence} and lease_owner = ${owner}
          and not exists (select from gone)
        returning 1`.execute(tx),
    { oneStatement: true },
  );
  return rows.length > 0;
}

/** Prolongs these leases; answers those still held, as `kind/key/fence`. */
export async function renew({ database, owner }: QueueUser, claims: readonly Claim[]): Promise<Set<string>> {
  const names = claims.map(claimName);
  const { rows } = await database.asWorker(
    (tx) =>
      sql<{ held: string }>`
      update hexabase.reconcile_queue set lease_expires_at = now() + make_interval(secs => ${leaseSeconds})
      where lease_owner = ${owner} and kind || '/' || key || '/' || fence = any (${names}::text[])
      returning kind || '/' || key || '/' || fence as held`.execute(tx),
    { oneStatement: true },
  );
  return new Set(rows.map((row) => row.held));
}

export function claimName(claim: Claim): string {
  return `${claim.kind}/${claim.key}/${claim.fence}`;
}

/** Lets everything of this worker go at once, so that another need not wait for the leases to end. */
export async function releaseAll({ database, owner }: QueueUser): Promise<void> {
  await database.asWorker(
    (tx) =>
      sql`update hexabase.reconcile_queue set lease_owner = null, lease_expires_at = null, due_at = now()
        where lease_owner = ${owner}`.execute(tx),
    { oneStatement: true },
  );
}

/**
 * Adds keys that have no row. A few are due at once; many are spread, 20 a second and a minute at most, as everything at
 * once after a start would be a herd.
 */
export async function addMissing(tx: Tx, kind: string, keys: readonly string[]): Promise<void> {
  if (keys.length === 0) return;
  await sql`
    with missing as (
      select wanted.key from unnest(${[...keys]}::text[]) as wanted (key)
      where not exists (select from hexabase.reconcile_queue q where q.kind = ${kind} and q.key = wanted.key)
    ), size as (select greatest(0, count(*) - 50) as many from missing)
    insert into hexabase.reconcile_queue (kind, key, due_at)
    select ${kind}, missing.key, now() + random() * least(60, size.many / 20.0) * interval '1 second'
    from missing, size on conflict (kind, key) do nothing`.execute(tx);
}

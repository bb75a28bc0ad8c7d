import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';
import type { AuditRow } from './audit-row.ts';
import type { ChainHead } from './link-hash.ts';

/** Entries that have no place in a chain yet, oldest first. */
export async function unchainedRows(tx: Tx, limit: number): Promise<AuditRow[]> {
  const { rows } = await sql<AuditRow>`
    select * from audit_entries where sequence is null order by id limit ${limit}`.execute(tx);
  return rows;
}

/** Only one chainer works at a time, in the whole installation. False when another one does. */
export async function holdChain(tx: Tx): Promise<boolean> {
  const { rows } = await sql<{ held: boolean }>`select pg_try_advisory_xact_lock(7239010) as held`.execute(
    tx,
  );
  return rows[0]?.held ?? false;
}

/** The ends of these chains; of all when none are named. */
export async function chainHeads(tx: Tx, chains?: readonly string[]): Promise<Map<string, ChainHead>> {
  const named = chains === undefined ? sql`` : sql`where organization_id = any (${[...chains]})`;
  const { rows } = await sql<{ organization_id: string; sequence: string; hash: string }>`
    select organization_id, sequence, hash from audit_heads ${named} order by organization_id`.execute(tx);
  return new Map(
    rows.map((row) => [row.organization_id, { sequence: Number(row.sequence), hash: row.hash }]),
  );
}

export interface ChainLink extends ChainHead {
  id: string;
}

export async function writeChain(
  tx: Tx,
  links: readonly ChainLink[],
  heads: ReadonlyMap<string, ChainHead>,
): Promise<void> {
  await sql`
    update audit_entries a set sequence = l.sequence, hash = l.hash
    from jsonb_to_recordset(${JSON.stringify(links)}::jsonb) as l (id text, sequence bigint, hash text)
    where a.id = l.id`.execute(tx);
  const ends = [...heads].map(([organizationId, head]) => ({ organization_id: organizationId, ...head }));
  await sql`
    insert into audit_heads (organization_id, sequence, hash)
    select organization_id, sequence, hash
    from jsonb_to_recordset(${JSON.stringify(ends)}::jsonb) as h (organization_id text, sequence bigint, hash text)
    on conflict (organization_id) do update set sequence = excluded.sequence, hash = excluded.hash, updated_at = now()`.execute(
    tx,
  );
}

/** A stretch of a chain in order, after `sequence`. */
export async function chainedRows(
  tx: Tx,
  { chain, after, limit }: { chain: string; after: number; limit: number },
): Promise<AuditRow[]> {
  const { rows } = await sql<AuditRow>`
    select * from audit_entries where chain = ${chain} and sequence > ${after}
    order by sequence limit ${limit}`.execute(tx);
  return rows;
}

/** Every chain that there is a head or an entry of. */
export async function allChains(tx: Tx): Promise<string[]> {
  const { rows } = await sql<{ chain: string }>`
    select organization_id as chain from audit_heads
    union select chain from audit_entries union select chain from audit_checkpoints order by chain`.execute(
    tx,
  );
  return rows.map((row) => row.chain);
}

export interface Checkpoint extends ChainHead {
  signedAt: string;
  signature: string;
}

/** Where a chain begins whose oldest entries are gone; null for one that is whole. */
export async function findCheckpoint(tx: Tx, chain: string): Promise<Checkpoint | null> {
  const { rows } = await sql<{ sequence: string; hash: string; signed_at: Date; signature: string }>`
    select sequence, hash, signed_at, signature from audit_checkpoints where chain = ${chain}`.execute(tx);
  const [row] = rows;
  if (!row) return null;
  const { hash, signature } = row;
  return { sequence: Number(row.sequence), hash, signature, signedAt: row.signed_at.toISOString() };
}

export async function saveCheckpoint(tx: Tx, chain: string, at: Checkpoint): Promise<void> {
  await sql`
    insert into audit_checkpoints (chain, sequence, hash, signed_at, signature)
    values (${chain}, ${at.sequence}, ${at.hash}, ${new Date(at.signedAt)}, ${at.signature})
    on conflict (chain) do update set sequence = excluded.sequence, hash = excluded.hash,
      signed_at = excluded.signed_at, signature = excluded.signature`.execute(tx);
}

/**
 * Chains with something older than they keep, and the last place up to which everything is. What earlier shortenings wrote
 * goes with the next thing, or each would be the reason for another.
 */
export async function prunable(tx: Tx): Promise<{ chain: string; head: ChainHead }[]> {
  const { rows } = await sql<{ chain: string; sequence: string; hash: string }>`
    with old as (
      select h.organization_id as chain, first.sequence as first, due.cutoff from audit_heads h
      cross join lateral (select hexabase.audit_cutoff(h.organization_id) as cutoff) as due
      cross join lateral (select e.sequence, e.created_at from audit_entries e
        where e.chain = h.organization_id and e.sequence is not null order by e.sequence limit 1) as first
      where first.created_at < due.cutoff
    ), ranges as (
      select chain, first, coalesce((select y.sequence from audit_entries y
        where y.chain = old.chain and y.sequence is not null and y.created_at >= old.cutoff
        order by y.sequence limit 1), 9223372036854775807) as young from old
    )
    select r.chain, last.sequence, last.hash from ranges r
    cross join lateral (select e.sequence, e.hash from audit_entries e
      where e.chain = r.chain and e.sequence >= r.first and e.sequence < r.young
      order by e.sequence desc limit 1) as last
    where exists (select from audit_entries e where e.chain = r.chain and e.sequence >= r.first
      and e.sequence < r.young and e.action <> 'audit.prune')`.execute(tx);
  return rows.map(({ chain, sequence, hash }) => ({ chain, head: { sequence: Number(sequence), hash } }));
}

/** Removes what lies before the checkpoint and is old enough; answers how many. */
export async function removePruned(tx: Tx, chain: string): Promise<number> {
  const { rows } = await sql<{ removed: string }>`select hexabase.prune_audit(${chain}) as removed`.execute(
    tx,
  );
  return Number(rows[0]?.removed ?? 0);
}

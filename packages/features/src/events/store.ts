import type { AuditEvent } from '@hexabase/contract/event.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';
import { offsetOf, orderBy, type PageQuery } from '../run/paging.ts';

export interface AuditRow {
  id: string;
  organization_id: string | null;
  /** bigint: text in the driver. */
  sequence: string | null;
  actor_id: string | null;
  actor_email: string | null;
  action: string;
  target: string;
  outcome: AuditEvent['outcome'];
  request_id: string;
  details: Record<string, unknown>;
  hash: string | null;
  created_at: Date;
}

const sortable = { createdAt: 'created_at', action: 'action' } as const;

export async function listAuditRows(
  tx: Tx,
  organizationId: string,
  query: PageQuery & { action?: string | undefined },
): Promise<{ data: AuditEvent[]; total: number }> {
  const order = orderBy(query.sort, sortable, { column: 'created_at', direction: 'desc' });
  const direction = order.direction === 'asc' ? sql`asc` : sql`desc`;
  const where = sql`organization_id = ${organizationId}
    ${query.action === undefined ? sql`` : sql`and action = ${query.action}`}`;
  const { rows } = await sql<AuditRow>`
    select * from audit_entries where ${where}
    order by ${sql.ref(order.column)} ${direction}, id ${direction}
    limit ${query.limit} offset ${offsetOf(query)}`.execute(tx);
  const counted = await sql<{
    total: number;
  }>`select count(*)::integer as total from audit_entries where ${where}`.execute(tx);
  return { data: rows.map((row) => toEvent(row, organizationId)), total: counted.rows[0]?.total ?? 0 };
}

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

export interface ChainHead {
  sequence: number;
  hash: string;
}

/** The ends of the chains of these organizations; entries of no organization have a chain under ''. */
export async function chainHeads(
  tx: Tx,
  organizationIds: readonly string[],
): Promise<Map<string, ChainHead>> {
  const { rows } = await sql<{ organization_id: string; sequence: string; hash: string }>`
    select organization_id, sequence, hash from audit_heads where organization_id = any (${[...organizationIds]})`.execute(
    tx,
  );
  return new Map(
    rows.map((row) => [row.organization_id, { sequence: Number(row.sequence), hash: row.hash }]),
  );
}

export interface ChainLink extends ChainHead {
  id: string;
  organizationId: string;
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

/** A stretch of one organization's chain in order, after `sequence`. */
export async function chainedRows(
  tx: Tx,
  { organizationId, after, limit }: { organizationId: string; after: number; limit: number },
): Promise<AuditRow[]> {
  const { rows } = await sql<AuditRow>`
    select * from audit_entries
    where coalesce(organization_id, '') = ${organizationId} and sequence > ${after}
    order by sequence limit ${limit}`.execute(tx);
  return rows;
}

function toEvent(row: AuditRow, organizationId: string): AuditEvent {
  return {
    id: row.id,
    organizationId,
    sequence: row.sequence === null ? null : Number(row.sequence),
    actorId: row.actor_id,
    actorEmail: row.actor_email,
    action: row.action,
    target: row.target,
    outcome: row.outcome,
    requestId: row.request_id,
    details: row.details,
    hash: row.hash,
    createdAt: row.created_at.toISOString(),
  };
}

import { createHash } from 'node:crypto';
import type { Database } from '@hexabase/postgres/database.ts';
import {
  chainedRows,
  chainHeads,
  holdChain,
  unchainedRows,
  writeChain,
  type AuditRow,
  type ChainHead,
  type ChainLink,
} from './store.ts';

const batchSize = 1_000;

/**
 * Gives audit entries their place in the hash chain of their organization, one batch; answers how many. Call it again
 * at once while it answers more than none. Requests write entries without a place, so that they never wait for a chain.
 */
export async function chainAuditEntries(database: Database): Promise<number> {
  return database.asWorker(async (tx) => {
    if (!(await holdChain(tx))) return 0;
    const rows = await unchainedRows(tx, batchSize);
    if (rows.length === 0) return 0;
    const heads = await chainHeads(tx, [...new Set(rows.map(chainOf))]);
    const links: ChainLink[] = rows.map((row) => {
      const previous = heads.get(chainOf(row)) ?? { sequence: 0, hash: '' };
      const head = { sequence: previous.sequence + 1, hash: linkHash(previous, row) };
      heads.set(chainOf(row), head);
      return { ...head, id: row.id, organizationId: chainOf(row) };
    });
    await writeChain(tx, links, heads);
    return links.length;
  });
}

/** Recomputes one organization's chain; answers the first sequence that does not fit, or null when it is whole. */
export async function findBrokenLink(database: Database, organizationId: string): Promise<number | null> {
  return database.asWorker(async (tx) => {
    let previous: ChainHead = { sequence: 0, hash: '' };
    for (;;) {
      const rows = await chainedRows(tx, { organizationId, after: previous.sequence, limit: batchSize });
      for (const row of rows) {
        const expected = { sequence: previous.sequence + 1, hash: linkHash(previous, row) };
        if (Number(row.sequence) !== expected.sequence || row.hash !== expected.hash)
          return expected.sequence;
        previous = expected;
      }
      if (rows.length < batchSize) break;
    }
    const head = (await chainHeads(tx, [organizationId])).get(organizationId);
    return head && head.sequence !== previous.sequence ? previous.sequence + 1 : null;
  });
}

/** SHA-256 over the previous hash and the entry as canonical JSON (keys in the order given here, details sorted). */
function linkHash(previous: ChainHead, row: AuditRow): string {
  const entry = [
    previous.sequence + 1,
    row.id,
    row.organization_id,
    row.actor_id,
    row.actor_email,
    row.action,
    row.target,
    row.outcome,
    row.request_id,
    canonical(row.details),
    row.created_at.toISOString(),
  ];
  return createHash('sha256').update(previous.hash).update('\n').update(JSON.stringify(entry)).digest('hex');
}

function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.map(([key, item]) => [key, canonical(item)]);
}

function chainOf(row: AuditRow): string {
  return row.organization_id ?? '';
}

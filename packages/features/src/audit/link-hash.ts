import { createHash } from 'node:crypto';
import type { AuditRow } from './audit-row.ts';

/** The end of a chain, or a place in it. */
export interface ChainHead {
  sequence: number;
  hash: string;
}

/** Where a chain begins that nothing was ever removed from. */
export const chainStart: ChainHead = { sequence: 0, hash: '' };

/** SHA-256 over the previous hash and the entry as canonical JSON (keys in the order given here, details sorted). */
export function linkHash(previous: ChainHead, row: AuditRow): string {
  const entry = row.version === 1 ? firstForm(previous, row) : secondForm(previous, row);
  return createHash('sha256').update(previous.hash).update('\n').update(JSON.stringify(entry)).digest('hex');
}

/** Of entries from before address, agent, person, workspace and grant were kept. */
function firstForm(previous: ChainHead, row: AuditRow): unknown[] {
  return [
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
}

function secondForm(previous: ChainHead, row: AuditRow): unknown[] {
  return [
    row.version,
    ...firstForm(previous, row),
    row.person_id,
    row.seen_by,
    row.workspace_id,
    row.access_grant_id,
    row.address,
    row.agent,
  ];
}

function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.map(([key, item]) => [key, canonical(item)]);
}

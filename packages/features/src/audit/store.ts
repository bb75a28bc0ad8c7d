import type { AuditEntry, AuditFilters } from '@hexabase/contract/audit.ts';
import { canonicalEmail } from '@hexabase/kernel/text/email-address.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql, type RawBuilder } from 'kysely';
import { offsetOf, orderBy, type PageQuery } from '../run/paging.ts';
import { toAuditEntry, type AuditRow } from './audit-row.ts';

/** Whose log is read. An organization's holds what its members did to sign in while they were its members. */
export type AuditScope =
  | { kind: 'organization'; organizationId: string }
  | { kind: 'person'; userId: string }
  | { kind: 'platform' };

const sortable = { createdAt: 'created_at' } as const;

/** Entries are counted so far: a log grows with every request, and nobody waits until millions are counted. */
const countedMost = 10_000;

/** One page. Each half of an organization's log is read by its own index, newest or oldest first. */
export async function listAuditEntries(
  tx: Tx,
  scope: AuditScope,
  query: PageQuery & AuditFilters,
): Promise<{ data: AuditEntry[]; total: number; totalIsMinimum?: boolean }> {
  const order = orderBy(query.sort, sortable, { column: 'created_at', direction: 'desc' });
  const direction = order.direction === 'asc' ? sql`asc` : sql`desc`;
  const sorted = sql`order by created_at ${direction}, id ${direction}`;
  const most = offsetOf(query) + query.limit;
  const halves = halvesOf(scope).map(
    (half) => sql`(select * from audit_entries where ${half} ${matching(query)} ${sorted} limit ${most})`,
  );
  const { rows } = await sql<AuditRow>`
    select * from (${sql.join(halves, sql` union all `)}) as found ${sorted}
    limit ${query.limit} offset ${offsetOf(query)}`.execute(tx);
  return { data: rows.map(toAuditEntry), ...(await countAuditEntries(tx, scope, query)) };
}

async function countAuditEntries(
  tx: Tx,
  scope: AuditScope,
  filters: AuditFilters,
): Promise<{ total: number; totalIsMinimum?: boolean }> {
  const halves = halvesOf(scope).map(
    (half) => sql`(select 1 from audit_entries where ${half} ${matching(filters)} limit ${countedMost + 1})`,
  );
  const { rows } = await sql<{ found: number }>`
    select count(*)::integer as found from (${sql.join(halves, sql` union all `)}) as counted`.execute(tx);
  const found = rows[0]?.found ?? 0;
  return found > countedMost ? { total: countedMost, totalIsMinimum: true } : { total: found };
}

/** Where a reading went to: entries come in the order of time and id. */
export interface AuditPlace {
  createdAt: Date;
  id: string;
}

/** A stretch of the log after `after`, oldest first. */
export async function nextAuditEntries(
  tx: Tx,
  scope: AuditScope,
  { after, limit, ...filters }: AuditFilters & { after: AuditPlace | null; limit: number },
): Promise<AuditRow[]> {
  const later = after === null ? sql`` : sql`and (created_at, id) > (${after.createdAt}, ${after.id})`;
  const halves = halvesOf(scope).map(
    (half) => sql`(select * from audit_entries where ${half} ${matching(filters)} ${later}
      order by created_at, id limit ${limit})`,
  );
  const { rows } = await sql<AuditRow>`
    select * from (${sql.join(halves, sql` union all `)}) as found order by created_at, id limit ${limit}`.execute(
    tx,
  );
  return rows;
}

function halvesOf(scope: AuditScope): RawBuilder<unknown>[] {
  switch (scope.kind) {
    case 'organization':
      return [
        sql`organization_id = ${scope.organizationId}`,
        sql`organization_id is null and seen_by <> '{}' and seen_by @> array[${scope.organizationId}]`,
      ];
    case 'person':
      return [sql`person_id = ${scope.userId}`];
    case 'platform':
      return [sql`chain = ''`];
  }
}

function matching(filters: AuditFilters): RawBuilder<unknown> {
  const { actor, action, target, outcome, workspace, from, to } = filters;
  const parts = [
    actor === undefined
      ? null
      : sql`(actor_id = ${actor} or actor_email in (${actor.toLowerCase()}, ${canonicalEmail(actor)}))`,
    action === undefined ? null : exactOrPrefix('action', action),
    target === undefined ? null : exactOrPrefix('target', target),
    outcome === undefined ? null : sql`outcome = ${outcome}`,
    workspace === undefined
      ? null
      : sql`workspace_id in (select ${workspace} union select w.id from workspaces w where w.slug = ${workspace})`,
    from === undefined ? null : sql`created_at >= ${new Date(from)}`,
    to === undefined ? null : sql`created_at < ${new Date(to)}`,
  ].filter((part) => part !== null);
  return parts.length === 0 ? sql`` : sql`and ${sql.join(parts, sql` and `)}`;
}

function exactOrPrefix(column: 'action' | 'target', asked: string): RawBuilder<unknown> {
  return asked.endsWith('*')
    ? sql`starts_with(${sql.ref(column)}, ${asked.slice(0, -1)})`
    : sql`${sql.ref(column)} = ${asked}`;
}

import type { Grant, GrantLevel } from '@hexabase/contract/access/grant.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql, type RawBuilder } from 'kysely';
import { offsetOf, type PageQuery } from '../run/paging.ts';

interface GrantRow {
  id: string;
  organization_id: string;
  operator: string;
  level: GrantLevel;
  kind: Grant['kind'];
  reason: string;
  created_at: Date;
  expires_at: Date;
  revoked_at: Date | null;
}

export interface NewGrant {
  id: string;
  organizationId: string;
  operator: Operator;
  level: GrantLevel;
  kind: Grant['kind'];
  reason: string;
  grantedBy: string;
  createdAt: Date;
  expiresAt: Date;
}

export interface Operator {
  /** Null when nobody who runs the platform has the address: such a grant lets nobody in. */
  id: string | null;
  email: string;
}

/** Of somebody with the platform role; null for everybody else. */
export async function findOperatorId(tx: Tx, email: string): Promise<string | null> {
  const { rows } = await sql<{ id: string }>`select id from hexabase.operator_by_email(${email})`.execute(tx);
  return rows[0]?.id ?? null;
}

export interface GrantedOrganization {
  id: string;
  name: string;
  slug: string;
  /** E-mail addresses. */
  owners: string[];
}

/** What the database tells to operators alone. */
export async function findOrganizationForOperator(
  tx: Tx,
  nameOrId: string,
): Promise<GrantedOrganization | null> {
  const { rows } = await sql<GrantedOrganization>`
    select id, name, slug, owners from hexabase.organization_for_operator(${nameOrId})`.execute(tx);
  return rows[0] ?? null;
}

/** Answers the grant as it was just made. */
export async function insertGrant(tx: Tx, grant: NewGrant): Promise<Grant> {
  // The address stands beside the id: members of the organization cannot see who an id is that is no member.
  const { rows } = await sql<GrantRow>`
    insert into access_grants (id, organization_id, user_id, operator, level, kind, reason, granted_by, created_at, expires_at)
    values (${grant.id}, ${grant.organizationId}, ${grant.operator.id}, ${grant.operator.email}, ${grant.level},
      ${grant.kind}, ${grant.reason}, ${grant.grantedBy}, ${grant.createdAt}, ${grant.expiresAt})
    returning *`.execute(tx);
  const [row] = rows;
  if (!row) throw new Error('an insert returned no row');
  return toGrant(row, grant.createdAt.getTime());
}

/** Which grants: those of an organization, or those of an operator. */
export type GrantScope = { organizationId: string } | { userId: string };

export async function listGrantRows(
  tx: Tx,
  scope: GrantScope,
  query: PageQuery & { nowMs: number },
): Promise<{ data: Grant[]; total: number }> {
  const { rows } = await sql<GrantRow & { total: number }>`
    select *, count(*) over ()::integer as total from access_grants where ${within(scope)}
    order by created_at desc, id desc limit ${query.limit} offset ${offsetOf(query)}`.execute(tx);
  return { data: rows.map((row) => toGrant(row, query.nowMs)), total: rows[0]?.total ?? 0 };
}

/** Ends a grant that runs; answers whose it was and where, or null when there is no such grant. Ending it again is fine. */
export async function endGrant(
  tx: Tx,
  scope: GrantScope,
  { id, by, at }: { id: string; by: string; at: Date },
): Promise<{ userId: string | null; organizationId: string; operator: string } | null> {
  await sql`update access_grants set revoked_at = ${at}, revoked_by = ${by}
    where id = ${id} and ${within(scope)} and revoked_at is null and expires_at > ${at}`.execute(tx);
  const { rows } = await sql<{ userId: string | null; organizationId: string; operator: string }>`
    select user_id as "userId", organization_id as "organizationId", operator from access_grants
    where id = ${id} and ${within(scope)}`.execute(tx);
  return rows[0] ?? null;
}

function within(scope: GrantScope): RawBuilder<unknown> {
  return 'userId' in scope ? sql`user_id = ${scope.userId}` : sql`organization_id = ${scope.organizationId}`;
}

function toGrant(row: GrantRow, nowMs: number): Grant {
  const state = row.revoked_at ? 'revoked' : row.expires_at.getTime() <= nowMs ? 'expired' : 'active';
  return {
    id: row.id,
    organizationId: row.organization_id,
    operator: row.operator,
    level: row.level,
    kind: row.kind,
    reason: row.reason,
    state,
    createdAt: row.created_at.toISOString(),
    expiresAt: row.expires_at.toISOString(),
    revokedAt: row.revoked_at?.toISOString() ?? null,
  };
}

import type { Federation } from '@hexabase/contract/people/federation.ts';
import { problemOfRule } from '@hexabase/contract/people/whose-jobs.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql, type RawBuilder } from 'kysely';
import { offsetOf, orderBy, type PageQuery } from '../run/paging.ts';

interface FederationRow {
  id: string;
  name: string;
  organization_id: string;
  service_account: string;
  issuer: string;
  audience: string;
  conditions: string[];
  scope: string;
  workspace_id: string | null;
  created_by: string;
  made_by: string;
  created_at: Date;
  last_used_at: Date | null;
}

const sortable = { name: 'f.name', createdAt: 'f.created_at', lastUsedAt: 'f.last_used_at' } as const;

/** With who made each, as far as they are in the organization. */
function of(organizationId: string): RawBuilder<unknown> {
  return sql`
    select f.id, f.name, f.organization_id, split_part(u.email, '@', 1) as service_account, f.issuer, f.audience,
      f.conditions, f.scope, f.workspace_id, f.created_by, coalesce(maker.email, 'left') as made_by, f.created_at,
      f.last_used_at
    from federations f join users u on u.id = f.user_id
      left join memberships m on m.organization_id = f.organization_id and m.user_id = f.created_by
      left join users maker on maker.id = m.user_id
    where f.organization_id = ${organizationId}`;
}

export async function listFederationRows(
  tx: Tx,
  organizationId: string,
  query: PageQuery,
): Promise<{ data: Federation[]; total: number }> {
  const order = orderBy(query.sort, sortable, { column: 'f.name', direction: 'asc' });
  const { rows } = await sql<FederationRow>`
    ${of(organizationId)} order by ${sql.ref(order.column)} ${order.direction === 'asc' ? sql`asc` : sql`desc`}
      nulls last, f.id limit ${query.limit} offset ${offsetOf(query)}`.execute(tx);
  return { data: rows.map(toFederation), total: await countFederations(tx, organizationId) };
}

export async function countFederations(tx: Tx, organizationId: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::integer as count from federations where organization_id = ${organizationId}`.execute(tx);
  return rows[0]?.count ?? 0;
}

/** Every rule of an organization by name, for its operators. */
export async function allFederationRows(tx: Tx, organizationId: string): Promise<Federation[]> {
  const { rows } = await sql<FederationRow>`${of(organizationId)} order by f.name`.execute(tx);
  return rows.map(toFederation);
}

/** The one that a name or id means. */
export async function findFederationRow(
  tx: Tx,
  organizationId: string,
  reference: string,
): Promise<Federation | null> {
  const { rows } = await sql<FederationRow>`
    ${of(organizationId)} and ${reference} in (f.id, f.name) order by f.name limit 1`.execute(tx);
  return rows[0] ? toFederation(rows[0]) : null;
}

function toFederation(row: FederationRow): Federation {
  return {
    id: row.id,
    name: row.name,
    organizationId: row.organization_id,
    serviceAccount: row.service_account,
    issuer: row.issuer,
    audience: row.audience,
    conditions: row.conditions,
    scope: row.workspace_id === null ? row.scope : `workspace:${row.workspace_id}`,
    createdBy: row.created_by,
    madeBy: row.made_by,
    createdAt: row.created_at.toISOString(),
    lastUsedAt: row.last_used_at?.toISOString() ?? null,
    problem: problemOfRule(row),
  };
}

export interface NewFederation {
  id: string;
  organizationId: string;
  userId: string;
  name: string;
  issuer: string;
  audience: string;
  conditions: readonly string[];
  scope: string;
  workspaceId: string | null;
  createdBy: string;
  createdAt: Date;
}

/** Answers false when the organization has one of that name. */
export async function insertFederation(tx: Tx, row: NewFederation): Promise<boolean> {
  const { rows } = await sql`
    insert into federations (id, organization_id, user_id, name, issuer, audience, conditions, scope, workspace_id,
      created_by, created_at)
    values (${row.id}, ${row.organizationId}, ${row.userId}, ${row.name}, ${row.issuer}, ${row.audience},
      ${[...row.conditions]}, ${row.scope}, ${row.workspaceId}, ${row.createdBy}, ${row.createdAt})
    on conflict do nothing returning id`.execute(tx);
  return rows.length > 0;
}

/** With the tokens that it gave; every gateway looks at the account's connections at the commit. */
export async function deleteFederationRow(tx: Tx, id: string): Promise<void> {
  await sql`with gone as (delete from federations where id = ${id} returning user_id)
    select pg_notify('hexabase_revocation', user_id) from gone`.execute(tx);
}

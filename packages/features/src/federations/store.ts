import type { Federation } from '@hexabase/contract/people/federation.ts';
import { problemOfRule } from '@hexabase/contract/people/whose-jobs.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';

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

/** All of an organization by name, or the one that a name or id means, with who made each, as far as they are in it. */
export async function listFederationRows(
  tx: Tx,
  organizationId: string,
  reference?: string,
): Promise<Federation[]> {
  const { rows } = await sql<FederationRow>`
    select f.id, f.name, f.organization_id, split_part(u.email, '@', 1) as service_account, f.issuer, f.audience,
      f.conditions, f.scope, f.workspace_id, f.created_by, coalesce(maker.email, 'left') as made_by, f.created_at,
      f.last_used_at
    from federations f join users u on u.id = f.user_id
      left join memberships m on m.organization_id = f.organization_id and m.user_id = f.created_by
      left join users maker on maker.id = m.user_id
    where f.organization_id = ${organizationId}
      ${reference === undefined ? sql`` : sql`and ${reference} in (f.id, f.name)`}
    order by f.name`.execute(tx);
  return rows.map((row) => ({
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
  }));
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

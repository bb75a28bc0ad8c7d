import type { ServiceAccount } from '@hexabase/contract/people/service-account.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql, type RawBuilder } from 'kysely';
import { offsetOf, orderBy, type PageQuery } from '../run/paging.ts';

interface ServiceAccountRow {
  id: string;
  email: string;
  display_name: string;
  organization_id: string;
  role: ServiceAccount['role'];
  created_at: Date;
}

const sortable = { name: 'u.email', role: 'm.role', createdAt: 'm.created_at' } as const;

const columns = sql`u.id, u.email, u.display_name, u.organization_id, m.role, m.created_at`;

function of(organizationId: string): RawBuilder<unknown> {
  return sql`users u join memberships m on m.user_id = u.id and m.organization_id = u.organization_id
    where u.kind = 'service-account' and u.organization_id = ${organizationId}`;
}

export async function listServiceAccountRows(
  tx: Tx,
  organizationId: string,
  query: PageQuery,
): Promise<{ data: ServiceAccount[]; total: number }> {
  const order = orderBy(query.sort, sortable, { column: 'u.email', direction: 'asc' });
  const { rows } = await sql<ServiceAccountRow>`
    select ${columns} from ${of(organizationId)}
    order by ${sql.ref(order.column)} ${order.direction === 'asc' ? sql`asc` : sql`desc`}, u.id
    limit ${query.limit} offset ${offsetOf(query)}`.execute(tx);
  return { data: rows.map(toServiceAccount), total: await countServiceAccounts(tx, organizationId) };
}

export async function countServiceAccounts(tx: Tx, organizationId: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::integer as count from ${of(organizationId)}`.execute(tx);
  return rows[0]?.count ?? 0;
}

/** The one that a name, e-mail or id means. */
export async function findServiceAccountRow(
  tx: Tx,
  organizationId: string,
  reference: string,
): Promise<ServiceAccount | null> {
  const { rows } = await sql<ServiceAccountRow>`
    select ${columns} from ${of(organizationId)}
      and ${reference} in (u.id, u.email, split_part(u.email, '@', 1)) order by u.email limit 1`.execute(tx);
  return rows[0] ? toServiceAccount(rows[0]) : null;
}

function toServiceAccount(row: ServiceAccountRow): ServiceAccount {
  return {
    id: row.id,
    name: row.email.split('@')[0] ?? row.email,
    displayName: row.display_name,
    email: row.email,
    organizationId: row.organization_id,
    role: row.role,
    createdAt: row.created_at.toISOString(),
  };
}

export async function organizationSlug(tx: Tx, id: string): Promise<string> {
  const { slug } = await tx
    .selectFrom('organizations')
    .select('slug')
    .where('id', '=', id)
    .executeTakeFirstOrThrow();
  return slug;
}

export interface NewServiceAccount {
  id: string;
  organizationId: string;
  email: string;
  displayName: string;
  role: ServiceAccount['role'];
  createdAt: Date;
}

/** Makes the user and its membership; requests cannot write users by themselves. Answers false when the name is taken. */
export async function insertServiceAccount(tx: Tx, row: NewServiceAccount): Promise<boolean> {
  const { rows } = await sql<{ made: boolean }>`
    select hexabase.create_service_account(${row.id}, ${row.organizationId}, ${row.email}, ${row.displayName},
      ${row.role}, ${row.createdAt}) as made`.execute(tx);
  return rows[0]?.made ?? false;
}

/** With its tokens. */
export async function deleteServiceAccountRow(tx: Tx, id: string): Promise<void> {
  await sql`select hexabase.delete_service_account(${id})`.execute(tx);
}

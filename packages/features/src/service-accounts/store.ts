import type { ServiceAccount } from '@hexabase/contract/people/service-account.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';

interface ServiceAccountRow {
  id: string;
  email: string;
  display_name: string;
  organization_id: string;
  role: ServiceAccount['role'];
  created_at: Date;
}

/** All of an organization by name, or the one that a name, e-mail or id means. */
export async function listServiceAccountRows(
  tx: Tx,
  organizationId: string,
  reference?: string,
): Promise<ServiceAccount[]> {
  const { rows } = await sql<ServiceAccountRow>`
    select u.id, u.email, u.display_name, u.organization_id, m.role, m.created_at
    from users u join memberships m on m.user_id = u.id and m.organization_id = u.organization_id
    where u.kind = 'service-account' and u.organization_id = ${organizationId}
      ${reference === undefined ? sql`` : sql`and ${reference} in (u.id, u.email, split_part(u.email, '@', 1))`}
    order by u.email`.execute(tx);
  return rows.map((row) => ({
    id: row.id,
    name: row.email.split('@')[0] ?? row.email,
    displayName: row.display_name,
    email: row.email,
    organizationId: row.organization_id,
    role: row.role,
    createdAt: row.created_at.toISOString(),
  }));
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

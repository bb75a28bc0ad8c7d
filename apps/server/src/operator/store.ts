import type { OpenedDatabase } from '@hexabase/postgres/open-database.ts';

export interface ListedUser {
  email: string;
  displayName: string;
  platformRole: string | null;
  createdAt: Date;
  disabledAt: Date | null;
}

/** Every account, in the order they were made. */
export async function listUsers(database: OpenedDatabase): Promise<ListedUser[]> {
  const { rows } = await database.openPool('hexabase_identity', 1).query<ListedUser>(
    `select email, display_name as "displayName", platform_role as "platformRole",
       created_at as "createdAt", disabled_at as "disabledAt"
     from hexabase.users order by created_at, id`,
  );
  return rows;
}

/** By slug or id. */
export async function findOrganizationId(database: OpenedDatabase, name: string): Promise<string | null> {
  const { rows } = await database
    .openPool('hexabase_worker', 1)
    .query<{ id: string }>('select id from hexabase.organizations where id = $1 or slug = $1', [name]);
  return rows[0]?.id ?? null;
}

/** By e-mail address. */
export async function findUserId(database: OpenedDatabase, email: string): Promise<string | null> {
  const { rows } = await database
    .openPool('hexabase_identity', 1)
    .query<{ id: string }>('select id from hexabase.users where email = lower($1)', [email]);
  return rows[0]?.id ?? null;
}

export interface ListedServiceAccount {
  id: string;
  email: string;
  organizationId: string;
}

/** The service accounts of every organization. */
export async function serviceAccounts(database: OpenedDatabase): Promise<ListedServiceAccount[]> {
  const { rows } = await database.openPool('hexabase_identity', 1).query<ListedServiceAccount>(
    `select id, email, organization_id as "organizationId" from hexabase.users
     where kind = 'service-account' order by email`,
  );
  return rows;
}

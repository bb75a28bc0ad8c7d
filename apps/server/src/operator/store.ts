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

/** How many rows of the audit log have a place in their chain, by organization ('' for entries of none). */
export async function chainLengths(database: OpenedDatabase): Promise<Map<string, number>> {
  const { rows } = await database.openPool('hexabase_worker', 1).query<{ id: string; length: number }>(
    `select id, max(length)::integer as length from (
       select organization_id as id, 0 as length from hexabase.audit_heads
       union all
       select coalesce(organization_id, ''), count(*) from hexabase.audit_entries where sequence is not null group by 1
     ) as chains group by id order by id`,
  );
  return new Map(rows.map((row) => [row.id, row.length]));
}

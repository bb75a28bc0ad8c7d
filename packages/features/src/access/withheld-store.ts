import type { Database } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';

/**
 * Those who reach nothing in the organization, whatever their roles: it asks for a second factor, they have none, and
 * no provider that they came by has seen one in a session that lives. Their API tokens go on. Only identity may look.
 */
export async function findShutOut(
  database: Pick<Database, 'asIdentity'>,
  { organizationId, userIds }: { organizationId: string; userIds: readonly string[] },
  nowMs: number,
): Promise<ReadonlySet<string>> {
  const { rows } = await database.asIdentity((tx) =>
    sql<{ id: string }>`
      select u.id from users u join organizations o on o.id = ${organizationId} and o.require_second_factor
      where u.id = any (${[...userIds]}::text[]) and u.kind = 'person'
        and not exists (select from second_factors f where f.user_id = u.id and f.confirmed_at is not null)
        and not exists (select from sessions s where s.user_id = u.id and s.second_factor_at is not null
          and s.ended_at is null and s.expires_at > ${new Date(nowMs)})`.execute(tx),
  );
  return new Set(rows.map(({ id }) => id));
}

import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';

/**
 * Those who reach nothing in the organization, whatever their roles: it asks for a second factor, they have none, and
 * no provider that they came by has seen one in a session that lives. Their API tokens go on.
 */
export async function findShutOut(
  tx: Tx,
  { organizationId, userIds }: { organizationId: string; userIds: readonly string[] },
  nowMs: number,
): Promise<ReadonlySet<string>> {
  const { rows } = await sql<{ id: string }>`
    select id from hexabase.shut_out(${organizationId}, ${[...userIds]}::text[], ${new Date(nowMs)}) as id`.execute(
    tx,
  );
  return new Set(rows.map(({ id }) => id));
}

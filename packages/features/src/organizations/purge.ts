import type { Database } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';
import { deleteOrganizationRow } from './store.ts';

/** Removes organizations whose grace period is over; answers how many. A workspace that lives after all keeps its own. */
export async function purgeOrganizations(database: Pick<Database, 'asWorker'>, now: Date): Promise<number> {
  return database.asWorker(async (tx) => {
    const { rows } = await sql<{ id: string }>`
      select id from organizations o
      where delete_after <= ${now}
        and not exists (select from workspaces w where w.organization_id = o.id and w.deleted_at is null)
      for update skip locked`.execute(tx);
    for (const { id } of rows) await deleteOrganizationRow(tx, id);
    return rows.length;
  });
}

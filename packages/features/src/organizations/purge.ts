import type { Database } from '@hexabase/postgres/database.ts';
import { deleteOrganizationRow, organizationsToPurge } from './store.ts';

/** Removes organizations whose grace period is over; answers how many. */
export async function purgeOrganizations(database: Pick<Database, 'asWorker'>, now: Date): Promise<number> {
  return database.asWorker(async (tx) => {
    const ids = await organizationsToPurge(tx, now);
    for (const id of ids) await deleteOrganizationRow(tx, id);
    return ids.length;
  });
}

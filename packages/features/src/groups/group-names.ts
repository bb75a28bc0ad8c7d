import type { Database } from '@hexabase/postgres/database.ts';
import { groupsOfPerson } from './store.ts';

/**
 * The groups of a person for programs of others: each by id (`hexabase:group:<id>`), which never changes, and by name
 * within its organization (`acme/platform`, `acme/my-workspace.WSAdmins`), which people can read in a configuration.
 * Groups above are in it too. Organizations that the person has left, that are being deleted, or that ask for a second
 * factor which was not shown, give none.
 */
export async function groupNamesOf(
  database: Pick<Database, 'asWorker'>,
  person: { userId: string; secondFactor: boolean },
): Promise<string[]> {
  const groups = await database.asWorker((tx) => groupsOfPerson(tx, person));
  return groups.flatMap(({ id, organization, name }) => [`hexabase:group:${id}`, `${organization}/${name}`]);
}

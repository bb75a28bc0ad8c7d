import type { UserId } from '@hexabase/kernel/id.ts';
import type { Database } from '@hexabase/postgres/database.ts';
import { findOrganizationDue, organizationGiven, type Newcomer } from './newcomer-store.ts';

export interface NewcomerDeps {
  db: Pick<Database, 'asIdentity'>;
  /** Makes the private organization of somebody new. Called again at the next sign-in when it failed. */
  makeOrganization(person: Newcomer): Promise<void>;
}

/** Gives somebody who signed up by themselves the organization that they are still due. */
export async function giveOrganization(
  { db, makeOrganization }: NewcomerDeps,
  userId: UserId,
): Promise<void> {
  const newcomer = await db.asIdentity((tx) => findOrganizationDue(tx, userId), { oneStatement: true });
  if (newcomer === null) return;
  await makeOrganization(newcomer);
  await db.asIdentity((tx) => organizationGiven(tx, userId));
}

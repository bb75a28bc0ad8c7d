import { brandId, type UserId } from '@hexabase/kernel/id.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';

/** Somebody who signed up by themselves and has no organization yet. */
export interface Newcomer {
  userId: UserId;
  email: string;
  displayName: string;
}

/** The account when it still waits for an organization of its own. Runs as identity. */
export async function findOrganizationDue(tx: Tx, userId: UserId): Promise<Newcomer | null> {
  const { rows } = await sql<{ id: string; email: string; displayName: string }>`
    SELECT id, email, display_name AS "displayName" FROM hexabase.users
    WHERE id = ${userId} AND organization_due AND disabled_at IS NULL`.execute(tx);
  const [row] = rows;
  return row ? { userId: brandId(row.id), email: row.email, displayName: row.displayName } : null;
}

/** Runs as identity. */
export async function organizationGiven(tx: Tx, userId: UserId): Promise<void> {
  await sql`UPDATE hexabase.users SET organization_due = false WHERE id = ${userId}`.execute(tx);
}

import type { Tx } from '@hexabase/postgres/database.ts';
import { sql } from 'kysely';

interface InstallationTable {
  singleton: boolean;
  public_url: string | null;
  discovery_url: string | null;
  /** Certificate and key, sealed. */
  authority: string | null;
  first_owner_shown_at: Date | null;
}

declare module '@hexabase/postgres/schema.ts' {
  interface Schema {
    installation: InstallationTable;
  }
}

/** What replicas agree on, but for the first owner. */
export type Memory = Pick<InstallationTable, 'public_url' | 'discovery_url' | 'authority'>;

type FirstOwnerMemory = Pick<InstallationTable, 'first_owner_shown_at'>;

const memory = ['public_url', 'discovery_url', 'authority'] as const;
const ofFirstOwner = ['first_owner_shown_at'] as const;

export function readMemory(tx: Tx): Promise<Memory> {
  return tx.selectFrom('installation').select(memory).executeTakeFirstOrThrow();
}

/** Until the end of the transaction nobody else holds or changes it. */
export function holdMemory(tx: Tx): Promise<Memory> {
  return tx.selectFrom('installation').select(memory).forUpdate().executeTakeFirstOrThrow();
}

export async function changeMemory(tx: Tx, change: Partial<Memory>): Promise<void> {
  await tx.updateTable('installation').set(change).execute();
}

/** As `holdMemory`. */
export function holdFirstOwner(tx: Tx): Promise<FirstOwnerMemory> {
  return tx.selectFrom('installation').select(ofFirstOwner).forUpdate().executeTakeFirstOrThrow();
}

export async function changeFirstOwner(tx: Tx, change: Partial<FirstOwnerMemory>): Promise<void> {
  await tx.updateTable('installation').set(change).execute();
}

/** Whether somebody has given an account a way in, or closed it. */
export async function isTaken(tx: Tx, userId: string): Promise<boolean> {
  const { rows } = await sql`
    select 1 from hexabase.users u where u.id = ${userId} and (u.password_hash is not null or u.disabled_at is not null
      or exists (select from hexabase.second_factors f where f.user_id = u.id)
      or exists (select from hexabase.external_identities e where e.user_id = u.id))`.execute(tx);
  return rows.length > 0;
}

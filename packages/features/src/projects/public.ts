import type { Project } from '@hexabase/contract/project.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { findLiveProjectRow, toProject } from './store.ts';

/** The live project as the API shows it, or null when the transaction sees none. */
export async function readProject(tx: Tx, id: string): Promise<Project | null> {
  const row = await findLiveProjectRow(tx, id);
  return row ? toProject(row) : null;
}

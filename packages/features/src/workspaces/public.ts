import { AppError } from '@hexabase/kernel/errors.ts';
import type { Workspace } from '@hexabase/contract/workspace.ts';
import type { Database, Tx } from '@hexabase/postgres/database.ts';
import { toWorkspace, type WorkspaceView } from './representation.ts';
import { countActiveRows, findWorkspaceRows, getWorkspaceRow } from './store.ts';
import { isUsable } from './workspace.ts';

/** Throws `workspace_not_active` unless things can be made in the workspace now. */
export async function requireUsableWorkspace(tx: Tx, id: string): Promise<void> {
  const { phase } = await getWorkspaceRow(tx, id);
  if (isUsable(phase)) return;
  throw new AppError('workspace_not_active', { message: `The workspace is ${phase}.`, details: { phase } });
}

/** The live workspace as the API shows it, or null when the transaction sees none. */
export async function readWorkspace(tx: Tx, id: string, view: WorkspaceView): Promise<Workspace | null> {
  const [row] = await findWorkspaceRows(tx, [id]);
  return row ? toWorkspace(row, view) : null;
}

/** How many are in phase active, in the whole installation; for metrics. */
export async function countActiveWorkspaces(database: Database): Promise<number> {
  return database.asWorker(countActiveRows);
}

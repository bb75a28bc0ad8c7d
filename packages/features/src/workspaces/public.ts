import { AppError } from '@hexabase/kernel/errors.ts';
import type { Workspace } from '@hexabase/contract/workspace.ts';
import type { Database, Tx } from '@hexabase/postgres/database.ts';
import type { KubernetesAddress } from '../run/ports.ts';
import { countActiveRows, findWorkspaceRows, getWorkspaceRow, toWorkspace } from './store.ts';
import { isConnectable } from './workspace.ts';

/** Throws `workspace_not_active` unless things can be made in the workspace now. */
export async function requireUsableWorkspace(tx: Tx, id: string): Promise<void> {
  const { phase } = await getWorkspaceRow(tx, id);
  if (isConnectable(phase)) return;
  throw new AppError('workspace_not_active', { message: `The workspace is ${phase}.`, details: { phase } });
}

/** The live workspace as the API shows it, or null when the transaction sees none. */
export async function readWorkspace(
  tx: Tx,
  id: string,
  kubernetes: KubernetesAddress,
): Promise<Workspace | null> {
  const [row] = await findWorkspaceRows(tx, [id]);
  return row ? toWorkspace(row, kubernetes) : null;
}

/** How many are in phase active, in the whole installation; for metrics. */
export async function countActiveWorkspaces(database: Database): Promise<number> {
  return database.asWorker(countActiveRows);
}

import { AppError } from '@hexabase/kernel/errors.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { getWorkspaceRow } from './store.ts';
import { isConnectable } from './workspace.ts';

/** Throws `workspace_not_active` unless things can be made in the workspace now. */
export async function requireUsableWorkspace(tx: Tx, id: string): Promise<void> {
  const { phase } = await getWorkspaceRow(tx, id);
  if (isConnectable(phase)) return;
  throw new AppError('workspace_not_active', { message: `The workspace is ${phase}.`, details: { phase } });
}

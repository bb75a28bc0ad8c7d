import { AppError } from '@hexabase/kernel/errors.ts';
import type { Workspace } from '@hexabase/contract/workspace.ts';
import type { Database, Tx } from '@hexabase/postgres/database.ts';
import { asSeen } from './life-cycle/seen.ts';
import { toWorkspace, type WorkspaceView } from './representation.ts';
import { changeByClock, readWakeState } from './reconcile/clock-store.ts';
import { countActiveRows, findWorkspaceRows, getWorkspaceRow, noteUse } from './store.ts';
import { isUsable } from './workspace.ts';

/** Throws `workspace_not_active` unless things can be made in the workspace now. */
export async function requireUsableWorkspace(tx: Tx, id: string): Promise<void> {
  const { phase } = await getWorkspaceRow(tx, id);
  if (isUsable(phase)) return;
  throw new AppError('workspace_not_active', { message: `The workspace is ${phase}.`, details: { phase } });
}

/** The live workspace as the API shows it, or null when the transaction sees none. */
export async function readWorkspace(
  tx: Tx,
  id: string,
  { nowMs, ...view }: WorkspaceView & { nowMs: number },
): Promise<Workspace | null> {
  const [row] = await asSeen(tx, await findWorkspaceRows(tx, [id]), nowMs);
  return row ? toWorkspace(row, view) : null;
}

/** How many are in phase active, in the whole installation; for metrics. */
export async function countActiveWorkspaces(database: Database): Promise<number> {
  return database.asWorker(countActiveRows);
}

/**
 * Wakes a workspace because somebody uses it, without a request of the API: for the gateway. Repeating it changes
 * nothing. The operation tells whose request it was: that of `userId`, in `words`. `awake`: its API answers; `waking`: it will soon, watch its phase; `unavailable`: it is being made or deleted,
 * or there is none.
 */
export async function wakeWorkspace(
  database: Database,
  workspaceId: string,
  { nowMs, userId, words }: { nowMs: number; userId: string; words: string },
): Promise<'awake' | 'waking' | 'unavailable'> {
  return database.asWorker(async (tx) => {
    const change = { kind: 'workspace.wake', by: userId, words } as const;
    if (await changeByClock(tx, { id: workspaceId, nowMs, change })) {
      await noteUse(tx, [workspaceId], nowMs);
      return 'waking';
    }
    const state = await readWakeState(tx, workspaceId);
    if (!state || state.deleting || state.asleep) return 'unavailable';
    if (state.phase === 'asleep') return 'waking';
    return isUsable(state.phase) ? 'awake' : 'unavailable';
  });
}

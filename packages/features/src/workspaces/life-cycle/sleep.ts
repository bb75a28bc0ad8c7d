import type { workspace } from '@hexabase/contract/workspace.ts';
import type { UseCase } from '../../run/use-case.ts';
import { beginChange, requireSettledOnce } from './begin-change.ts';
import { toWorkspace } from '../representation.ts';
import { getWorkspaceRow, noteUse } from '../store.ts';

/** Asking again changes nothing. Throws `workspace_not_active` for one that never worked or is being deleted. */
export const sleepWorkspace: UseCase<typeof workspace.operations.sleep> = async (context) => {
  const row = await getWorkspaceRow(context.tx, context.target.id);
  requireSettledOnce(row);
  if (row.asleep) return { data: toWorkspace(row, context.ports) };
  const changed = await beginChange(context, row, {
    kind: 'workspace.sleep',
    asleep: true,
    sleep_reason: 'asked',
  });
  return { data: toWorkspace(changed, context.ports) };
};

/** Asking again changes nothing. Throws `workspace_not_active` for one that never worked or is being deleted. */
export const wakeWorkspace: UseCase<typeof workspace.operations.wake> = async (context) => {
  const row = await getWorkspaceRow(context.tx, context.target.id);
  requireSettledOnce(row);
  if (!row.asleep) return { data: toWorkspace(row, context.ports) };
  await noteUse(context.tx, [row.id], context.nowMs);
  const changed = await beginChange(context, row, {
    kind: 'workspace.wake',
    asleep: false,
    sleep_reason: null,
  });
  return { data: toWorkspace(changed, context.ports) };
};

import type { workspace } from '@hexabase/contract/workspace.ts';
import { nothingEnds, type SleepEnds } from '@hexabase/contract/workspace-sleep.ts';
import { brandId } from '@hexabase/kernel/id.ts';
import type { TargetContext, UseCase } from '../../run/use-case.ts';
import { beginChange, requireSettledOnce } from './begin-change.ts';
import { toWorkspace } from '../representation.ts';
import { getWorkspaceRow, noteUse, type WorkspaceRow } from '../store.ts';
import { isUsable } from '../workspace.ts';

/** What a sleep would end, before it is asked for. */
export const tellSleepEnds: UseCase<typeof workspace.operations.sleepEnds> = async (context) => {
  const row = await getWorkspaceRow(context.tx, context.target.id);
  return { data: { ends: await endsOf(context, row) } };
};

/**
 * Asking again changes nothing. The answer tells what ends with it. Throws `workspace_not_active` for one that never worked
 * or is being deleted.
 */
export const sleepWorkspace: UseCase<typeof workspace.operations.sleep> = async (context) => {
  const row = await getWorkspaceRow(context.tx, context.target.id);
  requireSettledOnce(row);
  const ends = await endsOf(context, row);
  if (row.asleep) return { data: { ...toWorkspace(row, context.ports), ends } };
  const changed = await beginChange(context, row, {
    kind: 'workspace.sleep',
    asleep: true,
    sleep_reason: 'asked',
  });
  return { data: { ...toWorkspace(changed, context.ports), ends } };
};

/** Where nothing runs, nothing ends. */
async function endsOf({ ports, elsewhere }: TargetContext, row: WorkspaceRow): Promise<SleepEnds | null> {
  const { whatSleepEnds } = ports;
  if (row.asleep || !isUsable(row.phase) || !whatSleepEnds) return nothingEnds;
  return elsewhere('ends', () => whatSleepEnds(brandId(row.id)));
}

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

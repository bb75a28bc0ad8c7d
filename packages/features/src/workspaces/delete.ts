import type { workspace } from '@hexabase/contract/workspace.ts';
import type { UseCase } from '../run/use-case.ts';
import { beginChange } from './life-cycle/begin-change.ts';
import { toWorkspace } from './representation.ts';
import { getWorkspaceRow, type WorkspaceRow } from './store.ts';

/**
 * Asks for the removal; asking again changes nothing, except that `now` ends the time in which it can be taken back.
 * The row goes away only when nothing is left in the inventory.
 */
export const deleteWorkspace: UseCase<typeof workspace.operations.delete> = async (context, { query }) => {
  const { tx, target, ports, nowMs, actor } = context;
  const row = await getWorkspaceRow(tx, target.id);
  const graceMs = query.now === 'true' ? 0 : graceOf(row, ports.deletionGraceMs ?? 0);
  const isBegun = row.deletion_requested_at !== null && row.deletion_due_at === null;
  if (isBegun || (row.deletion_requested_at && graceMs > 0)) return { data: toWorkspace(row, ports) };
  context.note({ slug: row.slug, graceMinutes: graceMs / 60_000 });
  const asked = { deletion_requested_at: new Date(nowMs), deletion_requested_by: actor.userId };
  const changed = await beginChange(
    context,
    row,
    graceMs === 0
      ? { kind: 'workspace.delete', ...asked, deletion_due_at: null }
      : {
          kind: 'workspace.schedule-deletion',
          ...asked,
          deletion_due_at: new Date(nowMs + graceMs),
          ...(row.asleep ? {} : { asleep: true, sleep_reason: 'deletion' }),
        },
  );
  return { data: toWorkspace(changed, ports) };
};

/** What never worked holds nothing that anybody could want back. */
function graceOf(row: WorkspaceRow, graceMs: number): number {
  return row.observed_generation === 0 ? 0 : graceMs;
}

import type { workspace } from '@hexabase/contract/workspace.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import type { UseCase } from '../../run/use-case.ts';
import { beginChange } from './begin-change.ts';
import { toWorkspace } from '../representation.ts';
import { getWorkspaceRow } from '../store.ts';

/** Takes a deletion back; a workspace that slept before sleeps on. Throws `conflict` when it is too late. */
export const restoreWorkspace: UseCase<typeof workspace.operations.restore> = async (context) => {
  const row = await getWorkspaceRow(context.tx, context.target.id);
  if (row.deletion_requested_at === null) return { data: toWorkspace(row, context.ports) };
  if (row.deletion_due_at === null) {
    throw new AppError('conflict', { message: 'The removal has begun; it cannot be taken back.' });
  }
  const changed = await beginChange(context, row, {
    kind: 'workspace.restore',
    deletion_requested_at: null,
    deletion_requested_by: null,
    deletion_due_at: null,
    ...(row.sleep_reason === 'deletion' && { asleep: false, sleep_reason: null }),
  });
  return { data: toWorkspace(changed, context.ports) };
};

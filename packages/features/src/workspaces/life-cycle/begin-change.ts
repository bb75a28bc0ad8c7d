import { AppError } from '@hexabase/kernel/errors.ts';
import { beginOperation } from '../../operations/public.ts';
import { wake } from '../../run/store.ts';
import type { TargetContext } from '../../run/use-case.ts';
import { changeWorkspaceRow, type WorkspaceChange, type WorkspaceRow } from '../store.ts';

/** Writes a change as a new generation with an operation of its own, and wakes the reconciler. */
export async function beginChange(
  context: TargetContext,
  row: WorkspaceRow,
  { kind, ...change }: WorkspaceChange & { kind: string },
): Promise<WorkspaceRow> {
  const operationId = await beginOperation(context, {
    kind,
    subject: `workspace/${row.id}`,
    organizationId: context.target.organizationId,
    generation: row.generation + 1,
  });
  const changed = await changeWorkspaceRow(context.tx, row, { ...change, operation_id: operationId });
  await wake(context.tx, 'workspace', row.id);
  return changed;
}

/** Throws `workspace_not_active` for a workspace that is being deleted or has never worked. */
export function requireSettledOnce(row: WorkspaceRow): void {
  if (row.deletion_requested_at === null && row.observed_generation > 0) return;
  throw new AppError('workspace_not_active', {
    message: `The workspace is ${row.phase}.`,
    details: { phase: row.phase },
  });
}

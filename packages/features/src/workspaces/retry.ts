import type { workspace } from '@hexabase/contract/workspace.ts';
import { beginOperation } from '../operations/public.ts';
import { wake } from '../run/store.ts';
import type { UseCase } from '../run/use-case.ts';
import { changeWorkspaceRow, getWorkspaceRow, toWorkspace } from './store.ts';
import { phaseAfterChange } from './workspace.ts';

/** Starts over what failed, as a new generation: a failure waits for one. Any other phase is only looked at again. */
export const retryWorkspace: UseCase<typeof workspace.operations.retry> = async (context) => {
  const { tx, target, ports } = context;
  const row = await getWorkspaceRow(tx, target.id);
  await wake(tx, 'workspace', row.id);
  if (row.phase !== 'failed') return { data: toWorkspace(row, ports.kubernetes) };
  const operationId = await beginOperation(context, {
    kind: row.deletion_requested_at ? 'workspace.delete' : row.observed_generation === 0 ? 'workspace.create' : 'workspace.update',
    subject: `workspace/${row.id}`,
    organizationId: target.organizationId,
    generation: row.generation + 1,
  });
  const phase = row.deletion_requested_at ? 'deleting' : phaseAfterChange(row.phase, row.observed_generation);
  return { data: toWorkspace(await changeWorkspaceRow(tx, row.id, { phase, operation_id: operationId }), ports.kubernetes) };
};

import type { workspace } from '@hexabase/contract/workspace.ts';
import { beginOperation } from '../operations/public.ts';
import { wake } from '../run/store.ts';
import type { UseCase } from '../run/use-case.ts';
import { changeWorkspaceRow, getWorkspaceRow, toWorkspace } from './store.ts';

/** Asks for the removal; asking again changes nothing. The row goes away only when nothing is left in the inventory. */
export const deleteWorkspace: UseCase<typeof workspace.operations.delete> = async (context) => {
  const { tx, target, ports, nowMs } = context;
  const row = await getWorkspaceRow(tx, target.id);
  if (row.deletion_requested_at) return { data: toWorkspace(row, ports.kubernetes) };
  const operationId = await beginOperation(context, {
    kind: 'workspace.delete',
    subject: `workspace/${row.id}`,
    organizationId: target.organizationId,
    generation: row.generation + 1,
  });
  const changed = await changeWorkspaceRow(tx, row, {
    deletion_requested_at: new Date(nowMs),
    operation_id: operationId,
  });
  await wake(tx, 'workspace', row.id);
  context.note({ slug: row.slug });
  return { data: toWorkspace(changed, ports.kubernetes) };
};

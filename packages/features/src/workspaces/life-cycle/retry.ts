import type { workspace } from '@hexabase/contract/workspace.ts';
import { brandId } from '@hexabase/kernel/id.ts';
import { beginOperation } from '../../operations/public.ts';
import { wake } from '../../run/store.ts';
import type { UseCase } from '../../run/use-case.ts';
import { toWorkspace } from '../representation.ts';
import { acknowledgeLoss, lossToldBy, takeAnew } from './take-anew-store.ts';
import { beginChange } from './begin-change.ts';
import { changeWorkspaceRow, getWorkspaceRow } from '../store.ts';

/**
 * Starts over what does not work, as a new generation, and tries a release again that was put back here: when it stays,
 * others follow. It is the explicit act that makes a lost tenant anew. Anything else is only looked at again, a removal goes
 * on.
 */
export const retryWorkspace: UseCase<typeof workspace.operations.retry> = async (context) => {
  const { tx, target, ports, elsewhere } = context;
  const row = await getWorkspaceRow(tx, target.id);
  await wake(tx, 'workspace', row.id);
  const loss = lossToldBy(row.conditions);
  if (loss === 'tenant') await takeAnew(tx, row.id);
  if (loss === 'contents') await acknowledgeLoss(tx, row.id);
  const putBack = row.refused_release ?? row.too_far_for;
  if (putBack !== null && row.phase === 'active') {
    const newest = await elsewhere('release', async () => ports.newestRelease?.(brandId(row.id)));
    const release = newest ?? putBack;
    return {
      data: toWorkspace(await beginChange(context, row, { kind: 'workspace.upgrade', release }), ports),
    };
  }
  if (row.phase !== 'failed' && row.phase !== 'degraded') return { data: toWorkspace(row, ports) };
  const operationId = await beginOperation(context, {
    kind: row.observed_generation === 0 ? 'workspace.create' : 'workspace.update',
    subject: `workspace/${row.id}`,
    organizationId: target.organizationId,
    generation: row.generation + 1,
  });
  return {
    data: toWorkspace(await changeWorkspaceRow(tx, row, { operation_id: operationId }), ports),
  };
};

import type { workspace } from '@hexabase/contract/workspace.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { beginOperation } from '../operations/public.ts';
import { holdPlan } from '../organizations/public.ts';
import { wake } from '../run/store.ts';
import type { UseCase } from '../run/use-case.ts';
import { choosePlan } from './plan-choice.ts';
import { changeWorkspaceRow, getWorkspaceRow, toWorkspace, type WorkspaceChange } from './store.ts';

/** Throws `workspace_not_active` for one that is being deleted, `plan_limit_reached` above the organization's plan. */
export const updateWorkspace: UseCase<typeof workspace.operations.update> = async (context, { body }) => {
  const { tx, target, ports } = context;
  const row = await getWorkspaceRow(tx, target.id);
  if (row.deletion_requested_at)
    throw new AppError('workspace_not_active', { details: { phase: row.phase } });
  const change: WorkspaceChange = {};
  if (body.name !== undefined && body.name !== row.name) change.name = body.name;
  if (body.description !== undefined && body.description !== row.description)
    change.description = body.description;
  if (body.plan !== undefined && body.plan !== row.plan) {
    change.plan = (await choosePlan(tx, await holdPlan(tx, target.organizationId), body.plan)).name;
    context.note({ planBefore: row.plan, planAfter: change.plan });
  }
  if (Object.keys(change).length === 0) return { data: toWorkspace(row, ports.kubernetes) };
  const operationId = await beginOperation(context, {
    kind: 'workspace.update',
    subject: `workspace/${row.id}`,
    organizationId: target.organizationId,
    generation: row.generation + 1,
  });
  const changed = await changeWorkspaceRow(tx, row, { ...change, operation_id: operationId });
  await wake(tx, 'workspace', row.id);
  return { data: toWorkspace(changed, ports.kubernetes) };
};

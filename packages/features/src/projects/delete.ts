import type { project } from '@hexabase/contract/project.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { beginOperation } from '../operations/public.ts';
import { wake } from '../run/store.ts';
import type { UseCase } from '../run/use-case.ts';
import { findProjectRow, requestProjectDeletion, toProject } from './store.ts';

/** Asks for the removal of the namespace and everything in it; asking again changes nothing. */
export const deleteProject: UseCase<typeof project.operations.delete> = async (context, { params }) => {
  const { tx, target, nowMs } = context;
  const row = await findProjectRow(tx, { workspaceId: target.id, nameOrId: params.project, lock: true });
  if (!row) throw new AppError('not_found');
  if (row.deletion_requested_at) return { data: toProject(row) };
  const operationId = await beginOperation(context, {
    kind: 'project.delete',
    subject: `project/${row.id}`,
    organizationId: target.organizationId,
    generation: row.generation + 1,
  });
  const changed = await requestProjectDeletion(tx, { id: row.id, at: new Date(nowMs), operationId });
  await wake(tx, 'project', row.id);
  return { data: toProject(changed) };
};

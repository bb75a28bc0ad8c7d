import type { assignment } from '@hexabase/contract/access/assignment.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { findProjectRow } from '../projects/store.ts';
import type { UseCase } from '../run/use-case.ts';
import { listAssignmentRows } from './store.ts';

export const listAssignments: UseCase<typeof assignment.operations.list> = async (
  { tx, target },
  { query },
) => {
  const workspaceId = target.id;
  if (query.project === undefined)
    return listAssignmentRows(tx, { workspaceId, projectId: undefined }, query);
  const project = await findProjectRow(tx, { workspaceId, nameOrId: query.project, lock: false });
  if (!project) throw new AppError('not_found', { message: 'There is no such project in this workspace.' });
  return listAssignmentRows(tx, { workspaceId, projectId: project.id }, query);
};

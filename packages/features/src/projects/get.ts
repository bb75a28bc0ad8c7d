import type { project } from '@hexabase/contract/project.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import type { UseCase } from '../run/use-case.ts';
import { findProjectRow, toProject } from './store.ts';

export const getProject: UseCase<typeof project.operations.get> = async ({ tx, target }, { params }) => {
  const row = await findProjectRow(tx, { workspaceId: target.id, nameOrId: params.project, lock: false });
  if (!row) throw new AppError('not_found');
  return { data: toProject(row) };
};

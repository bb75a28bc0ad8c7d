import type { project } from '@hexabase/contract/project.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { newId } from '@hexabase/kernel/id.ts';
import { beginOperation } from '../operations/public.ts';
import { wake } from '../run/store.ts';
import type { UseCase } from '../run/use-case.ts';
import { requireUsableWorkspace } from '../workspaces/public.ts';
import { isSystemNamespace } from './project.ts';
import { insertProject, toProject } from './store.ts';

/** Throws `already_exists` for a name in use or kept by the system, `workspace_not_active` for a workspace without API. */
export const createProject: UseCase<typeof project.operations.create> = async (context, { body }) => {
  const { tx, target, actor, nowMs } = context;
  await requireUsableWorkspace(tx, target.id);
  if (isSystemNamespace(body.name)) {
    throw new AppError('already_exists', { message: 'This name belongs to the system; choose another.' });
  }
  const id = newId<'Project'>(nowMs);
  const operationId = await beginOperation(context, {
    kind: 'project.create',
    subject: `project/${id}`,
    organizationId: target.organizationId,
    generation: 1,
  });
  const row = await insertProject(tx, {
    id,
    workspace_id: target.id,
    organization_id: target.organizationId,
    name: body.name,
    operation_id: operationId,
    created_by: actor.userId,
    created_at: new Date(nowMs),
  });
  if (!row) throw new AppError('already_exists');
  await wake(tx, 'project', id);
  context.note({ workspaceId: target.id, name: body.name });
  return { data: toProject(row) };
};

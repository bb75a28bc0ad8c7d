import type { assignment } from '@hexabase/contract/access/assignment.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { revokeUsers, wakeAccess } from '../access/public.ts';
import { membersOf } from '../groups/store.ts';
import type { UseCase } from '../run/use-case.ts';
import { deleteAssignmentRow, findAssignment } from './store.ts';

/** Takes a role back: at the gateway at once, in the cluster as soon as its reconciler has run. */
export const deleteAssignment: UseCase<typeof assignment.operations.delete> = async (context, { params }) => {
  const { tx, target } = context;
  const found = await findAssignment(tx, target.id, params.assignment);
  if (!found) throw new AppError('not_found');
  const { kind, id } = found.subject;
  await revokeUsers(tx, target.organizationId, kind === 'user' ? [id] : await membersOf(tx, [id]));
  await deleteAssignmentRow(tx, found.id);
  await wakeAccess(tx, [target.id]);
  context.note({ role: found.role, project: found.project, subject: found.subject });
  return { data: null };
};

import type { group } from '@hexabase/contract/access/group.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { revokeUsers } from '../access/public.ts';
import { findMember } from '../members/store.ts';
import type { UseCase } from '../run/use-case.ts';
import { requireGroup } from './find.ts';
import { deleteGroupMember } from './store.ts';

/** Throws `not_found` when the person is not in it directly. */
export const removeGroupMember: UseCase<typeof group.operations.removeMember> = async (
  context,
  { params },
) => {
  const { tx, target } = context;
  const found = await requireGroup(context, params.group);
  const person = await findMember(tx, target.organizationId, params.userId);
  if (!person || !(await deleteGroupMember(tx, found.id, person.userId))) throw new AppError('not_found');
  await revokeUsers(tx, target.organizationId, [person.userId]);
  context.note({ name: found.name, email: person.email });
  return { data: null };
};

import type { group } from '@hexabase/contract/access/group.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { revokeUsers } from '../access/public.ts';
import { findMember } from '../members/store.ts';
import { shellWord } from '../run/shell-word.ts';
import type { UseCase } from '../run/use-case.ts';
import { requireGroup } from './find.ts';
import { findGroupMember, insertGroupMember } from './store.ts';

/** Throws `not_found` for somebody outside the organization, `already_exists` for who is in it directly. */
export const addGroupMember: UseCase<typeof group.operations.addMember> = async (
  context,
  { params, body },
) => {
  const { tx, target } = context;
  const found = await requireGroup(context, params.group);
  const person = await findMember(tx, target.organizationId, body.user);
  if (!person) {
    throw new AppError('not_found', {
      message: 'This person is not in the organization; invite them first.',
      details: { howTo: `hks invitation create ${shellWord(body.user)}` },
    });
  }
  const { organizationId } = target;
  if (!(await insertGroupMember(tx, { groupId: found.id, userId: person.userId, organizationId }))) {
    throw new AppError('already_exists', { message: 'This person is in the group already.' });
  }
  // Also who gains must get a new token: the old one does not carry the group.
  await revokeUsers(tx, organizationId, [person.userId]);
  context.note({ name: found.name, userId: person.userId });
  const added = await findGroupMember(tx, found.id, person.userId);
  if (!added) throw new AppError('not_found');
  return { data: added };
};

import type { group } from '@hexabase/contract/access/group.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { revokeUsers, wakeAccess } from '../access/public.ts';
import type { UseCase } from '../run/use-case.ts';
import { requireOwnGroup } from './find.ts';
import { deleteGroupRow, hasGroupsBelow, membersOf, workspacesOfGroup } from './store.ts';

/** Throws `conflict` while there are groups below: their members would silently lose what they have through it. */
export const deleteGroup: UseCase<typeof group.operations.delete> = async (context, { params }) => {
  const { tx } = context;
  const found = await requireOwnGroup(context, params.group);
  if (await hasGroupsBelow(tx, found.id)) {
    throw new AppError('conflict', {
      message: `There are groups below ${found.name}; move or delete them first.`,
      details: { howTo: `hks group list --parent "${found.name}"` },
    });
  }
  await revokeUsers(tx, found.organizationId, await membersOf(tx, [found.id]));
  await wakeAccess(tx, await workspacesOfGroup(tx, found.id));
  await deleteGroupRow(tx, found.id);
  context.note({ name: found.name });
  return { data: null };
};

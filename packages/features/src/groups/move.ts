import type { group } from '@hexabase/contract/access/group.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { revokeUsers } from '../access/public.ts';
import type { UseCase } from '../run/use-case.ts';
import { requireGroup, requireOwnGroup } from './find.ts';
import { isBelow, membersOf, moveGroup as move } from './store.ts';

/**
 * Puts a group below another one. Throws `conflict` when that would put it below itself: the organization's row is
 * locked, so that two moves cannot close a circle together, and the database refuses one that came another way.
 */
export const moveGroup: UseCase<typeof group.operations.move> = async (context, { params, body }) => {
  const { tx } = context;
  const found = await requireOwnGroup(context, params.group);
  const parent = body.parent === null ? null : await requireGroup(context, body.parent);
  if (parent && (await isBelow(tx, parent.id, found.id))) {
    throw new AppError('conflict', {
      message: `${parent.name} is ${parent.id === found.id ? 'the group itself' : `below ${found.name}`}; a group cannot be below itself.`,
    });
  }
  await move(tx, found.id, parent?.id ?? null);
  await revokeUsers(tx, context.target.organizationId, await membersOf(tx, [found.id]));
  context.note({ name: found.name, parentBefore: found.parent, parentAfter: parent?.name ?? null });
  return { data: await requireGroup(context, found.id) };
};

import type { group } from '@hexabase/contract/access/group.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { newId } from '@hexabase/kernel/id.ts';
import type { UseCase } from '../run/use-case.ts';
import { requireGroup } from './find.ts';
import { countGroups, insertGroup } from './store.ts';

/** More would make every look at an organization's groups slow. */
const groupsMax = 20_000;

/** Throws `already_exists` for a name that another group of the organization has, `conflict` when there are too many. */
export const createGroup: UseCase<typeof group.operations.create> = async (context, { body }) => {
  const { tx, target, actor, nowMs } = context;
  if ((await countGroups(tx, target.organizationId)) >= groupsMax) {
    throw new AppError('conflict', {
      message: `There are ${groupsMax} groups already; delete those that nobody uses.`,
    });
  }
  const parent = body.parent === undefined ? null : await requireGroup(context, body.parent);
  const id = newId<'Group'>(nowMs);
  const made = await insertGroup(tx, {
    id,
    organizationId: target.organizationId,
    workspaceId: null,
    parentId: parent?.id ?? null,
    name: body.name,
    createdBy: actor.userId,
    createdAt: new Date(nowMs),
  });
  if (!made) throw new AppError('already_exists');
  context.note({ name: body.name, parent: parent?.name ?? null });
  return { data: await requireGroup(context, id) };
};

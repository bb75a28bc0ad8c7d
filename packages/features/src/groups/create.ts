import type { group } from '@hexabase/contract/access/group.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { newId } from '@hexabase/kernel/id.ts';
import type { UseCase } from '../run/use-case.ts';
import { requireGroup } from './find.ts';
import { insertGroup } from './store.ts';

/** Throws `already_exists` for a name that another group of the organization has. */
export const createGroup: UseCase<typeof group.operations.create> = async (context, { body }) => {
  const { tx, target, actor, nowMs } = context;
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

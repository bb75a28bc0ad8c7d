import type { group } from '@hexabase/contract/access/group.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import type { UseCase } from '../run/use-case.ts';
import { requireOwnGroup } from './find.ts';
import { renameGroup as rename } from './store.ts';

/** Throws `already_exists`, and `conflict` for a group that comes with a workspace. Nobody's access changes. */
export const renameGroup: UseCase<typeof group.operations.rename> = async (context, { params, body }) => {
  const found = await requireOwnGroup(context, params.group);
  if (!(await rename(context.tx, found.id, body.name))) throw new AppError('already_exists');
  context.note({ nameBefore: found.name, nameAfter: body.name });
  return { data: { ...found, name: body.name } };
};

import type { role } from '@hexabase/contract/access/role.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { newId } from '@hexabase/kernel/id.ts';
import { wakeAccess } from '../access/public.ts';
import type { UseCase } from '../run/use-case.ts';
import { isPresetName, requireHarmless, requireOwnRole, requireRoom } from './rules.ts';
import { countOwnRoles, insertRole } from './store.ts';

/** More would make every question about rights in a workspace slow. */
const rolesMax = 200;

/** Throws `escalation_refused`, `conflict` when there are too many or their rules too long, and `already_exists` for a name in use or kept by the product. */
export const createRole: UseCase<typeof role.operations.create> = async (context, { body }) => {
  const { tx, target, actor, nowMs } = context;
  if (isPresetName(body.name)) {
    throw new AppError('already_exists', { message: `Every workspace has a role ${body.name} already.` });
  }
  if ((await countOwnRoles(tx, target.id)) >= rolesMax) {
    throw new AppError('conflict', {
      message: `There are ${rolesMax} roles in this workspace; delete those that nobody uses.`,
    });
  }
  await requireRoom(context, { rules: body.rules, before: [] });
  await requireHarmless(context, body);
  const id = newId<'Role'>(nowMs);
  const made = await insertRole(tx, {
    id,
    organizationId: target.organizationId,
    workspaceId: target.id,
    scope: body.scope,
    name: body.name,
    description: body.description,
    rules: body.rules,
    createdBy: actor.userId,
    createdAt: new Date(nowMs),
  });
  if (!made) throw new AppError('already_exists');
  await wakeAccess(tx, [target.id]);
  context.note({ name: body.name, scope: body.scope, rules: body.rules });
  return { data: await requireOwnRole(context, id) };
};

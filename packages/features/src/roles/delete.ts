import type { role } from '@hexabase/contract/access/role.ts';
import { wakeAccess } from '../access/public.ts';
import type { UseCase } from '../run/use-case.ts';
import { requireOwnRole, revokeHolders } from './rules.ts';
import { deleteRoleRow } from './store.ts';

/** Takes it back from everybody who has it. Throws `conflict` for a role that every workspace has. */
export const deleteRole: UseCase<typeof role.operations.delete> = async (context, { params }) => {
  const { tx, target } = context;
  const found = await requireOwnRole(context, params.role);
  const id = found.id ?? '';
  await revokeHolders(context, id);
  await deleteRoleRow(tx, id);
  await wakeAccess(tx, [target.id]);
  context.note({ name: found.name });
  return { data: null };
};

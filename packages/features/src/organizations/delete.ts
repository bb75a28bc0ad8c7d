import type { organization } from '@hexabase/contract/organization.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import type { UseCase } from '../run/use-case.ts';
import { countLiveWorkspaces, deleteOrganizationRow, revokeMembers } from './store.ts';

/** Throws `organization_not_empty` while workspaces live, also those that are just being deleted. */
export const deleteOrganization: UseCase<typeof organization.operations.delete> = async ({ tx, target }) => {
  const workspaces = await countLiveWorkspaces(tx, target.id);
  if (workspaces > 0) throw new AppError('organization_not_empty', { details: { workspaces } });
  await revokeMembers(tx, target.id);
  await deleteOrganizationRow(tx, target.id);
  return { data: null };
};

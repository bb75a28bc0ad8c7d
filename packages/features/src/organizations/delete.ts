import type { organization } from '@hexabase/contract/organization.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import type { UseCase } from '../run/use-case.ts';
import {
  countLiveWorkspaces,
  deleteOrganizationRow,
  markOrganizationDeletion,
  revokeMembers,
  toOrganization,
} from './store.ts';

/**
 * Without a grace period it goes at once; with one, nothing can be done in it until it is restored or gone.
 * Throws `organization_not_empty` while workspaces live, also those that are just being deleted.
 */
export const deleteOrganization: UseCase<typeof organization.operations.delete> = async ({
  tx,
  target,
  ports,
  nowMs,
}) => {
  const workspaces = await countLiveWorkspaces(tx, target.id);
  if (workspaces > 0) throw new AppError('organization_not_empty', { details: { workspaces } });
  await revokeMembers(tx, target.id);
  const graceMs = ports.deletionGraceMs ?? 0;
  if (graceMs === 0) await deleteOrganizationRow(tx, target.id);
  else
    await markOrganizationDeletion(tx, target.id, { at: new Date(nowMs), until: new Date(nowMs + graceMs) });
  return { data: null };
};

/** Throws `conflict` when no deletion runs. */
export const restoreOrganization: UseCase<typeof organization.operations.restore> = async ({
  tx,
  target,
  role,
}) => {
  if (!target.leaving) throw new AppError('conflict', { message: 'This organization is not being deleted.' });
  return { data: toOrganization(await markOrganizationDeletion(tx, target.id, null), role) };
};

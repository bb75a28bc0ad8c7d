import type { Group } from '@hexabase/contract/access/group.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import type { TargetContext } from '../run/use-case.ts';
import { findGroup } from './store.ts';

/** The group of the target's organization by id or name. Throws `not_found`. */
export async function requireGroup({ tx, target }: TargetContext, reference: string): Promise<Group> {
  const found = await findGroup(tx, target.organizationId, reference);
  if (!found) throw new AppError('not_found');
  return found;
}

/** For changes of the group itself. Throws `conflict` for one that belongs to a workspace, `not_found`. */
export async function requireOwnGroup(context: TargetContext, reference: string): Promise<Group> {
  const found = await requireGroup(context, reference);
  if (found.workspaceId === null) return found;
  throw new AppError('conflict', {
    message: `The group ${found.name} comes with its workspace; it cannot be renamed, moved or deleted.`,
  });
}

import { newId } from '@hexabase/kernel/id.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { findGroup, insertGroup, insertGroupMember } from './store.ts';

/** The groups of every workspace: everybody is in `WorkspaceMembers` through one of its children. */
export const defaultGroups = { members: 'WorkspaceMembers', admins: 'WSAdmins', users: 'WSUsers' } as const;

export interface DefaultGroupsOf {
  workspaceId: string;
  organizationId: string;
  /** The first of the administrators. */
  creatorId: string;
  nowMs: number;
}

/** `WorkspaceMembers → WSAdmins, WSUsers`, with the creator among the administrators. */
export async function makeDefaultGroups(
  tx: Tx,
  { creatorId, nowMs, ...where }: DefaultGroupsOf,
): Promise<void> {
  const members = newId<'Group'>(nowMs);
  const admins = newId<'Group'>(nowMs);
  const common = { ...where, createdBy: creatorId, createdAt: new Date(nowMs) };
  await insertGroup(tx, { ...common, id: members, name: defaultGroups.members, parentId: null });
  await insertGroup(tx, { ...common, id: admins, name: defaultGroups.admins, parentId: members });
  await insertGroup(tx, {
    ...common,
    id: newId<'Group'>(nowMs),
    name: defaultGroups.users,
    parentId: members,
  });
  await insertGroupMember(tx, {
    groupId: admins,
    userId: creatorId,
    organizationId: where.organizationId,
  });
}

/** Puts a new member into groups; those that were deleted meanwhile are left out. */
export async function addToGroups(
  tx: Tx,
  {
    organizationId,
    groupIds,
    userId,
  }: { organizationId: string; groupIds: readonly string[]; userId: string },
): Promise<void> {
  for (const groupId of groupIds) {
    if (await findGroup(tx, organizationId, groupId))
      await insertGroupMember(tx, { groupId, userId, organizationId });
  }
}

import type { OrganizationRole } from '@hexabase/kernel/actor.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { insertMember, revokeUser } from './store.ts';

export { changeMemberRole, endMembership, takeMembership } from './membership.ts';
export { requireMember, requireRank } from './rules.ts';
export { findMember } from './store.ts';

/** Makes the person a member and their earlier tokens stale. Answers false for a member. */
export async function joinOrganization(
  tx: Tx,
  member: { organizationId: string; userId: string; role: OrganizationRole; createdAt: Date },
): Promise<boolean> {
  const added = await insertMember(tx, member);
  if (added) await revokeUser(tx, member.userId);
  return added;
}

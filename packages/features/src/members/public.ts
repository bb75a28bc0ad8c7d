import type { Tx } from '@hexabase/postgres/database.ts';
import { revokeUsers } from '../access/public.ts';
import { insertMember, type NewMember } from './store.ts';

export { keptRoles } from './kept-roles.ts';
export { leftBehind } from './left-behind.ts';
export { changeMemberRole, endMembership, takeMembership } from './membership.ts';
export { requireMember, requireRank } from './rules.ts';
export { findMember } from './store.ts';

/** Makes the person, who asked for it, a member and their earlier tokens stale. Answers false for a member. */
export async function joinOrganization(tx: Tx, member: Omit<NewMember, 'accepted'>): Promise<boolean> {
  const added = await insertMember(tx, { ...member, accepted: true });
  if (added) await revokeUsers(tx, member.organizationId, [member.userId]);
  return added;
}

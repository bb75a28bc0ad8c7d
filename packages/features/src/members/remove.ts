import type { member } from '@hexabase/contract/member.ts';
import type { UseCase } from '../run/use-case.ts';
import { requireAnotherOwner, requireMember, requireRank } from './rules.ts';
import { deleteMember, leaveGroups, revokeUser } from './store.ts';

/** Removes a member from the organization and from the groups of its workspaces. */
export const removeMember: UseCase<typeof member.operations.remove> = async (context, { params }) => {
  const { tx, target, role } = context;
  const found = await requireMember(context, params.userId);
  requireRank(role, found.role);
  await requireAnotherOwner(context, found);
  const { organizationId } = target;
  await leaveGroups(tx, { organizationId, userId: found.userId, which: 'all' });
  await revokeUser(tx, found.userId);
  await deleteMember(tx, organizationId, found.userId);
  context.note({ email: found.email, role: found.role });
  return { data: null };
};

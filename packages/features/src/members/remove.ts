import type { member } from '@hexabase/contract/member.ts';
import { wakeAccess } from '../access/public.ts';
import type { UseCase } from '../run/use-case.ts';
import { requireAnotherOwner, requireMember, requireRank } from './rules.ts';
import { deleteMember, revokeUser, takeAccess } from './store.ts';

/** Removes a member from the organization, from its groups and from every role that was given to them. */
export const removeMember: UseCase<typeof member.operations.remove> = async (context, { params }) => {
  const { tx, target, role } = context;
  const found = await requireMember(context, params.userId);
  requireRank(role, found.role);
  await requireAnotherOwner(context, found);
  const { organizationId } = target;
  // The membership goes first: whoever is just giving them a role holds it, and what they gave is then seen below.
  await deleteMember(tx, organizationId, found.userId);
  await wakeAccess(tx, await takeAccess(tx, { organizationId, userId: found.userId, which: 'all' }));
  await revokeUser(tx, found.userId);
  context.note({ email: found.email, role: found.role });
  return { data: null };
};

import type { member } from '@hexabase/contract/people/member.ts';
import type { UseCase } from '../run/use-case.ts';
import { endMembership } from './membership.ts';
import { requireMember, requireRank } from './rules.ts';

/** Removes a member from the organization, from its groups and from every role that was given to them. */
export const removeMember: UseCase<typeof member.operations.remove> = async (context, { params }) => {
  const found = await requireMember(context, params.userId);
  requireRank(context.role, found.role);
  await endMembership(context, found);
  return { data: null };
};

import type { member } from '@hexabase/contract/people/member.ts';
import type { UseCase } from '../run/use-case.ts';
import { leftBehind } from './left-behind.ts';
import { endMembership } from './membership.ts';
import { requireMember, requireRank } from './rules.ts';

/**
 * Removes a member from the organization, from its groups and from every role that was given to them. What they made for
 * machines goes on, since others rely on it; the answer says what they may have kept of it, and how to end that.
 */
export const removeMember: UseCase<typeof member.operations.remove> = async (context, { params }) => {
  const found = await requireMember(context, params.userId);
  requireRank(context.role, found.role);
  await endMembership(context, found);
  return { data: { ...found, ...(await leftBehind(context, found)) } };
};

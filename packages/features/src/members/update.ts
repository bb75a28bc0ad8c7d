import type { member } from '@hexabase/contract/people/member.ts';
import type { UseCase } from '../run/use-case.ts';
import { changeMemberRole } from './membership.ts';
import { requireMember, requireRank } from './rules.ts';

export const updateMember: UseCase<typeof member.operations.update> = async (context, { params, body }) => {
  const found = await requireMember(context, params.userId);
  requireRank(context.role, found.role, body.role);
  await changeMemberRole(context, found, body.role);
  return { data: { ...found, role: body.role } };
};

import type { member } from '@hexabase/contract/people/member.ts';
import type { UseCase } from '../run/use-case.ts';
import { keptRoles } from './kept-roles.ts';
import { changeMemberRole } from './membership.ts';
import { requireMember, requireRank } from './rules.ts';

/** Below admin a member administers no workspace; what else groups and given roles give stays, and is told. */
export const updateMember: UseCase<typeof member.operations.update> = async (context, { params, body }) => {
  const found = await requireMember(context, params.userId);
  requireRank(context.role, found.role, body.role);
  await changeMemberRole(context, found, body.role);
  const changed = { ...found, role: body.role };
  return { data: { ...changed, ...(await keptRoles(context, changed)) } };
};

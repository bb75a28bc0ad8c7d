import type { serviceAccount } from '@hexabase/contract/people/service-account.ts';
import { changeMemberRole, keptRoles, requireMember, requireRank } from '../members/public.ts';
import type { UseCase } from '../run/use-case.ts';
import { requireServiceAccount } from './find.ts';

export const updateServiceAccount: UseCase<typeof serviceAccount.operations.update> = async (
  context,
  { params, body },
) => {
  const found = await requireServiceAccount(context, params.serviceAccount);
  requireRank(context.role, found.role, body.role);
  const member = await requireMember(context, found.id);
  await changeMemberRole(context, member, body.role);
  const kept = await keptRoles(context, { ...member, role: body.role });
  return { data: { ...found, role: body.role, ...kept } };
};

import type { member } from '@hexabase/contract/member.ts';
import { wakeAccess } from '../access/public.ts';
import type { UseCase } from '../run/use-case.ts';
import { requireAnotherOwner, requireMember, requireRank } from './rules.ts';
import { revokeUser, takeAccess, updateMemberRole } from './store.ts';

/** Changes a role; tokens of the person that carry the old one stop working within a second. */
export const updateMember: UseCase<typeof member.operations.update> = async (context, { params, body }) => {
  const { tx, target, role } = context;
  const found = await requireMember(context, params.userId);
  requireRank(role, found.role, body.role);
  if (found.role === body.role) return { data: found };
  await requireAnotherOwner(context, found);
  const { organizationId } = target;
  await updateMemberRole(tx, { organizationId, userId: found.userId, role: body.role });
  if (body.role === 'developer' || body.role === 'viewer') {
    const { userId } = found;
    await wakeAccess(tx, await takeAccess(tx, { organizationId, userId, which: 'administering' }));
  }
  await revokeUser(tx, found.userId);
  context.note({ roleBefore: found.role, roleAfter: body.role });
  return { data: { ...found, role: body.role } };
};

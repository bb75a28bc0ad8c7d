import type { Member } from '@hexabase/contract/people/member.ts';
import type { OrganizationRole } from '@hexabase/kernel/actor.ts';
import { wakeAccess } from '../access/public.ts';
import type { TargetContext } from '../run/use-case.ts';
import { requireAnotherOwner } from './rules.ts';
import { deleteMember, revokeUser, takeAccess, updateMemberRole } from './store.ts';

/** Ends a membership and everything that groups and roles gave. Throws `last_owner`. */
export async function endMembership(context: TargetContext, found: Member): Promise<void> {
  const { tx, target } = context;
  await requireAnotherOwner(context, found);
  const { organizationId } = target;
  // The membership goes first: whoever is just giving them a role holds it, and what they gave is then seen below.
  await deleteMember(tx, organizationId, found.userId);
  await wakeAccess(tx, await takeAccess(tx, { organizationId, userId: found.userId, which: 'all' }));
  await revokeUser(tx, found.userId);
  context.note({ email: found.email, role: found.role });
}

/** Changes a role; tokens of the person that carry the old one stop working within a second. Throws `last_owner`. */
export async function changeMemberRole(
  context: TargetContext,
  found: Member,
  role: OrganizationRole,
): Promise<void> {
  if (found.role === role) return;
  const { tx, target } = context;
  await requireAnotherOwner(context, found);
  const { organizationId } = target;
  const { userId } = found;
  await updateMemberRole(tx, { organizationId, userId, role });
  if (role === 'developer' || role === 'viewer') {
    await wakeAccess(tx, await takeAccess(tx, { organizationId, userId, which: 'administering' }));
  }
  await revokeUser(tx, userId);
  context.note({ roleBefore: found.role, roleAfter: role });
}

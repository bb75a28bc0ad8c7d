import type { Member } from '@hexabase/contract/people/member.ts';
import { rolesToInvite } from '@hexabase/authz/may-invite.ts';
import type { OrganizationRole } from '@hexabase/kernel/actor.ts';
import { isMachineAddress } from '@hexabase/kernel/text/email-address.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { revokeUsers, wakeAccess } from '../access/public.ts';
import type { TargetContext } from '../run/use-case.ts';
import { requireAnotherOwner } from './rules.ts';
import { deleteMember, takeAccess, takeInvitations, updateMemberRole } from './store.ts';

/** Ends a membership, everything that groups and roles gave, and the person's open invitations. Throws `last_owner`, `conflict` for a service account. */
export async function endMembership(context: TargetContext, found: Member): Promise<void> {
  if (isMachineAddress(found.email)) {
    throw new AppError('conflict', {
      message: 'A service account belongs to its organization for good: delete it instead.',
      details: { howTo: `hks service-account delete ${found.email.split('@')[0]}` },
    });
  }
  await requireAnotherOwner(context, found);
  await takeMembership(context, found);
}

/** As `endMembership`, whoever it is. */
export async function takeMembership(context: TargetContext, found: Member): Promise<void> {
  const { tx, target, nowMs } = context;
  const { organizationId } = target;
  // The membership goes first: whoever is just giving them a role holds it, and what they gave is then seen below.
  await deleteMember(tx, organizationId, found.userId);
  await wakeAccess(tx, await takeAccess(tx, { organizationId, userId: found.userId, which: 'all' }));
  await takeInvitations(tx, { organizationId, userId: found.userId, but: [], at: new Date(nowMs) });
  await revokeUsers(tx, organizationId, [found.userId]);
  context.note({ email: found.email, role: found.role });
}

/** Changes a role, and takes invitations back that the person could not write any more; tokens of the person that carry the old one stop working within a second. Throws `last_owner`, `conflict`. */
export async function changeMemberRole(
  context: TargetContext,
  found: Member,
  role: OrganizationRole,
): Promise<void> {
  if (found.role === role) return;
  if (role === 'owner' && isMachineAddress(found.email)) {
    throw new AppError('conflict', { message: 'A service account cannot be an owner.' });
  }
  const { tx, target, nowMs } = context;
  await requireAnotherOwner(context, found);
  const { organizationId } = target;
  const { userId } = found;
  await updateMemberRole(tx, { organizationId, userId, role });
  const but = rolesToInvite(role);
  await takeInvitations(tx, { organizationId, userId, but, at: new Date(nowMs) });
  if (role !== 'owner' && role !== 'admin') {
    const which = role === 'billing' ? 'all' : 'administering';
    await wakeAccess(tx, await takeAccess(tx, { organizationId, userId, which }));
  }
  await revokeUsers(tx, organizationId, [userId]);
  context.note({ roleBefore: found.role, roleAfter: role });
}

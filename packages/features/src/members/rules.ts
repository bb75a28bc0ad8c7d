import { mayAssignRole } from '@hexabase/authz/decide.ts';
import type { Member } from '@hexabase/contract/people/member.ts';
import type { OrganizationRole } from '@hexabase/kernel/actor.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import type { TargetContext } from '../run/use-case.ts';
import { findMember, hasOtherOwner } from './store.ts';

/** Throws `forbidden` when a role above the caller's own is given, taken or touched. */
export function requireRank(own: OrganizationRole, ...touched: OrganizationRole[]): void {
  if (touched.every((role) => mayAssignRole(own, role))) return;
  throw new AppError('forbidden', { message: 'You cannot give, take or change a role above your own.' });
}

/**
 * Throws `last_owner`. The row of the organization is locked, so that two owners cannot leave at once. Somebody whose
 * account is disabled is no owner that stays.
 */
export async function requireAnotherOwner({ tx, target }: TargetContext, leaving: Member): Promise<void> {
  if (leaving.role !== 'owner') return;
  const { organizationId } = target;
  if (!(await hasOtherOwner(tx, { organizationId, userId: leaving.userId })))
    throw new AppError('last_owner');
}

export async function requireMember({ tx, target }: TargetContext, userIdOrEmail: string): Promise<Member> {
  const found = await findMember(tx, target.organizationId, userIdOrEmail);
  if (!found) throw new AppError('not_found');
  return found;
}

import type { organization } from '@hexabase/contract/organization.ts';
import { changeMemberRole, endMembership, leftBehind, requireMember } from '../members/public.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import type { UseCase } from '../run/use-case.ts';
import { getOrganizationRow, hasShownFactor, toOrganization } from './store.ts';

/**
 * Ends the caller's own membership, and says what they made for machines there. Where a second factor is asked, who has
 * shown none is let out and told nothing of what is inside. Throws `last_owner`.
 */
export const leaveOrganization: UseCase<typeof organization.operations.leave> = async (context) => {
  const { tx, target, actor } = context;
  const found = await requireMember(context, actor.userId);
  await endMembership(context, found);
  const left = await leftBehind(context, found);
  const { id, slug, name, require_second_factor: asks } = await getOrganizationRow(tx, target.id);
  const isTold = !asks || (await hasShownFactor(tx, actor));
  return { data: { id, slug, name, ...(isTold ? left : { secrets: [], notice: null }) } };
};

/** Gives ownership to another member, and the caller becomes an admin. Throws `not_found` for somebody else, `conflict` for a disabled account. */
export const transferOrganization: UseCase<typeof organization.operations.transfer> = async (
  context,
  { body },
) => {
  const { tx, target, actor } = context;
  // The row of the organization is held now: whoever handed over a moment ago is no owner any more.
  if ((await requireMember(context, actor.userId)).role !== 'owner') throw new AppError('forbidden');
  const heir = await requireMember(context, body.to);
  context.note({ to: heir.email });
  if (heir.disabled) {
    throw new AppError('conflict', {
      message: `The account of ${heir.email} is disabled: nobody could act as the owner.`,
    });
  }
  if (heir.userId !== actor.userId) {
    await changeMemberRole(context, heir, 'owner');
    await changeMemberRole(context, await requireMember(context, actor.userId), 'admin');
  }
  const role = heir.userId === actor.userId ? context.role : 'admin';
  return { data: toOrganization(await getOrganizationRow(tx, target.id), role) };
};

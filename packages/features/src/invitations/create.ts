import { mayInvite } from '@hexabase/authz/may-invite.ts';
import type { invitation } from '@hexabase/contract/people/invitation.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { newId } from '@hexabase/kernel/id.ts';
import { requireGroup } from '../groups/find.ts';
import { findMember, requireRank } from '../members/public.ts';
import type { UseCase } from '../run/use-case.ts';
import { expiryAfter, newCode, openInvitationsMax } from './invitation.ts';
import { sendLetter } from './letter.ts';
import { closeExpired, countOpen, insertInvitation, toInvitation } from './store.ts';

/**
 * Invites an address, whether it has an account or not: the caller does not learn which.
 * Throws `already_exists` for a member and for an open invitation, `not_found` for an unknown group.
 */
export const createInvitation: UseCase<typeof invitation.operations.create> = async (context, { body }) => {
  const { tx, target, role, actor, nowMs } = context;
  requireRank(role, body.role);
  const { organizationId } = target;
  const { email } = body;
  const at = new Date(nowMs);
  if (await findMember(tx, organizationId, email)) {
    throw new AppError('already_exists', { message: 'This person is a member already.' });
  }
  const intoGroups = body.groups.length > 0;
  if (!mayInvite(role, { role: body.role, intoGroups })) throw new AppError('forbidden');
  const groups = await Promise.all(body.groups.map((reference) => requireGroup(context, reference)));
  await closeExpired(tx, { organizationId, email, at });
  if ((await countOpen(tx, organizationId)) >= openInvitationsMax) {
    throw new AppError('conflict', {
      message: `${openInvitationsMax} invitations are open; wait for answers or revoke some.`,
    });
  }
  const { code, hash } = newCode();
  const row = await insertInvitation(tx, {
    id: newId(nowMs),
    organizationId,
    email,
    role: body.role,
    groupIds: [...new Set(groups.map(({ id }) => id))],
    codeHash: hash,
    invitedBy: actor.userId,
    createdAt: at,
    expiresAt: expiryAfter(nowMs),
  });
  if (!row) throw new AppError('already_exists', { message: 'This address has an open invitation.' });
  await sendLetter(context, { email, role: body.role, code });
  context.note({ email, role: body.role });
  return { data: toInvitation(row, nowMs) };
};

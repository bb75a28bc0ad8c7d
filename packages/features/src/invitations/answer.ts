import { mayInvite } from '@hexabase/authz/may-invite.ts';
import type { invitation } from '@hexabase/contract/people/invitation.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { addToGroups } from '../groups/public.ts';
import { joinOrganization } from '../members/public.ts';
import { widenScope } from '../organizations/public.ts';
import type { Context, UseCase } from '../run/use-case.ts';
import { hashOfCode, noSuchInvitation } from './invitation.ts';
import { answerInvitation, holdInviter, namesOfOrganization, type AnsweredInvitation } from './store.ts';

/**
 * Makes the caller a member with what the invitation says. Throws `not_found` for a code that is used, ended, unknown or
 * for another address, and when whoever wrote it could not write it any more.
 */
export const acceptInvitation: UseCase<typeof invitation.operations.accept> = async (context, { body }) => {
  const { tx, actor, nowMs } = context;
  const answered = await answer(context, { asked: body.invitation, accepts: true });
  const { organizationId, role } = answered;
  await widenScope(tx, organizationId);
  await requireWorth(context, answered);
  const createdAt = new Date(nowMs);
  if (!(await joinOrganization(tx, { organizationId, userId: actor.userId, role, createdAt }))) {
    throw new AppError('already_exists', { message: 'You are a member already.' });
  }
  await addToGroups(tx, { organizationId, groupIds: answered.groupIds, userId: actor.userId });
  context.recordIn(organizationId, `invitation/${answered.id}`);
  context.note({ role });
  const { name, slug } = await namesOfOrganization(tx, organizationId);
  return { data: { organizationId, organizationName: name, organizationSlug: slug, role } };
};

export const declineInvitation: UseCase<typeof invitation.operations.decline> = async (context, { body }) => {
  const answered = await answer(context, { asked: body.invitation, accepts: false });
  await widenScope(context.tx, answered.organizationId);
  context.recordIn(answered.organizationId, `invitation/${answered.id}`);
  return { data: null };
};

/** Throws `not_found`: an invitation promises what its author may give now, not what they could when they wrote it. */
async function requireWorth(
  { tx }: Context,
  { organizationId, invitedBy, role, groupIds }: AnsweredInvitation,
): Promise<void> {
  const inviter = await holdInviter(tx, { organizationId, userId: invitedBy });
  if (inviter !== null && mayInvite(inviter, { role, intoGroups: groupIds.length > 0 })) return;
  throw new AppError('not_found', {
    message:
      'Whoever wrote this invitation may not give any more what it promises. Ask the organization for a new one.',
  });
}

async function answer(
  { tx, actor, nowMs }: Context,
  { asked, accepts }: { asked: string; accepts: boolean },
): Promise<AnsweredInvitation> {
  const answered = await answerInvitation(tx, {
    asked,
    codeHash: hashOfCode(asked),
    userId: actor.userId,
    accepts,
    at: new Date(nowMs),
  });
  if (!answered) throw noSuchInvitation();
  return answered;
}

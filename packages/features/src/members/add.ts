import type { member } from '@hexabase/contract/people/member.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { revokeUsers } from '../access/public.ts';
import { shellWord } from '../run/shell-word.ts';
import type { UseCase } from '../run/use-case.ts';
import { requireMember, requireRank } from './rules.ts';
import { findAccountId, insertMember } from './store.ts';

/**
 * Adds an existing account. Throws `not_found` for an unknown address, in the same words for a stranger who has an account
 * where strangers are not added, and `already_exists` for a member.
 */
export const addMember: UseCase<typeof member.operations.add> = async (context, { body }) => {
  const { tx, ports, actor, target, role, nowMs } = context;
  requireRank(role, body.role);
  const own = actor.memberships.filter(({ grant }) => !grant).map(({ organizationId }) => organizationId);
  const userId = await findAccountId(tx, body.email, ports.mayAddAnybody ? null : own);
  if (userId === null) {
    throw new AppError('not_found', {
      message: 'There is nobody with this e-mail address whom you can add; invite them.',
      details: { howTo: `hks invitation create ${shellWord(body.email)} --role ${body.role}` },
    });
  }
  const added = await insertMember(tx, {
    organizationId: target.organizationId,
    userId,
    role: body.role,
    createdAt: new Date(nowMs),
    accepted: false,
  });
  if (!added) throw new AppError('already_exists', { message: 'This person is a member already.' });
  // In this organization alone: nobody whom somebody adds loses what they have open elsewhere.
  await revokeUsers(tx, target.organizationId, [userId]);
  context.note({ userId, role: body.role });
  return { data: await requireMember(context, userId) };
};

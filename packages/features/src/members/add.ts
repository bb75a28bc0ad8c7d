import type { member } from '@hexabase/contract/people/member.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import type { UseCase } from '../run/use-case.ts';
import { requireMember, requireRank } from './rules.ts';
import { findAccountId, insertMember, revokeUser } from './store.ts';

/** Adds an existing account. Throws `not_found` for an unknown address and `already_exists` for a member. */
export const addMember: UseCase<typeof member.operations.add> = async (context, { body }) => {
  const { tx, ports, target, role, nowMs } = context;
  requireRank(role, body.role);
  const userId = await findAccountId(ports.database, body.email);
  if (userId === null) {
    throw new AppError('not_found', { message: 'Nobody has an account with this e-mail address yet.' });
  }
  const added = await insertMember(tx, {
    organizationId: target.organizationId,
    userId,
    role: body.role,
    createdAt: new Date(nowMs),
    accepted: false,
  });
  if (!added) throw new AppError('already_exists', { message: 'This person is a member already.' });
  await revokeUser(tx, userId);
  context.note({ userId, role: body.role });
  return { data: await requireMember(context, userId) };
};

import type { token } from '@hexabase/contract/people/token.ts';
import type { UseCase } from '../run/use-case.ts';
import { endToken } from './issue.ts';

/** Throws `not_found` for a token that is not the caller's. */
export const revokeToken: UseCase<typeof token.operations.revoke> = async (context, { params }) => {
  await endToken(context, { userId: context.actor.userId, organizationId: null }, params.token);
  return { data: null };
};

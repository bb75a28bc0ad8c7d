import type { token } from '@hexabase/contract/people/token.ts';
import type { UseCase } from '../run/use-case.ts';
import { issueToken } from './issue.ts';

/** Throws `already_exists`, `conflict` for too many, `rate_limited`, `not_found` for a workspace that is none of theirs. */
export const createToken: UseCase<typeof token.operations.create> = async (context, { body }) => ({
  data: await issueToken(context, { userId: context.actor.userId, organizationId: null }, body),
});

import type { token } from '@hexabase/contract/people/token.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import type { UseCase } from '../run/use-case.ts';
import { showSecondFactor } from '../run/withheld.ts';
import { issueToken } from './issue.ts';

/**
 * Throws `second_factor_required` while an organization of the caller asks for a second factor that was not shown: a token
 * would reach what the session does not. Throws `already_exists`, `conflict` for too many, `rate_limited`, `not_found` for a workspace that is
 * none of theirs.
 */
export const createToken: UseCase<typeof token.operations.create> = async (context, { body }) => {
  const { actor } = context;
  if ((actor.withheld ?? []).length > 0) {
    throw new AppError('second_factor_required', {
      message:
        'An organization of yours asks for a second factor. Show one before you make API tokens, or leave that ' +
        'organization (hks organization list tells which, hks organization leave NAME).',
      details: { howTo: showSecondFactor },
    });
  }
  return { data: await issueToken(context, { userId: actor.userId, organizationId: null }, body) };
};

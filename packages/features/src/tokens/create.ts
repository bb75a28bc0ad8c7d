import type { token } from '@hexabase/contract/people/token.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import type { UseCase } from '../run/use-case.ts';
import { showSecondFactor } from '../run/withheld.ts';
import { issueToken } from './issue.ts';
import { leavingAmong } from './store.ts';

/**
 * Throws `second_factor_required` while an organization of the caller asks for a second factor that was not shown: a token
 * would reach what the session does not. One that is being deleted holds nobody up, and is out of the token's reach when it
 * is restored. Throws `already_exists`, `conflict` for too many, `rate_limited`, `not_found` for a workspace that is
 * none of theirs.
 */
export const createToken: UseCase<typeof token.operations.create> = async (context, { body }) => {
  const { tx, actor } = context;
  const asking = (actor.withheld ?? []).map(({ organizationId }) => organizationId);
  const withheld = asking.length > 0 ? await leavingAmong(tx, asking, actor.userId) : [];
  if (withheld.length < asking.length) {
    throw new AppError('second_factor_required', {
      message:
        'An organization of yours asks for a second factor. Show one before you make API tokens, or leave that ' +
        'organization (hks organization list tells which, hks organization leave NAME).',
      details: { howTo: showSecondFactor },
    });
  }
  return { data: await issueToken(context, { userId: actor.userId, organizationId: null, withheld }, body) };
};

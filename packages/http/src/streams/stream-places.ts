import { AppError } from '@hexabase/kernel/errors.ts';

/** How many streams may be open at once in one process. */
export interface StreamLimits {
  /** Of one account. A page uses one. */
  account: number;
  /** Of one organization, over all its people. */
  organization: number;
  all: number;
}

export const defaultStreamLimits: StreamLimits = { account: 16, organization: 1_000, all: 4_000 };

const retryAfterSeconds = 30;

/** Whose stream it is. */
export interface StreamOwner {
  userId: string;
  organizationIds: readonly string[];
}

/**
 * Places for streams. `take` throws `rate_limited` when an account, or all together, have theirs, and when each organization
 * of the account has: a noisy one keeps nobody from the others that they are in. Disposing the answer gives the
 * place back.
 */
export function createStreamPlaces(limits: StreamLimits): { take(owner: StreamOwner): Disposable } {
  const open = new Map<string, number>();
  const count = (key: string, by: number) => {
    const now = (open.get(key) ?? 0) + by;
    if (now > 0) open.set(key, now);
    else open.delete(key);
  };
  const isFull = (key: string, most: number) => (open.get(key) ?? 0) >= most;
  return {
    take({ userId, organizationIds }) {
      const mine = `account ${userId}`;
      const theirs = organizationIds.map((id) => `organization ${id}`);
      const noneFree = theirs.length > 0 && theirs.every((key) => isFull(key, limits.organization));
      if (isFull('all', limits.all) || isFull(mine, limits.account) || noneFree)
        throw new AppError('rate_limited', {
          message: 'Too many event streams are open; close some, or come again later.',
          details: { retryAfterSeconds },
        });
      const keys = ['all', mine, ...theirs];
      for (const key of keys) count(key, 1);
      const place = new DisposableStack();
      place.defer(() => keys.forEach((key) => count(key, -1)));
      return place;
    },
  };
}

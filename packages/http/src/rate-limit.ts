import type { CountFor } from '@hexabase/contract/call.ts';
import { addressBlock } from '@hexabase/kernel/client-address.ts';
import type { Clock } from '@hexabase/kernel/clock.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import type { Logger } from '@hexabase/kernel/log.ts';
import type { FastifyReply } from 'fastify';
import type { Bucket } from './limits/allowance.ts';
import { createSharedBuckets, type BookRequests, type Taken } from './limits/shared-buckets.ts';

export interface RateLimit {
  /** Requests that may come at once. */
  burst: number;
  /** Requests per second that are given back. */
  perSecond: number;
  /** How many times that an organization has: more than an account, since many people and programs share it. */
  organizationShare: number;
}

/** Of one session, API token or, where nobody is signed in, address. */
export const defaultRateLimit: RateLimit = { burst: 2_000, perSecond: 1_000, organizationShare: 10 };

/** How many times that limit everything together of one account has. */
const accountShare = 2;

type Taker = 'session' | 'address' | 'account' | 'organization';

/** Whose buckets a request is taken from: ids, and an address as it is. */
export type Takers = Partial<Record<Exclude<Taker, 'organization'>, string>>;

export interface RateLimiter {
  /**
   * Takes one of each and says in the headers of `reply` what is left of the first. Throws AppError `rate_limited` with
   * `retryAfterSeconds`.
   */
  take(takers: Takers, reply?: FastifyReply): Promise<void>;
  /** Takes one of an organization's, for somebody who holds a connection and must not wait. */
  readonly organizations: CountFor;
}

export interface RateLimiterOptions {
  clock: Clock;
  log: Logger;
  limit: RateLimit;
  /** Absent where this process is the only one. */
  book?: BookRequests | undefined;
}

/** Token buckets per session, account, organization and address, which hold for all replicas together. */
export function createRateLimiter({ clock, log, limit, book }: RateLimiterOptions): RateLimiter {
  const buckets = createSharedBuckets({ clock, log, book });
  const shares = { session: 1, address: 1, account: accountShare, organization: limit.organizationShare };

  function bucketOf(kind: Taker, id: string): Bucket {
    const burst = limit.burst * shares[kind];
    const perSecond = limit.perSecond * shares[kind];
    return { key: `${kind} ${kind === 'address' ? addressBlock(id) : id}`, burst, perSecond };
  }

  async function takeOne(kind: Taker, id: string, reply?: FastifyReply): Promise<void> {
    const bucket = bucketOf(kind, id);
    const { burst, perSecond } = bucket;
    const taken = await buckets.take(bucket);
    reply?.header('ratelimit-limit', String(burst));
    reply?.header('ratelimit-remaining', String(taken.left));
    reply?.header('ratelimit-reset', String(Math.ceil((burst - taken.left) / perSecond)));
    requireAllowed(taken);
  }

  return {
    organizations: {
      now(organization) {
        const taken = buckets.takeNow(bucketOf('organization', organization));
        if (taken) requireAllowed(taken);
        return taken !== null;
      },
      async later(organization) {
        await takeOne('organization', organization);
        return true;
      },
    },
    async take({ session, address, account }, reply) {
      if (address !== undefined) await takeOne('address', address, reply);
      if (session !== undefined) await takeOne('session', session, reply);
      if (account !== undefined) await takeOne('account', account);
    },
  };
}

function requireAllowed({ allowed, waitMs }: Taken): void {
  if (allowed) return;
  const retryAfterSeconds = Math.max(1, Math.ceil(waitMs / 1_000));
  throw new AppError('rate_limited', { details: { retryAfterSeconds } });
}

import type { Clock } from '@hexabase/kernel/clock.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import type { FastifyReply } from 'fastify';

export interface RateLimit {
  /** Requests of one session or address that may come at once. */
  burst: number;
  /** Requests per second that are given back. */
  perSecond: number;
}

export const defaultRateLimit: RateLimit = { burst: 2_000, perSecond: 1_000 };

interface Bucket {
  tokens: number;
  atMs: number;
}

const bucketsMax = 50_000;

export interface RateLimiter {
  /** Takes one and says in the headers what is left. Throws `rate_limited` with `retryAfterSeconds`. */
  take(key: string, reply: FastifyReply): void;
}

/** Token buckets in memory, one per session or, without one, per address. Each replica counts for itself. */
export function createRateLimiter(clock: Clock, limit: RateLimit): RateLimiter {
  const buckets = new Map<string, Bucket>();
  return {
    take(key, reply) {
      const nowMs = clock.now();
      const bucket = buckets.get(key) ?? { tokens: limit.burst, atMs: nowMs };
      bucket.tokens = Math.min(limit.burst, bucket.tokens + ((nowMs - bucket.atMs) / 1000) * limit.perSecond);
      bucket.atMs = nowMs;
      const allowed = bucket.tokens >= 1;
      if (allowed) bucket.tokens -= 1;
      // Taken out and put in again, so that the oldest stands first when there are too many.
      buckets.delete(key);
      buckets.set(key, bucket);
      const [oldest] = buckets.size > bucketsMax ? buckets.keys() : [];
      if (oldest !== undefined) buckets.delete(oldest);
      reply.header('ratelimit-limit', String(limit.burst));
      reply.header('ratelimit-remaining', String(Math.floor(bucket.tokens)));
      reply.header('ratelimit-reset', String(Math.ceil((limit.burst - bucket.tokens) / limit.perSecond)));
      if (allowed) return;
      const retryAfterSeconds = Math.max(1, Math.ceil((1 - bucket.tokens) / limit.perSecond));
      throw new AppError('rate_limited', { details: { retryAfterSeconds } });
    },
  };
}

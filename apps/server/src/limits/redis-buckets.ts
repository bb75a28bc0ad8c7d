import type { BookRequests } from '@hexabase/http/limits/shared-buckets.ts';
import type { Logger } from '@hexabase/kernel/log.ts';
import { sentences } from '@hexabase/kernel/text/sentences.ts';
import type { Redis } from 'ioredis';
import { StartError } from '../lifecycle/data-folder.ts';
import { bookInRedis } from './book-in-redis.ts';
import { readRedisUrl, type RedisAddress } from './redis-address.ts';

/** The buckets of the rate limits in Redis, and in PostgreSQL while it is away. */
export interface RedisBuckets extends Disposable {
  book: BookRequests;
}

export interface RedisBucketsOptions {
  url: string;
  masterKey: Buffer;
  log: Logger;
  /** Takes over while Redis is away. */
  otherwise: BookRequests;
  /** The longest that a request waits for Redis before PostgreSQL is asked. Default 100. */
  patienceMs?: number;
}

const startPatienceMs = 2_000;
const retryMs = 1_000;
/** A bucket that is full again, and gone, after a millisecond: asks for all that real ones need. */
const probe = { key: 'probe', burst: 1, perSecond: 1_000, owed: 0, wanted: 1 };
/** What no waiting mends: who we are, what we may do, the database, a cluster that keeps the key elsewhere. */
const refusal = /^(WRONGPASS|NOAUTH|NOPERM|MOVED)\b|^ERR (DB index|invalid|unknown command|AUTH)/i;

/**
 * Connects to Redis. One that is not there now is asked again every second, so that the product starts without; throws
 * `StartError` when it refuses the user, the password, the database or the script.
 */
export async function openRedisBuckets(options: RedisBucketsOptions): Promise<RedisBuckets> {
  const address = readRedisUrl(options.url);
  if (!address) throw new StartError('HKS_REDIS_URL is not the address of a Redis.');
  const connection = await connect(address);
  const { redis } = connection;
  const { patienceMs = 100, log } = options;
  const ask = bookInRedis(redis, options.masterKey);
  const outage = watchOutage({ ...connection, ask: (bookings) => inTime(ask(bookings), patienceMs), log });
  try {
    await inTime(begin(redis, address, ask), startPatienceMs);
  } catch (error) {
    const reason = connection.reasonOf(error);
    if (refusal.test(reason)) {
      outage[Symbol.dispose]();
      throw new StartError(
        sentences(`Redis at ${nameOf(address)} refuses us: ${reason}`, 'See HKS_REDIS_URL'),
      );
    }
    outage.begin(error);
  }
  return {
    async book(bookings) {
      if (!outage.lasts()) {
        try {
          return await inTime(ask(bookings), patienceMs);
        } catch (error) {
          outage.begin(error);
        }
      }
      return options.otherwise(bookings);
    },
    [Symbol.dispose]: () => outage[Symbol.dispose](),
  };
}

interface Connection {
  redis: Redis;
  /** Why something failed, in words. Never the error itself: it carries the command, and that may hold the password. */
  reasonOf(error: unknown): string;
}

async function connect(address: RedisAddress): Promise<Connection> {
  const { Redis } = await import('ioredis');
  const redis = new Redis({
    ...address,
    lazyConnect: true,
    connectTimeout: startPatienceMs,
    retryStrategy: () => retryMs,
    // It asks for more rights than we need.
    enableReadyCheck: false,
    // What cannot be sent now goes to PostgreSQL, and is not sent later.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
  });
  let broken: Error | null = null;
  redis.on('error', (error: Error) => (broken = error));
  redis.on('ready', () => (broken = null));
  return { redis, reasonOf: (error) => wordsOf(broken ?? error) };
}

async function begin(redis: Redis, { db }: RedisAddress, ask: BookRequests): Promise<void> {
  await redis.connect();
  // The client goes on with database 0 where this one does not exist.
  await redis.select(db);
  await ask([probe]);
}

/** Knows whether Redis is away; asks it every second then, and never on account of a request. */
function watchOutage({ redis, reasonOf, ask, log }: Connection & { ask: BookRequests; log: Logger }) {
  let timer: NodeJS.Timeout | null = null;

  async function lookAgain(): Promise<void> {
    try {
      await ask([probe]);
      timer = null;
      log.info({}, 'rate limits are counted in Redis again');
    } catch {
      if (timer === null) return;
      // A connection whose other end has gone silently would be waited for for a quarter of an hour.
      if (redis.status !== 'connecting' && redis.status !== 'reconnecting') redis.disconnect(true);
      timer = later();
    }
  }

  const later = () => setTimeout(() => void lookAgain(), retryMs).unref();

  return {
    lasts: () => timer !== null,
    begin(error: unknown): void {
      if (timer !== null) return;
      timer = later();
      log.warn(
        { reason: reasonOf(error) },
        'rate limits are counted in PostgreSQL while Redis does not answer',
      );
    },
    [Symbol.dispose](): void {
      if (timer !== null) clearTimeout(timer);
      timer = null;
      redis.disconnect();
    },
  };
}

async function inTime<T>(work: Promise<T>, ms: number): Promise<T> {
  const late = Promise.withResolvers<never>();
  // What came while this process was busy is read first: it is not Redis that was slow then.
  const timer = setTimeout(() => setImmediate(() => late.reject(new Error(`no answer in ${ms} ms`))), ms);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error ? String(error.code) : error.name;
  return error.message || code;
}

function nameOf({ path, host, port }: RedisAddress): string {
  return path ?? `${host}:${port}`;
}

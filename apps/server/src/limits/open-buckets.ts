import type { BookRequests } from '@hexabase/http/limits/shared-buckets.ts';
import type { Logger } from '@hexabase/kernel/log.ts';
import { bookRequests } from '@hexabase/oidc/sessions/request-bucket-store.ts';
import type { Database } from '@hexabase/postgres/database.ts';
import type { ServerConfig } from '../config.ts';
import { openRedisBuckets } from './redis-buckets.ts';

/** The buckets that all replicas share: in Redis where one is configured, else in PostgreSQL. */
export async function openBuckets(
  opened: AsyncDisposableStack,
  { config, database, masterKey, log }: BucketsOptions,
): Promise<BookRequests> {
  const inPostgres: BookRequests = (bookings) => bookRequests(database, bookings);
  if (config.redisUrl === undefined) return inPostgres;
  const inRedis = await openRedisBuckets({ url: config.redisUrl, masterKey, log, otherwise: inPostgres });
  return opened.use(inRedis).book;
}

interface BucketsOptions {
  config: ServerConfig;
  database: Database;
  masterKey: Buffer;
  log: Logger;
}

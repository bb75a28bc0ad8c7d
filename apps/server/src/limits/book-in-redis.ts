import { createHmac, hash, hkdfSync } from 'node:crypto';
import type { Booked, Booking, BookRequests } from '@hexabase/http/limits/shared-buckets.ts';
import type { Redis } from 'ioredis';

/**
 * The sum of `hexabase.book_requests`, for one bucket. The clock is that of Redis, since those of replicas may differ. One
 * key per call, which a cluster needs; it is gone as soon as the bucket is full, which a new one would be too.
 */
const bookOne = `
local burst, rate, owed, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local kept = redis.call('HMGET', KEYS[1], 'left', 'at')
local there = burst
if kept[1] then there = math.min(burst, kept[1] + math.max(0, now - kept[2]) / 1000 * rate) end
there = there - owed
local granted = math.max(0, math.min(wanted, math.floor(there)))
there = math.max(there - granted, -burst)
local fullIn = math.ceil((burst - there) / rate * 1000)
if fullIn > 0 then
  redis.call('HSET', KEYS[1], 'left', string.format('%.17g', there), 'at', string.format('%.17g', now))
  redis.call('PEXPIRE', KEYS[1], string.format('%d', fullIn))
else
  redis.call('DEL', KEYS[1])
end
return { granted, string.format('%.17g', there) }`;

/**
 * Takes from buckets in Redis: one script each, all sent at once. Their names are hashes with a key of this installation:
 * who reads Redis learns neither addresses nor sessions, and two installations on one Redis do not share a bucket. The
 * script is sent once, and again to a Redis that has forgotten it.
 */
export function bookInRedis(redis: Redis, masterKey: Buffer): BookRequests {
  const secret = Buffer.from(
    hkdfSync('sha256', masterKey, Buffer.alloc(0), 'hexabase/request-buckets/v1', 32),
  );
  const nameOf = (key: string) =>
    `hexabase:requests:${createHmac('sha256', secret).update(key).digest('base64url')}`;
  const digest = hash('sha1', bookOne);
  const send = async (bookings: readonly Booking[]) => {
    const pipeline = redis.pipeline();
    for (const { key, burst, perSecond, owed, wanted } of bookings)
      pipeline.evalsha(digest, 1, nameOf(key), burst, perSecond, owed, wanted);
    return (await pipeline.exec()) ?? [];
  };
  return async (bookings) => {
    let replies = await send(bookings);
    if (replies.some(([error]) => error?.message.startsWith('NOSCRIPT'))) {
      await redis.script('LOAD', bookOne);
      replies = await send(bookings);
    }
    return bookings.map((booking, at) => bookedOf(booking, replies[at] ?? [null, null]));
  };
}

function bookedOf({ key }: Booking, [error, reply]: [Error | null, unknown]): Booked {
  if (error) throw error;
  const [granted, left] = Array.isArray(reply) ? reply : [];
  if (typeof granted !== 'number' || typeof left !== 'string') throw new Error('not an answer of the script');
  return { key, granted, left: Number(left) };
}

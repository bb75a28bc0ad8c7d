import { readFileSync } from 'node:fs';
import type { BookRequests } from '@hexabase/http/limits/shared-buckets.ts';
import { silentLogger, type Logger } from '@hexabase/kernel/log.ts';
import { bookRequests } from '@hexabase/oidc/sessions/request-bucket-store.ts';
import { openRedisBuckets, type RedisBuckets } from '@hexabase/server/limits/redis-buckets.ts';
import { until } from '@hexabase/testkit/given.ts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { bearer, flood, passed } from './flood.ts';
import { noRedis, startRedis, type TestRedis } from './redis-server.ts';
import { startApi, type Api } from './start-api.ts';

const burst = 100;
/** A twentieth of a bucket. */
const lease = burst / 20;
/** So little that nothing comes back while a test runs. */
const perSecond = 0.001;
/** Where Redis is there: not on a machine that is busy with other tests is it away. */
const patientMs = 10_000;
const masterKey = Buffer.alloc(32, 7);
const away = 'rate limits are counted in PostgreSQL while Redis does not answer';
const back = 'rate limits are counted in Redis again';
const booking = { key: 'address 203.0.113.7', burst: 10, perSecond: 20, owed: 0, wanted: 10 };

describe.skipIf(noRedis)(`rate limits in Redis${noRedis}`, () => {
  let api: Api;
  let redis: TestRedis;
  let opened: AsyncDisposableStack;

  beforeAll(async () => {
    redis = await startRedis();
    api = await startApi({ rateLimit: { burst, perSecond } });
  });
  afterAll(async () => {
    await api?.[Symbol.asyncDispose]();
    await redis?.[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    opened = new AsyncDisposableStack();
  });
  afterEach(async () => {
    await opened.disposeAsync();
    redis.thaw();
    await redis.start();
  });

  const inPostgres: BookRequests = (bookings) => bookRequests(api.db.database, bookings);

  async function buckets(
    options: { user?: string; log?: Logger; otherwise?: BookRequests; patienceMs?: number } = {},
  ): Promise<RedisBuckets> {
    const { user, log = silentLogger, otherwise = inPostgres, patienceMs = patientMs } = options;
    return opened.use(
      await openRedisBuckets({ url: redis.url(user), masterKey, log, otherwise, patienceMs }),
    );
  }

  /** Two replicas, each with a connection of its own, and what their logs say. */
  async function twoReplicas(patienceMs = patientMs): Promise<{ urls: string[]; linesOf: string[][] }> {
    const linesOf: string[][] = [[], []];
    const urls = [];
    for (const lines of linesOf) {
      const tell = (_fields: Record<string, unknown>, message: string) => void lines.push(message);
      const log = { ...silentLogger, warn: tell, info: tell };
      const { book } = await buckets({ log, patienceMs });
      urls.push(`${await api.replica({ bookRequests: book })}/api/v1/plans`);
    }
    return { urls, linesOf };
  }

  const never: BookRequests = () => Promise.reject(new Error('PostgreSQL was asked'));
  const bucketsInPostgres = async () =>
    Number((await api.query('select count(*) from request_buckets'))[0]?.['count']);

  it('two replicas give one session one bucket together, and PostgreSQL is not asked', async () => {
    const { token } = await api.person('ada');
    const { urls } = await twoReplicas();
    const before = await bucketsInPostgres();
    const seen = await flood(urls, 2 * burst, () => bearer(token));
    expect(passed(seen)).toBeGreaterThanOrEqual(burst - lease);
    expect(passed(seen)).toBeLessThanOrEqual(burst + lease);
    expect(
      seen.filter(({ status }) => status === 429).every(({ retryAfter }) => Number(retryAfter) > 0),
    ).toBe(true);
    expect(await bucketsInPostgres()).toBe(before);
  });

  it('nobody who reads Redis learns whose buckets they are, and another installation has its own', async () => {
    const { book } = await buckets();
    await book([booking]);
    const names = await redis.ask('KEYS', '*');
    expect(names).toMatch(/^hexabase:requests:[\w-]{43}$/m);
    expect(names).not.toContain('203.0.113.7');
    const another = opened.use(
      await openRedisBuckets({
        url: redis.url(),
        masterKey: Buffer.alloc(32, 8),
        log: silentLogger,
        otherwise: never,
      }),
    );
    expect(await another.book([booking])).toMatchObject([{ granted: 10 }]);
  });

  it('what is owed is taken in any case, what is wanted as far as it is there, and it comes back with time', async () => {
    const { book } = await buckets({ otherwise: never });
    const key = 'session s1';
    expect(await book([{ ...booking, key, perSecond, owed: 8, wanted: 5 }])).toMatchObject([
      { key, granted: 2 },
    ]);
    expect(await book([{ ...booking, key, perSecond, owed: 3, wanted: 5 }])).toMatchObject([{ granted: 0 }]);
    const soon = { ...booking, key: 'session s2' };
    await book([soon]);
    await until(async () => (await book([{ ...soon, wanted: 1 }]))[0]?.granted === 1);
  });

  it('a bucket that is full again leaves nothing behind, and none is kept for ever', async () => {
    const { book } = await buckets({ otherwise: never });
    await redis.ask('FLUSHALL');
    await book(Array.from({ length: 100 }, (_, at) => ({ ...booking, key: `session many-${at}` })));
    const [name = ''] = (await redis.ask('KEYS', '*')).split('\n');
    const ttl = Number(await redis.ask('PTTL', name));
    expect(ttl === -2 || (ttl > 0 && ttl <= 500)).toBe(true);
    await until(async () => (await redis.ask('DBSIZE')) === '0');
    await book([{ ...booking, wanted: 0 }]);
    expect(await redis.ask('DBSIZE')).toBe('0');
  });

  it.each([
    ['is killed', patientMs, () => redis.kill(), () => redis.start()],
    ['answers nothing', 100, async () => redis.freeze(), async () => redis.thaw()],
  ])(
    'while it %s PostgreSQL counts for all replicas; each says so once, and goes back',
    async (how, patienceMs, end, again) => {
      const { urls, linesOf } = await twoReplicas(patienceMs);
      const bob = await api.person(`bob-${how.length}`);
      const eve = await api.person(`eve-${how.length}`);
      const carl = await api.person(`carl-${how.length}`);
      expect(passed(await flood(urls, burst / 2, () => bearer(bob.token)))).toBe(burst / 2);
      await end();
      const during = await flood(urls, 2 * burst, () => bearer(bob.token));
      expect(during.every(({ status }) => status === 200 || status === 429)).toBe(true);
      // The bucket in PostgreSQL is full, and each replica has a lease of the one in Redis in hand.
      expect(passed(during)).toBeLessThanOrEqual(burst + 4 * lease);
      const fresh = passed(await flood(urls, 2 * burst, () => bearer(eve.token)));
      expect(fresh).toBeGreaterThanOrEqual(burst - 3 * lease);
      expect(fresh).toBeLessThanOrEqual(burst + lease);
      expect(linesOf.map((lines) => lines.at(-1))).toEqual([away, away]);
      await again();
      await until(async () => linesOf.every((lines) => lines.at(-1) === back));
      // A busy machine may make more than one outage; each has one line at its begin and one at its end.
      for (const lines of linesOf)
        expect(lines).toEqual(Array.from(lines, (_, at) => (at % 2 === 0 ? away : back)));
      await redis.ask('FLUSHALL');
      await until(async () => {
        await flood(urls, 2 * lease, () => bearer(carl.token));
        return (await redis.ask('DBSIZE')) !== '0';
      });
    },
  );

  it('one that is not there at the start is done without, and taken when it comes', async () => {
    await redis.kill();
    const lines: unknown[] = [];
    const log = {
      ...silentLogger,
      warn: (fields: unknown) => void lines.push(fields),
      info: () => void lines.push('again'),
    };
    const { book } = await buckets({ log });
    expect(await book([{ ...booking, key: 'session early', perSecond }])).toMatchObject([{ granted: 10 }]);
    expect(lines).toMatchObject([{ reason: expect.stringMatching(/ENOENT|ECONNREFUSED/) }]);
    await redis.start();
    await until(async () => lines.length === 2);
    await book([{ ...booking, key: 'session early', perSecond }]);
    // The bucket by which it was seen to be back goes a millisecond later.
    await until(async () => (await redis.ask('DBSIZE')) === '1');
  });

  it('a user needs no more than the rights that the operations page names', async () => {
    const page = readFileSync(new URL('../../docs/operations/rate-limits.md', import.meta.url), 'utf8');
    const rights = /^ACL SETUSER (\S+) on >(\S+) (.+)$/m.exec(page);
    const [, name = '', password = '', rules = ''] = rights ?? [];
    await redis.ask('ACL', 'SETUSER', name, 'on', `>${password}`, ...rules.split(' '));
    const { book } = await buckets({ user: `user=${name}&password=${password}&db=3`, otherwise: never });
    expect(await book([{ ...booking, perSecond }])).toMatchObject([{ granted: 10 }]);
    expect(await book([{ ...booking, wanted: 0 }])).toHaveLength(1);
  });

  it.each([
    ['a wrong password', 'password=wrong', /WRONGPASS/],
    ['no password', '', /NOAUTH/],
    ['a user who is not there', 'user=nobody&password=right', /WRONGPASS/],
    ['a database that is not there', 'password=right&db=99', /DB index/],
    ['a user who may not run scripts', 'user=reader&password=reads', /NOPERM/],
  ])('%s ends the start with a sentence that says so, and not the password', async (_what, user, words) => {
    await redis.ask('ACL', 'SETUSER', 'reader', 'on', '>reads', '~*', '+@read', '+@connection');
    const failed: unknown = await buckets({ user }).catch((error: unknown) => error);
    expect(failed).toMatchObject({ name: 'StartError' });
    expect(String(failed)).toMatch(words);
    expect(String(failed)).toContain('HKS_REDIS_URL');
    expect(String(failed)).not.toMatch(/password=|wrong\b|reads/);
  });
});

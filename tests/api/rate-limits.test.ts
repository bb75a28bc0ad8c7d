import { noProxies, parseTrustedProxies } from '@hexabase/kernel/client-address.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, bearer, flood, passed } from './flood.ts';
import { startApi, type Api, type Person } from './start-api.ts';

const burst = 200;
/** A twentieth of a bucket. */
const lease = burst / 20;
/** So little that nothing comes back while a test runs. */
const perSecond = 0.001;

let api: Api;
let other: string;

beforeAll(async () => {
  api = await startApi({ rateLimit: { burst, perSecond, organizationShare: 2 } });
  other = await api.replica();
});
afterAll(() => api[Symbol.asyncDispose]());

describe('two replicas on one database', () => {
  it('C13 give one session one bucket together, whichever it asks', async () => {
    const { token } = await api.owner('ada');
    const urls = [api.baseUrl, other].map((url) => `${url}/api/v1/plans`);
    const seen = await flood(urls, 2 * burst, () => bearer(token));
    // One request went to the organization's making.
    expect(passed(seen)).toBeGreaterThanOrEqual(burst - 1 - lease);
    expect(passed(seen)).toBeLessThanOrEqual(burst + lease);
    const refused = seen.filter(({ status }) => status === 429);
    expect(refused.every(({ retryAfter }) => Number(retryAfter) > 0)).toBe(true);
    expect(refused.at(-1)?.left).toBe('0');
    const third = await api.replica();
    expect(
      passed(await flood([`${third}/api/v1/plans`], 3 * lease, () => bearer(token))),
    ).toBeLessThanOrEqual(lease);
  });

  it('C13 give all sessions and tokens of one account two buckets, however many it has', async () => {
    const bob = await api.owner('bob');
    const tokens = await tokensOf(bob, 4);
    const urls = [api.baseUrl, other].map((url) => `${url}/api/v1/plans`);
    const seen = await flood(urls, 3 * burst, (index) => bearer(tokens[index % tokens.length] ?? ''));
    expect(passed(seen)).toBeGreaterThan(burst);
    expect(passed(seen)).toBeLessThanOrEqual(2 * burst + 2 * lease);
  });

  it('C13 refuse an organization that makes noise and go on serving the quiet one', async () => {
    const carl = await api.owner('carl');
    const dora = await api.owner('dora');
    const crew = await Promise.all(Array.from({ length: 4 }, (_, at) => api.person(`crew-${at}`)));
    for (const person of crew) await api.join(carl.organizationId, person, 'developer');
    await api.join(dora.organizationId, crew[0] ?? carl, 'developer');
    const noisy = [api.baseUrl, other].map((url) => `${url}/api/v1/organizations/${carl.organizationId}`);
    const seen = await flood(noisy, 3 * burst, (index) => bearer(crew[1 + (index % 3)]?.token ?? ''));
    expect(passed(seen)).toBeLessThanOrEqual(2 * burst + 2 * lease);
    expect(await ask(noisy[1] ?? '', bearer(carl.token))).toMatchObject({ status: 429 });
    const quiet = `${other}/api/v1/organizations/${dora.organizationId}`;
    expect(passed(await flood([quiet], lease, () => bearer(dora.token)))).toBe(lease);
    // Nor is who belongs to both refused in the quiet one.
    expect(await ask(quiet, bearer(crew[0]?.token ?? ''))).toMatchObject({ status: 200 });
  });

  it('give the people of one organization more together than one of them has', async () => {
    const erin = await api.owner('erin');
    const crew = await Promise.all(Array.from({ length: 3 }, (_, at) => api.person(`many-${at}`)));
    for (const person of crew) await api.join(erin.organizationId, person, 'viewer');
    const usual = await api.replica({ rateLimit: { burst, perSecond } });
    const url = `${usual}/api/v1/organizations/${erin.organizationId}`;
    const seen = await flood([url], 3 * (burst - 2 * lease), (index) => bearer(crew[index % 3]?.token ?? ''));
    expect(passed(seen)).toBe(seen.length);
  });

  it('let nobody use up the share of an organization that they are not in', async () => {
    const fred = await api.owner('fred');
    const path = `/api/v1/organizations/${fred.organizationId}`;
    const strangers = await Promise.all(Array.from({ length: 4 }, (_, at) => api.person(`stranger-${at}`)));
    await flood([`${api.baseUrl}${path}`], 3 * burst, (index) => bearer(strangers[index % 4]?.token ?? ''));
    expect((await fred.call('GET', path)).status).toBe(200);
  });
});

describe('a stranger', () => {
  it('C13 gains nothing by writing addresses into X-Forwarded-For', async () => {
    const behind = await api.replica({
      trustedProxies: parseTrustedProxies('127.0.0.0/8') ?? noProxies,
      rateLimit: { burst: 40, perSecond },
    });
    const url = `${behind}/api/v1/plans`;
    // As the proxy hands it on: what the stranger wrote, and where the stranger is.
    const rotating = (index: number) => ({ 'x-forwarded-for': `198.51.100.${index % 250}, 203.0.113.7` });
    expect(passed(await flood([url], 80, rotating))).toBeLessThanOrEqual(42);
    expect(await ask(url, { 'x-forwarded-for': '203.0.113.8' })).toMatchObject({ status: 401 });
    const block = (index: number) => ({ 'x-forwarded-for': `2001:db8:7:7::${index.toString(16)}` });
    expect(passed(await flood([url], 80, block))).toBeLessThanOrEqual(42);
  });

  it('C13 is believed nothing where no proxy is trusted', async () => {
    const seen = await flood(
      [api.baseUrl, other].map((url) => `${url}/api/v1/plans`),
      2 * burst,
      (index) => ({
        'x-forwarded-for': `198.51.100.${index % 250}`,
      }),
    );
    expect(passed(seen)).toBeLessThanOrEqual(burst + lease);
  });
});

describe('without the database for it', () => {
  it.each([
    ['refuses', () => Promise.reject(new Error('away'))],
    ['does not answer', () => new Promise<never>(() => {})],
  ])('each replica goes on with one bucket of its own when it %s', async (how, bookRequests) => {
    const alone = await api.replica({ bookRequests });
    const { token } = await api.person(`gus-${how.length}`);
    expect(passed(await flood([`${alone}/api/v1/plans`], 2 * burst, () => bearer(token)))).toBe(burst);
  });
});

/** The session of a person and tokens of theirs. */
async function tokensOf(person: Person, count: number): Promise<string[]> {
  const tokens = [person.token];
  for (let at = 0; at < count; at += 1) {
    const { data } = await person.call('POST', '/api/v1/tokens', {
      body: { name: `token-${at}`, scope: 'read', expires: '1d' },
    });
    tokens.push(String(data['token']));
  }
  return tokens;
}

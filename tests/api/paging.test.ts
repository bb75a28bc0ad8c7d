import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApi, type Api, type Person } from './start-api.ts';

/** Lists of people and machines come in pages, whatever an organization has grown to. */
let api: Api;
let ann: Person & { organizationId: string };
const paths: Record<string, string> = {};

beforeAll(async () => {
  api = await startApi({ rateLimit: { burst: 5_000, perSecond: 1_000 } });
  ann = await api.owner('ann');
  const organization = `/api/v1/organizations/${ann.organizationId}`;
  const make = async (path: string, body: object) => {
    const answer = await ann.call('POST', path, { body });
    expect(answer.status, answer.text).toBe(201);
    return answer.data;
  };
  const { id } = await make('/api/v1/workspaces', { name: 'Ann one' });
  await api.activate(String(id));
  const names = ['a', 'b', 'c', 'd', 'e'].map((letter) => `thing-${letter}`);
  const rules = [{ verbs: ['get'], apiGroups: ['apps'], resources: ['deployments'] }];
  for (const name of names) {
    await make(`/api/v1/workspaces/${id}/roles`, { name, rules });
    await make(`${organization}/service-accounts`, { name, role: 'viewer' });
    await make('/api/v1/tokens', { name, scope: 'read', expires: '1d' });
    await make(`${organization}/service-accounts/thing-a/tokens`, { name, scope: 'read', expires: '1d' });
    await make(`${organization}/federations`, {
      name,
      serviceAccount: 'thing-a',
      issuer: 'https://ci.example.test',
      audience: 'https://hexabase.example.test',
      conditions: ['repository=acme/shop'],
      scope: 'read',
    });
    const other = await api.owner(`other-${name}`);
    await other.call('POST', `/api/v1/organizations/${other.organizationId}/invitations`, {
      body: { email: ann.email, role: 'viewer' },
    });
  }
  Object.assign(paths, {
    roles: `/api/v1/workspaces/${id}/roles`,
    'service accounts': `${organization}/service-accounts`,
    tokens: '/api/v1/tokens',
    'tokens of a service account': `${organization}/service-accounts/thing-a/tokens`,
    'CI rules': `${organization}/federations`,
    'invitations that came': '/api/v1/invitations',
  });
});
afterAll(() => api[Symbol.asyncDispose]());

/** The roles that every workspace has come first. */
const built = 5;

describe.each([
  ['roles', built + 5],
  ['service accounts', 5],
  ['tokens', 5],
  ['tokens of a service account', 5],
  ['CI rules', 5],
  ['invitations that came', 5],
])('a list of %s', (what, total) => {
  const page = (query: string) => ann.call('GET', `${paths[what]}?${query}`);

  it('comes in pages of which each thing is on one', async () => {
    const whole = await page('limit=500');
    expect(whole.meta).toMatchObject({ page: 1, limit: 500, total });
    expect(whole.list).toHaveLength(total);
    const seen: unknown[] = [];
    for (let n = 1; n <= Math.ceil(total / 2); n += 1) {
      const part = await page(`limit=2&page=${n}`);
      expect(part.meta).toMatchObject({ page: n, limit: 2, total });
      seen.push(...part.list);
    }
    expect(seen).toEqual(whole.list);
    const beyond = await page('limit=2&page=50');
    expect([beyond.list, beyond.meta.total]).toEqual([[], total]);
    expect((await page('')).meta).toMatchObject({ page: 1, limit: 500 });
    expect((await page('limit=501')).status).toBe(400);
  });
});

it.each(['roles', 'service accounts', 'tokens', 'tokens of a service account', 'CI rules'])(
  'a list of %s is sorted by what it shows, and by nothing hidden',
  async (what) => {
    const sorted = async (sort: string) =>
      (await ann.call('GET', `${paths[what]}?limit=500&sort=${sort}`)).list;
    const names = (await sorted('name')).map(({ name }) => String(name));
    expect(names).toEqual(names.toSorted((a, b) => a.localeCompare(b)));
    expect((await sorted('-name')).map(({ name }) => name)).toEqual(names.toReversed());
    const hidden = await ann.call('GET', `${paths[what]}?sort=tokenHash`);
    expect([hidden.status, hidden.error.code]).toEqual([400, 'validation_failed']);
  },
);

it('a service account is found by name beyond the first page', async () => {
  for (let n = 0; n < 50; n += 1) {
    const body = { name: `one-of-many-${n}`, role: 'viewer' };
    expect((await ann.call('POST', paths['service accounts'] ?? '', { body })).status).toBe(201);
  }
  const list = await ann.call('GET', `${paths['service accounts']}?limit=50`);
  expect(list.list.map(({ name }) => name)).not.toContain('thing-e');
  expect(list.meta.total).toBe(55);
  expect((await ann.call('GET', `${paths['service accounts']}/thing-e`)).status).toBe(200);
});

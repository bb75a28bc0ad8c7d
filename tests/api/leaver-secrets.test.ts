import { resources } from '@hexabase/contract/index.ts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { validBody } from '../valid-bodies.ts';
import { startApi, type Api, type Person } from './start-api.ts';

/** What somebody made for machines outlives their membership, and whoever removes them is told of it. */
let api: Api;
let ann: Person & { organizationId: string };

beforeAll(async () => {
  api = await startApi();
  ann = await api.owner('ann');
});
afterAll(() => api[Symbol.asyncDispose]());

it('tokens of service accounts and CI rules are named when the member who made them is removed, with how to end them', async () => {
  const member = await api.person('leaver');
  await api.join(ann.organizationId, member, 'admin');
  const at = `/api/v1/organizations/${ann.organizationId}`;
  const account = 'deployer';
  await member.call('POST', `${at}/service-accounts`, { body: { name: account, role: 'viewer' } });
  const tokens = `${at}/service-accounts/${account}/tokens`;
  const make = (person: Person, name: string) =>
    person.call('POST', tokens, { body: { name, scope: 'read', expires: '1d' } });
  const kept = await make(member, 'kept');
  await make(ann, 'of-another');
  await make(member, 'revoked');
  await member.call('DELETE', `${tokens}/revoked`);
  const { create } = resources.federation.operations;
  const rule = validBody(create, { serviceAccount: account });
  expect((await member.call('POST', `${at}/federations`, { body: rule })).status).toBe(201);
  const secret = String(kept.data['token']);
  expect((await api.call('GET', at, { token: secret })).status).toBe(200);
  const removed = await ann.call('DELETE', `${at}/members/${member.userId}`);
  const inOrganization = `--organization ${ann.organizationId}`;
  const common = { serviceAccount: account, lastUsedAt: null };
  expect([removed.status, removed.data['secrets']]).toEqual([
    200,
    [
      {
        ...common,
        kind: 'token',
        name: 'kept',
        lastUsedAt: expect.any(String),
        howTo: `hks service-account tokens revoke ${account} kept ${inOrganization}`,
      },
      {
        ...common,
        kind: 'federation',
        name: rule['name'],
        howTo: `hks federation delete ${String(rule['name'])} ${inOrganization}`,
      },
    ],
  ]);
  expect(removed.data['notice']).toContain(`hks federation delete ${String(rule['name'])}`);
  expect((await api.call('GET', at, { token: secret })).status).toBe(200);
  expect((await ann.call('DELETE', `${tokens}/kept`)).status).toBe(204);
  expect((await api.call('GET', at, { token: secret })).status).toBe(401);
});

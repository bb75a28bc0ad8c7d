import { purgeOrganizations } from '@hexabase/features/organizations/purge.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApi, type Api } from './start-api.ts';

let api: Api;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api[Symbol.asyncDispose]());

const at = (organizationId: string, verb = '') => `/api/v1/organizations/${organizationId}${verb}`;

describe('a member', () => {
  it('leaves by themselves and is out at once; the last owner cannot', async () => {
    const ann = await api.owner('ann');
    const bob = await api.person('bob');
    await api.join(ann.organizationId, bob, 'viewer');
    expect((await ann.call('POST', at(ann.organizationId, '/leave'))).error.code).toBe('last_owner');
    expect((await bob.call('POST', at(ann.organizationId, '/leave'))).status).toBe(204);
    expect((await bob.call('GET', at(ann.organizationId))).status).toBe(404);
    expect((await ann.call('GET', at(ann.organizationId, '/members'))).list).toHaveLength(1);
  });

  it('becomes the owner when the owner hands over, who is then an admin; two at once leave one owner', async () => {
    const cat = await api.owner('cat');
    const dan = await api.person('dan');
    const eve = await api.person('eve');
    await api.join(cat.organizationId, dan, 'admin');
    await api.join(cat.organizationId, eve, 'viewer');
    const by = (person: typeof dan, to: string) =>
      person.call('POST', at(cat.organizationId, '/transfer'), { body: { to } });
    expect((await by(dan, dan.email)).status).toBe(403);
    expect((await by(cat, 'stranger@example.test')).status).toBe(404);
    const [one, two] = await Promise.all([by(cat, dan.email), by(cat, eve.email)]);
    expect([one.status, two.status].sort()).toEqual([200, 403]);
    const roles = await api.query('select role from memberships where organization_id = $1 order by role', [
      cat.organizationId,
    ]);
    expect(roles.map(({ role }) => role).filter((role) => role === 'owner')).toHaveLength(1);
    expect((await cat.call('GET', at(cat.organizationId))).data['role']).toBe('admin');
  });
});

describe('an organization with a grace period', () => {
  it('can be restored by its owner, is closed meanwhile, and goes when the period ends', async () => {
    api.ports.deletionGraceMs = 3_600_000;
    const fay = await api.owner('fay');
    const gus = await api.person('gus');
    await api.join(fay.organizationId, gus, 'admin');
    expect((await fay.call('DELETE', at(fay.organizationId))).status).toBe(204);
    expect((await fay.call('GET', at(fay.organizationId))).data['deletionRequestedAt']).toEqual(
      expect.any(String),
    );
    const closed = [
      await fay.call('POST', '/api/v1/workspaces', {
        body: { name: 'Late', organization: fay.organizationId },
      }),
      await fay.call('PATCH', at(fay.organizationId), { body: { name: 'Another name' } }),
      await gus.call('GET', at(fay.organizationId, '/members')),
    ];
    expect(closed.map(({ status, error }) => [status, error.code])).toEqual(Array(3).fill([409, 'conflict']));
    expect(await purgeOrganizations(api.db.database, new Date())).toBe(0);
    expect((await gus.call('POST', at(fay.organizationId, '/restore'))).status).toBe(403);
    expect(
      (await fay.call('POST', at(fay.organizationId, '/restore'))).data['deletionRequestedAt'],
    ).toBeNull();
    expect((await gus.call('GET', at(fay.organizationId, '/members'))).status).toBe(200);
    await fay.call('DELETE', at(fay.organizationId));
    expect(await purgeOrganizations(api.db.database, new Date(Date.now() + 3_700_000))).toBe(1);
    expect((await fay.call('GET', at(fay.organizationId))).status).toBe(404);
  });
});

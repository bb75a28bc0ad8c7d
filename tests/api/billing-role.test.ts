import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApi, type Api, type Person } from './start-api.ts';

let api: Api;
let ann: Person & { organizationId: string; organizationSlug: string };
let bill: Person;
let workspaceId: string;
let organization: string;

beforeAll(async () => {
  api = await startApi({ rateLimit: { burst: 5_000, perSecond: 1_000 } });
  ann = await api.owner('ann', 'pro');
  organization = `/api/v1/organizations/${ann.organizationId}`;
  const made = await ann.call('POST', '/api/v1/workspaces', { body: { name: 'Secret plans' } });
  workspaceId = String(made.data['id']);
  await api.activate(workspaceId);
  bill = await api.person('bill');
  const invited = await ann.call('POST', `${organization}/invitations`, {
    body: { email: bill.email, role: 'billing' },
  });
  expect(invited.status, invited.text).toBe(201);
  const accepted = await bill.call('POST', '/api/v1/invitations/accept', {
    body: { invitation: String(invited.data['id']) },
  });
  expect(accepted.status, accepted.text).toBeLessThan(300);
});
afterAll(() => api[Symbol.asyncDispose]());

describe('who looks after the bills', () => {
  it('sees the organization, its plan, how much of it is used and how many they are', async () => {
    const { data } = await bill.call('GET', organization);
    expect(data).toMatchObject({
      role: 'billing',
      plan: 'pro',
      usage: { members: 2, workspaces: 1, maxWorkspaces: 5 },
    });
    expect((await bill.call('GET', '/api/v1/plans')).status).toBe(200);
    expect((await bill.call('GET', '/api/v1/organizations')).meta.total).toBe(1);
  });

  it('sees no workspace, no member, no log and no change of any, by no way', async () => {
    for (const path of ['/api/v1/workspaces', '/api/v1/operations']) {
      expect((await bill.call('GET', path)).list).toEqual([]);
      const named = await bill.call('GET', `${path}?organization=${ann.organizationSlug}`);
      expect([path, named.status]).toEqual([path, 403]);
    }
    for (const path of [
      `/api/v1/workspaces/${workspaceId}`,
      `/api/v1/workspaces/${workspaceId}/projects`,
      `/api/v1/workspaces/${workspaceId}/kubeconfig`,
      `${organization}/members`,
      `${organization}/audit`,
      `${organization}/groups`,
    ])
      expect([path, (await bill.call('GET', path)).status]).toEqual([path, 403]);
    const token = await bill.call('POST', '/api/v1/tokens', {
      body: { name: 'one', scope: `workspace:${workspaceId}`, expires: '1d' },
    });
    expect(token.status).toBe(404);
    const stream = await fetch(`${api.baseUrl}/api/v1/events/stream`, {
      headers: { authorization: `Bearer ${bill.token}` },
    });
    const reader = stream.body?.getReader();
    const seen = async () => new TextDecoder().decode((await reader?.read())?.value);
    expect(await seen()).toContain('sync');
    await ann.call('PATCH', `/api/v1/workspaces/${workspaceId}`, { body: { description: 'more secret' } });
    // The next thing that comes is about another organization of theirs.
    const own = await bill.call('POST', '/api/v1/organizations', { body: { name: 'Bills own' } });
    await api.query('update organizations set plan = $2 where id = $1', [own.data['id'], 'pro']);
    const next = reader?.read();
    const made = await bill.call('POST', '/api/v1/workspaces', {
      body: { name: 'Bills one', organization: own.data['id'] },
    });
    expect(made.status, made.text).toBe(201);
    const { value } = (await next) ?? {};
    expect(new TextDecoder().decode(value)).not.toContain(workspaceId);
    await reader?.cancel();
  });

  it('gets no cluster, whatever their groups are given', async () => {
    const group = await ann.call('POST', `${organization}/groups`, { body: { name: 'all' } });
    await ann.call('POST', `${organization}/groups/${group.data['id']}/members`, {
      body: { user: bill.email },
    });
    const given = await ann.call('POST', `/api/v1/workspaces/${workspaceId}/assignments`, {
      body: { role: 'admin', group: 'all' },
    });
    expect(given.status, given.text).toBe(201);
    expect((await bill.call('POST', `/api/v1/workspaces/${workspaceId}/kube-token`)).status).toBe(403);
    const explained = await ann.call('GET', `/api/v1/workspaces/${workspaceId}/access?user=${bill.email}`);
    expect(JSON.stringify(explained.data['grants'] ?? explained.data)).not.toContain('"admin"');
    const who = await ann.call(
      'GET',
      `/api/v1/workspaces/${workspaceId}/access/who-can?verb=get&resource=pods`,
    );
    expect(who.status, who.text).toBe(200);
    expect(who.text).not.toContain(bill.email);
  });

  it('changes nobody’s role, and loses what they were given when they become one', async () => {
    expect(
      (await bill.call('POST', `${organization}/members`, { body: { email: ann.email, role: 'billing' } }))
        .status,
    ).toBe(403);
    const dev = await api.person('dev');
    await api.join(ann.organizationId, dev, 'developer');
    await ann.call('POST', `/api/v1/workspaces/${workspaceId}/assignments`, {
      body: { role: 'viewer', user: dev.email },
    });
    const path = `${organization}/members/${dev.userId}`;
    expect((await ann.call('PATCH', path, { body: { role: 'billing' } })).status).toBe(200);
    expect(await api.query('select 1 from role_assignments where user_id = $1', [dev.userId])).toEqual([]);
  });
});

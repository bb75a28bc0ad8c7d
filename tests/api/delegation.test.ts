import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApi, type Answer, type Api, type Person } from './start-api.ts';

let api: Api;
let ann: Person & { organizationId: string };
let workspace: string;
let pat: Person;
let friend: Person;

beforeAll(async () => {
  api = await startApi({ rateLimit: { burst: 5_000, perSecond: 1_000 } });
  ann = await api.owner('ann');
  const made = await ann.call('POST', '/api/v1/workspaces', { body: { name: 'Ann one' } });
  workspace = `/api/v1/workspaces/${made.data['id']}`;
  await api.activate(String(made.data['id']));
  for (const name of ['shop', 'bank']) {
    const project = await ann.call('POST', `${workspace}/projects`, { body: { name } });
    expect(project.status, project.text).toBe(201);
  }
  pat = await joined('pat');
  friend = await joined('friend');
  expect((await give(ann, { role: 'admin', project: 'shop', user: pat.email })).status).toBe(201);
});
afterAll(() => api[Symbol.asyncDispose]());

async function joined(name: string): Promise<Person> {
  const person = await api.person(name);
  await api.join(ann.organizationId, person, 'viewer');
  return person;
}

const give = (by: Person, body: object): Promise<Answer> =>
  by.call('POST', `${workspace}/assignments`, { body });
const take = (by: Person, id: unknown): Promise<Answer> =>
  by.call('DELETE', `${workspace}/assignments/${String(id)}`);

describe('who administers a project', () => {
  it('gives its roles to members and groups of the organization, and takes them back', async () => {
    for (const role of ['viewer', 'developer', 'admin']) {
      const given = await give(pat, { role, project: 'shop', user: friend.email });
      expect([role, given.status]).toEqual([role, 201]);
      const token = await friend.call('POST', `${workspace}/kube-token`);
      expect(token.text).not.toContain('error');
      expect((await take(pat, given.data['id'])).status).toBe(204);
    }
    await ann.call('POST', `/api/v1/organizations/${ann.organizationId}/groups`, { body: { name: 'team' } });
    const given = await give(pat, { role: 'developer', project: 'shop', group: 'team' });
    expect(given.status, given.text).toBe(201);
    const log = await ann.call(
      'GET',
      `/api/v1/organizations/${ann.organizationId}/audit?actor=${pat.email}&action=assignment.*`,
    );
    expect(log.list[0]).toMatchObject({
      outcome: 'allowed',
      details: { role: 'developer', project: 'shop' },
    });
  });

  it('A14 gives nothing in another project, nothing in the whole workspace and nothing above their own', async () => {
    const leases = [{ verbs: ['create'], apiGroups: ['coordination.k8s.io'], resources: ['leases'] }];
    const made = await ann.call('POST', `${workspace}/roles`, {
      body: { name: 'leases', scope: 'project', rules: leases },
    });
    expect(made.status, made.text).toBe(201);
    for (const [body, status] of [
      [{ role: 'viewer', project: 'bank', user: friend.email }, 403],
      [{ role: 'admin', project: 'bank', user: pat.email }, 403],
      [{ role: 'admin', user: pat.email }, 403],
      [{ role: 'viewer', user: friend.email }, 403],
      [{ role: 'viewer', project: 'nowhere', user: friend.email }, 403],
      [{ role: 'leases', project: 'shop', user: pat.email }, 403],
      [{ role: 'viewer', project: 'shop', user: 'nobody@example.test' }, 404],
    ] as const)
      expect([body, (await give(pat, body)).status]).toEqual([body, status]);
    const stranger = await api.owner('stranger');
    expect((await give(stranger, { role: 'viewer', project: 'shop', user: stranger.email })).status).toBe(
      404,
    );
  });

  it('A14 takes nothing back that lies elsewhere or has more than they have', async () => {
    const elsewhere = await give(ann, { role: 'viewer', project: 'bank', user: friend.email });
    const whole = await give(ann, { role: 'viewer', user: friend.email });
    const more = await give(ann, { role: 'leases', project: 'shop', user: friend.email });
    expect([elsewhere.status, whole.status, more.status]).toEqual([201, 201, 201]);
    for (const given of [elsewhere, whole, more])
      expect((await take(pat, given.data['id'])).status).toBe(403);
    expect((await take(pat, '00000000-0000-7000-8000-000000000000')).status).toBe(403);
  });

  it('A14 does it neither by an API token, nor as a developer, nor after the role was taken', async () => {
    const body = { name: 'ci', scope: 'write', expires: '1d' };
    const token = String((await pat.call('POST', '/api/v1/tokens', { body })).data['token']);
    const wish = { role: 'viewer', project: 'shop', user: friend.email };
    const path = `${workspace}/assignments`;
    expect((await api.call('POST', path, { token, body: wish })).status).toBe(403);
    const developer = await api.person('dev');
    await api.join(ann.organizationId, developer, 'developer');
    expect((await give(developer, wish)).status).toBe(403);
    const all = await ann.call('GET', `${path}?project=shop&limit=500`);
    const own = all.list.find(
      (given) => given['role'] === 'admin' && JSON.stringify(given['subject']).includes(pat.userId),
    );
    expect((await take(ann, own?.['id'])).status).toBe(204);
    expect((await give(pat, wish)).status).toBe(403);
  });
});

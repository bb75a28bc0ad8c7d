import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApi, type Answer, type Api, type Person } from './start-api.ts';

/** What a lower role in the organization does not take away is told to whoever lowers it. */
let api: Api;
let ann: Person & { organizationId: string };
let organization: string;
let workspace: string;
let slug: string;

beforeAll(async () => {
  api = await startApi({ rateLimit: { burst: 5_000, perSecond: 1_000 } });
  ann = await api.owner('ann');
  organization = `/api/v1/organizations/${ann.organizationId}`;
  const { data } = await ann.call('POST', '/api/v1/workspaces', { body: { name: 'Ann one' } });
  await api.activate(String(data['id']));
  [workspace, slug] = [`/api/v1/workspaces/${data['id']}`, String(data['slug'])];
  await made(`${workspace}/projects`, { name: 'shop' });
  const rule = { verbs: ['get'], apiGroups: [''], resources: ['secrets'] };
  await made(`${workspace}/roles`, { name: 'reader', scope: 'workspace', rules: [rule] });
  await made(`${organization}/groups`, { name: 'top' });
  await made(`${organization}/groups`, { name: 'low', parent: 'top' });
  for (const body of [
    { role: 'admin', group: 'top', project: 'shop' },
    { role: 'reader', group: 'top' },
    { role: 'viewer', group: 'top' },
    { role: 'viewer', group: 'low', project: 'shop' },
  ])
    await made(`${workspace}/assignments`, body);
});
afterAll(() => api[Symbol.asyncDispose]());

async function made(path: string, body: object): Promise<Answer> {
  const answer = await ann.call('POST', path, { body });
  expect(answer.status, answer.text).toBe(201);
  return answer;
}

/** Somebody who is in `low`, and has the role of developers of the project themselves. */
async function admin(): Promise<Person> {
  const person = await api.person(`p-${crypto.randomUUID().slice(0, 8)}`);
  await api.join(ann.organizationId, person, 'admin');
  await made(`${organization}/groups/low/members`, { user: person.email });
  await made(`${workspace}/assignments`, { role: 'developer', project: 'shop', user: person.email });
  return person;
}

const change = (person: Person, role: string) =>
  ann.call('PATCH', `${organization}/members/${person.userId}`, { body: { role } });

const explained = async (person: Person) =>
  (await ann.call('GET', `${workspace}/access?user=${person.userId}&project=shop`)).data['grants'];

describe('who is lowered to viewer', () => {
  it('keeps what their groups and they themselves were given beyond a viewer, and whoever lowers them is told all of it', async () => {
    const person = await admin();
    const { status, data } = await change(person, 'viewer');
    expect(status).toBe(200);
    const name = person.email.split('@')[0];
    const through = `${name} is in low, which is below top; top has the role`;
    expect(data).toMatchObject({
      role: 'viewer',
      rolesKept: [
        {
          workspace: slug,
          project: null,
          role: 'reader',
          group: 'top',
          why: `${through} reader in the whole workspace.`,
        },
        {
          workspace: slug,
          project: 'shop',
          role: 'admin',
          group: 'top',
          why: `${through} admin in project shop.`,
        },
        {
          workspace: slug,
          project: 'shop',
          role: 'developer',
          group: null,
          why: `${name} was given the role developer in project shop.`,
        },
      ],
    });
    const kept = data['rolesKept'] as { role: string; why: string; howTo: string }[];
    for (const { why, howTo } of kept) expect(data['notice']).toContain(`${why}\n    ${howTo}`);
    expect(data['notice']).toContain(`${person.email} has the role viewer, and beside it`);
    // It is what they have: nothing is told that is not so, nothing left out but what every viewer may.
    const grants = (await explained(person)) as { role: string; scope: string; project: string | null }[];
    const beyond = grants.filter(({ role }) => role !== 'viewer');
    expect(beyond.map(({ role, project }) => `${role} ${project}`).sort()).toEqual([
      'admin shop',
      'developer shop',
      'reader null',
    ]);
    const log = await ann.call('GET', `${organization}/audit?action=member.update`);
    const [entry] = log.list;
    expect(entry?.['details']).toMatchObject({
      rolesKept: [`${slug}: reader`, `${slug}/shop: admin`, `${slug}/shop: developer`],
    });
  });

  it('has nothing beyond a viewer when the commands were run that came with it', async () => {
    const person = await admin();
    const kept = (await change(person, 'viewer')).data['rolesKept'] as { howTo: string }[];
    for (const howTo of new Set(kept.map((one) => one.howTo))) expect((await run(howTo)).status).toBe(204);
    expect((await change(person, 'viewer')).data).toMatchObject({ rolesKept: [], notice: null });
    const grants = (await explained(person)) as { role: string }[];
    expect(new Set(grants.map(({ role }) => role))).toEqual(new Set(['viewer']));
  });

  it('is told of as a service account too', async () => {
    const { data } = await made(`${organization}/service-accounts`, { name: 'robot', role: 'admin' });
    await made(`${organization}/groups/low/members`, { user: String(data['email']) });
    const lowered = await ann.call('PATCH', `${organization}/service-accounts/robot`, {
      body: { role: 'viewer' },
    });
    expect(lowered.data).toMatchObject({
      role: 'viewer',
      rolesKept: [{ role: 'reader' }, { role: 'admin' }],
    });
  });
});

describe('nothing is told', () => {
  it('of what a developer has anyway', async () => {
    const person = await admin();
    const { data } = await change(person, 'developer');
    expect(data['rolesKept']).toMatchObject([{ role: 'reader' }, { role: 'admin' }]);
  });

  it.each(['owner', 'billing'])('of somebody who becomes %s: all is theirs, or nothing', async (role) => {
    const person = await admin();
    expect((await change(person, role)).data).toMatchObject({ role, rolesKept: [], notice: null });
  });

  it('of workspaces and projects that are gone, or of other organizations', async () => {
    const person = await admin();
    const other = await api.owner('other');
    await api.join(other.organizationId, person, 'admin');
    // Who is in both sees both, and still tells nothing of one in the other.
    await api.join(ann.organizationId, other, 'viewer');
    const path = `/api/v1/organizations/${other.organizationId}/members/${person.userId}`;
    expect((await other.call('PATCH', path, { body: { role: 'viewer' } })).data['rolesKept']).toEqual([]);
    await api.query(`update projects set deleted_at = now() where name = 'shop'`);
    expect((await change(person, 'viewer')).data['rolesKept']).toMatchObject([{ role: 'reader' }]);
    await api.query('update workspaces set deleted_at = now() where slug = $1', [slug]);
    expect((await change(person, 'viewer')).data['rolesKept']).toEqual([]);
  });
});

/** What the command line sends for these two commands. */
function run(command: string): Promise<Answer> {
  const taken = /^hks group members remove (\S+) (\S+) --organization (\S+)$/.exec(command);
  if (taken)
    return ann.call('DELETE', `/api/v1/organizations/${taken[3]}/groups/${taken[1]}/members/${taken[2]}`);
  const ended = /^hks assignment delete (\S+) --workspace (\S+)$/.exec(command);
  return ann.call('DELETE', `/api/v1/workspaces/${ended?.[2]}/assignments/${ended?.[1]}`);
}

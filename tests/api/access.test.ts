import { until } from '@hexabase/testkit/given.ts';
import { waitingForLocks } from '@hexabase/testkit/waiting-for-locks.ts';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApi, type Answer, type Api, type Person } from './start-api.ts';

let api: Api;
let ann: Person & { organizationId: string };
let workspaceId: string;
let groups: string;
let roles: string;
let assignments: string;
let access: string;

beforeAll(async () => {
  api = await startApi({ rateLimit: { burst: 5_000, perSecond: 1_000 } });
  ann = await api.owner('ann');
  const made = await ann.call('POST', '/api/v1/workspaces', { body: { name: 'Ann one' } });
  workspaceId = String(made.data['id']);
  await api.activate(workspaceId);
  groups = `/api/v1/organizations/${ann.organizationId}/groups`;
  const workspace = `/api/v1/workspaces/${workspaceId}`;
  [roles, assignments, access] = [`${workspace}/roles`, `${workspace}/assignments`, `${workspace}/access`];
});
afterAll(() => api[Symbol.asyncDispose]());

async function joined(name: string, role: 'admin' | 'developer' | 'viewer'): Promise<Person> {
  const person = await api.person(`${name}-${crypto.randomUUID().slice(0, 8)}`);
  await api.join(ann.organizationId, person, role);
  return person;
}

async function group(name: string, parent?: string): Promise<string> {
  const made = await ann.call('POST', groups, { body: { name, ...(parent && { parent }) } });
  expect(made.status, made.text).toBe(201);
  return String(made.data['id']);
}

async function project(name: string): Promise<void> {
  const made = await ann.call('POST', `/api/v1/workspaces/${workspaceId}/projects`, { body: { name } });
  expect(made.status, made.text).toBe(201);
}

async function tokenGroups(person: Person): Promise<string[]> {
  const minted = await person.call('POST', `/api/v1/workspaces/${workspaceId}/kube-token`);
  expect(minted.status, minted.text).toBe(201);
  const [, claims = ''] = String(minted.data['token']).split('.');
  return JSON.parse(Buffer.from(claims, 'base64url').toString()).groups;
}

const epochOf = async (person: Person): Promise<number> =>
  Number(
    (
      await api.query('select sum(epoch) as epoch from organization_epochs where user_id = $1', [
        person.userId,
      ])
    )[0]?.['epoch'],
  );

describe('a tree of groups', () => {
  it('is made, moved and taken apart, and never closes a circle', async () => {
    const top = await group('Tree-top');
    const middle = await group('Tree-middle', 'Tree-top');
    const low = await group('Tree-low', middle);
    expect((await ann.call('POST', groups, { body: { name: 'tree-TOP' } })).error.code).toBe(
      'already_exists',
    );
    const circle = await ann.call('POST', `${groups}/${top}/move`, { body: { parent: low } });
    expect([circle.status, circle.error.code]).toEqual([409, 'conflict']);
    expect((await ann.call('POST', `${groups}/${top}/move`, { body: { parent: top } })).status).toBe(409);
    expect((await ann.call('DELETE', `${groups}/${middle}`)).error.code).toBe('conflict');
    expect(
      (await ann.call('POST', `${groups}/${low}/move`, { body: { parent: null } })).data['parentId'],
    ).toBe(null);
    expect((await ann.call('DELETE', `${groups}/${middle}`)).status).toBe(204);
    expect((await ann.call('GET', `${groups}/Tree-middle`)).status).toBe(404);
  });

  it('has names that can stand in a path', async () => {
    for (const name of ['two words', 'a/b', 'a.b', '-a', 'ü', 'x']) {
      expect((await ann.call('POST', groups, { body: { name } })).error.code).toBe('validation_failed');
    }
    await group('by-name');
    expect((await ann.call('GET', `${groups}/by-name`)).data['name']).toBe('by-name');
    const { data } = await ann.call('GET', `${groups}/ann-one.WSAdmins`);
    expect(data).toMatchObject({ name: 'ann-one.WSAdmins', workspaceId });
  });

  it('stays a tree when moves that close a circle together come at once', async () => {
    const [a, b] = [await group('Race-a'), await group('Race-b')];
    const answers = await Promise.all([
      ann.call('POST', `${groups}/${a}/move`, { body: { parent: b } }),
      ann.call('POST', `${groups}/${b}/move`, { body: { parent: a } }),
    ]);
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409]);
  });

  it('is guarded by the database too, against moves that come another way', async () => {
    const [a, b] = [await group('Direct-a'), await group('Direct-b')];
    await using left = await connect();
    await using right = await connect();
    await left.client.query('begin');
    await right.client.query('begin');
    await left.client.query('update groups set parent_id = $2 where id = $1', [a, b]);
    const second = right.client
      .query('update groups set parent_id = $2 where id = $1', [b, a])
      .then(() => 'done')
      .catch((error: unknown) => String(error));
    await left.client.query('commit');
    expect(await second).toContain('below itself');
    await right.client.query('rollback');
  });

  it('keeps the groups of a workspace as they are, and takes groups below them', async () => {
    const { list } = await ann.call('GET', `${groups}?limit=500`);
    const admins = list.find((one) => String(one['name']).endsWith('.WSAdmins'));
    expect((await ann.call('DELETE', `${groups}/${admins?.['id']}`)).error.code).toBe('conflict');
    const person = await joined('operator', 'viewer');
    const operators = await group('Operators', String(admins?.['id']));
    await ann.call('POST', `${groups}/${operators}/members`, { body: { user: person.email } });
    expect(await tokenGroups(person)).toContain(`hexabase:group:${admins?.['id']}`);
  });

  it('knows its members through groups below, and only members of the organization', async () => {
    const top = await group('Members-top');
    const low = await group('Members-low', top);
    const person = await joined('member', 'viewer');
    const stranger = await api.owner(`stranger-${crypto.randomUUID().slice(0, 8)}`);
    const add = (user: string) => ann.call('POST', `${groups}/${low}/members`, { body: { user } });
    expect((await add(person.email)).status).toBe(201);
    expect((await add(person.userId)).error.code).toBe('already_exists');
    expect((await add(stranger.email)).error.code).toBe('not_found');
    const shown = await ann.call('GET', `${groups}/${top}/members`);
    expect(shown.list).toMatchObject([{ email: person.email, through: 'Members-low' }]);
    expect((await stranger.call('GET', `${groups}/${top}`)).status).toBe(404);
    expect((await stranger.call('POST', `${groups}/${top}/move`, { body: { parent: null } })).status).toBe(
      404,
    );
  });
});

describe('a role that is given', () => {
  it('is in the tokens of everybody below the group, and out of them again at once', async () => {
    await project('shop');
    const top = await group('Given-top');
    const low = await group('Given-low', top);
    const person = await joined('given', 'viewer');
    await ann.call('POST', `${groups}/${low}/members`, { body: { user: person.email } });
    expect(await tokenGroups(person)).toEqual(['hexabase:ws-members', 'hexabase:ws-users']);
    const before = await epochOf(person);
    const made = await ann.call('POST', assignments, {
      body: { role: 'developer', project: 'shop', group: top },
    });
    expect(made.status, made.text).toBe(201);
    expect(await epochOf(person)).toBeGreaterThan(before);
    expect(await tokenGroups(person)).toContain(`hexabase:group:${top}`);
    expect(await tokenGroups(person)).not.toContain(`hexabase:group:${low}`);
    const moved = await epochOf(person);
    await ann.call('POST', `${groups}/${low}/move`, { body: { parent: null } });
    expect(await epochOf(person)).toBeGreaterThan(moved);
    expect(await tokenGroups(person)).toEqual(['hexabase:ws-members', 'hexabase:ws-users']);
    expect((await ann.call('DELETE', `${assignments}/${made.data['id']}`)).status).toBe(204);
  });

  it('to a person ends with their membership, and does not come back with it', async () => {
    const person = await joined('leaver', 'viewer');
    const made = await ann.call('POST', assignments, { body: { role: 'admin', user: person.email } });
    expect(made.data['subject']).toMatchObject({ kind: 'user', id: person.userId });
    expect(await tokenGroups(person)).toContain(`hexabase:user:${person.userId}`);
    const members = `/api/v1/organizations/${ann.organizationId}/members`;
    expect((await ann.call('DELETE', `${members}/${person.userId}`)).status).toBe(200);
    await api.join(ann.organizationId, person, 'viewer');
    expect(await tokenGroups(person)).toEqual(['hexabase:ws-members', 'hexabase:ws-users']);
    const woken = await api.query(
      `select 1 from reconcile_queue where kind = 'workspace-access' and key = $1`,
      [workspaceId],
    );
    expect(woken).toHaveLength(1);
  });

  it('says who gets it, in the right place, once', async () => {
    const give = (body: object) => ann.call('POST', assignments, { body });
    expect((await give({ role: 'viewer' })).error.code).toBe('validation_failed');
    expect((await give({ role: 'viewer', group: 'a', user: 'b' })).error.code).toBe('validation_failed');
    expect((await give({ role: 'developer', user: ann.email })).error.code).toBe('validation_failed');
    expect((await give({ role: 'nope', user: ann.email })).error.code).toBe('not_found');
    expect((await give({ role: 'viewer', project: 'nope', user: ann.email })).error.code).toBe('not_found');
    expect((await give({ role: 'viewer', user: ann.email })).status).toBe(201);
    expect((await give({ role: 'viewer', user: ann.email })).error.code).toBe('already_exists');
  });
});

describe('an administrator whose role is lowered', () => {
  it('administers no workspace any more, by no group that does, however deep; other groups stay', async () => {
    const [slug] = (await api.query('select slug from workspaces where id = $1', [workspaceId])).map((row) =>
      String(row['slug']),
    );
    const person = await joined('lowered', 'admin');
    const put = (id: string) => ann.call('POST', `${groups}/${id}/members`, { body: { user: person.email } });
    const given = await group('given-admin');
    await ann.call('POST', assignments, { body: { role: 'admin', group: given } });
    const stays = await group('readers');
    await ann.call('POST', assignments, { body: { role: 'viewer', group: stays } });
    const within = [
      `${slug}.WSAdmins`,
      await group('ops', `${slug}.WSAdmins`),
      await group('ops-night', 'ops'),
      given,
      await group('given-deeper', 'given-admin'),
    ];
    for (const id of [...within, stays]) expect((await put(id)).status).toBe(201);
    const role = (name: string) =>
      ann.call('PATCH', `/api/v1/organizations/${ann.organizationId}/members/${person.userId}`, {
        body: { role: name },
      });
    expect((await role('viewer')).status).toBe(200);
    const question = `user=${person.userId}&verb=delete&resource=secrets`;
    const explained = await ann.call('GET', `${access}?${question}`);
    expect(explained.data).toMatchObject({ organizationRole: 'viewer', decision: { allowed: false } });
    expect(await api.query('select group_id from group_members where user_id = $1', [person.userId])).toEqual(
      [{ group_id: stays }],
    );
  });
});

describe('what names something that is just being deleted', () => {
  it('is refused, whatever it is: the database notices last', async () => {
    const person = await joined('meanwhile', 'viewer');
    const other = new Client({ ...api.db.admin, options: '-c search_path=hexabase' });
    await other.connect();
    const whileDeleted = async (id: string, request: () => Promise<Answer>): Promise<unknown[]> => {
      await other.query('begin');
      await other.query('delete from groups where id = $1', [id]);
      let answered = false;
      const asked = request().finally(() => (answered = true));
      await until(async () => answered || (await api.query(waitingForLocks)).length > 0);
      await other.query('commit');
      const { status, error } = await asked;
      return [status, error.code];
    };
    const [first, second, third] = [await group('gone-1'), await group('gone-2'), await group('gone-3')];
    expect([
      await whileDeleted(first, () =>
        ann.call('POST', assignments, { body: { role: 'viewer', group: first } }),
      ),
      await whileDeleted(second, () =>
        ann.call('POST', `${groups}/${second}/members`, { body: { user: person.email } }),
      ),
      await whileDeleted(third, () =>
        ann.call('POST', groups, { body: { name: 'below-gone', parent: third } }),
      ),
    ]).toEqual(Array(3).fill([409, 'conflict']));
    await other.end();
  });
});

describe('a role of one’s own', () => {
  const rule = { verbs: ['get', 'patch'], apiGroups: ['apps'], resources: ['deployments'] };
  it.each([
    ['a wildcard verb', { ...rule, verbs: ['*'] }],
    ['a wildcard group', { ...rule, apiGroups: ['*'] }],
    ['a wildcard resource', { ...rule, resources: ['*'] }],
    ['escalate', { verbs: ['escalate'], apiGroups: ['rbac.authorization.k8s.io'], resources: ['roles'] }],
    ['bind', { verbs: ['bind'], apiGroups: ['rbac.authorization.k8s.io'], resources: ['clusterroles'] }],
    ['impersonate', { verbs: ['impersonate'], apiGroups: [''], resources: ['users'] }],
    [
      'tokens of service accounts',
      { verbs: ['create'], apiGroups: [''], resources: ['serviceaccounts/token'] },
    ],
    ['what lies outside projects', { verbs: ['get'], apiGroups: [''], resources: ['nodes'] }],
    ['paths', { verbs: ['get'], nonResourceURLs: ['/metrics'] }],
    ['quotas', { verbs: ['update'], apiGroups: [''], resources: ['resourcequotas'] }],
    ['nothing', { verbs: ['get'] }],
  ])('is refused with %s', async (_what, bad) => {
    const made = await ann.call('POST', roles, { body: { name: 'too-much', rules: [rule, bad] } });
    expect([made.status, made.error.code]).toEqual([403, 'escalation_refused']);
    expect(JSON.stringify(made.error.details)).toContain('rules.1');
    const preview = await ann.call('POST', `${roles}/preview`, { body: { rules: [rule, bad] } });
    expect(preview.data['refused']).not.toEqual([]);
  });

  it.each(['system:masters', 'hexabase:x', 'Admin'])('cannot be called %s', async (name) => {
    expect((await ann.call('POST', roles, { body: { name, rules: [rule] } })).error.code).toBe(
      'validation_failed',
    );
  });

  it('may become shorter where it is longer than new ones may be, and not longer', async () => {
    const names = Array.from({ length: 300 }, (_, n) => `${'x'.repeat(60)}-${n}`);
    const long = (count: number) => ({
      rules: Array.from({ length: 4 }, (_, part) => ({
        ...rule,
        nonResourceURLs: [],
        resourceNames: names.slice(part * 75, part * 75 + count),
      })),
    });
    expect((await ann.call('POST', roles, { body: { name: 'long', rules: [rule] } })).status).toBe(201);
    const before = JSON.stringify(long(74).rules);
    await api.query("update roles set rules = $1::jsonb where name = 'long'", [before]);
    const change = (count: number) => ann.call('PATCH', `${roles}/long`, { body: long(count) });
    const longer = await change(75);
    expect([longer.status, longer.text]).toEqual([400, expect.stringContaining('16384 bytes')]);
    const shorter = await change(73);
    expect(shorter.status, shorter.text).toBe(200);
    expect((await ann.call('DELETE', `${roles}/long`)).status).toBe(204);
  });

  it('takes no labels, and no name that every workspace has', async () => {
    const labels = { 'rbac.authorization.k8s.io/aggregate-to-admin': 'true' };
    expect((await ann.call('POST', roles, { body: { name: 'agg', rules: [rule], labels } })).error.code).toBe(
      'unknown_field',
    );
    expect((await ann.call('POST', roles, { body: { name: 'admin', rules: [rule] } })).error.code).toBe(
      'already_exists',
    );
  });

  it('is told in words, given, changed and taken away', async () => {
    const made = await ann.call('POST', roles, { body: { name: 'restarter', rules: [rule] } });
    expect(made.status, made.text).toBe(201);
    expect(made.data['words']).toEqual(['May read and change deployments.']);
    const person = await joined('restarter', 'viewer');
    await project('restarts');
    const given = await ann.call('POST', assignments, {
      body: { role: 'restarter', project: 'restarts', user: person.email },
    });
    expect(given.status, given.text).toBe(201);
    const asked = `${access}?user=${person.email}&project=restarts&verb=patch&resource=deployments`;
    const explained = await ann.call('GET', asked);
    expect(explained.data).toMatchObject({
      decision: { allowed: true },
      grants: [{ role: 'restarter', words: made.data['words'], rules: [rule] }],
      roles: [{ name: 'restarter', words: made.data['words'], rules: [rule] }],
    });
    const before = await epochOf(person);
    await ann.call('PATCH', `${roles}/restarter`, { body: { rules: [{ ...rule, verbs: ['get'] }] } });
    expect(await epochOf(person)).toBeGreaterThan(before);
    expect((await ann.call('GET', asked)).data['decision']).toMatchObject({ allowed: false });
    // The same rules once more are no change: nobody's token ends, and no cluster is asked.
    const same = await epochOf(person);
    await ann.call('PATCH', `${roles}/restarter`, { body: { rules: [{ ...rule, verbs: ['get'] }] } });
    expect(await epochOf(person)).toBe(same);
    expect((await ann.call('DELETE', `${roles}/restarter`)).status).toBe(204);
    expect((await ann.call('GET', `${assignments}?project=restarts`)).list).toEqual([]);
  });
});

describe('explaining', () => {
  it('names every group on the way, and every right of an organization role', async () => {
    await project('explained');
    const top = await group('Platform');
    const low = await group('Backend', top);
    const person = await joined('bob', 'developer');
    await ann.call('POST', `${groups}/${low}/members`, { body: { user: person.email } });
    await ann.call('POST', assignments, { body: { role: 'admin', project: 'explained', group: top } });
    const { data } = await ann.call('GET', `${access}?user=${person.email}&project=explained`);
    expect(data['organizationRole']).toBe('developer');
    const grants = JSON.stringify(data['grants']);
    expect(grants).toContain(
      'is in Backend, which is below Platform; Platform has the role admin in project explained.',
    );
    expect(grants).toContain(
      'is a developer of the organization, which gives the role developer in every project.',
    );
    const denied = await ann.call('GET', `${access}?user=${person.email}&verb=delete&resource=nodes`);
    expect(denied.data).toMatchObject({ decision: { allowed: false }, grants: [] });
    const who = await ann.call(
      'GET',
      `${access}/who-can?verb=create&resource=rolebindings&project=explained`,
    );
    expect(who.list.filter((one) => one['email'] === person.email)).toMatchObject([
      { role: 'admin', project: 'explained' },
    ]);
    expect(who.list.some((one) => one['email'] === ann.email)).toBe(true);
  });

  it('calls a group as it is called now', async () => {
    await group('Before');
    const person = await joined('renamed', 'viewer');
    await ann.call('POST', `${groups}/Before/members`, { body: { user: person.userId } });
    await ann.call('POST', assignments, { body: { role: 'admin', group: 'Before' } });
    const why = async () => (await ann.call('GET', `${access}?user=${person.userId}`)).text;
    expect(await why()).toContain('is in Before');
    const renamed = await ann.call('PATCH', `${groups}/Before`, { body: { name: 'After' } });
    expect(renamed.status, renamed.text).toBe(200);
    // A token of the cluster is made with what is remembered of the person.
    await tokenGroups(person);
    expect(await why()).toContain('is in After');
  });

  it('of oneself is open to everybody, of others to administrators', async () => {
    const viewer = await joined('curious', 'viewer');
    expect((await viewer.call('GET', access)).status).toBe(200);
    expect((await viewer.call('GET', `${access}?user=${ann.email}`)).status).toBe(403);
    expect((await viewer.call('GET', `${access}/who-can?verb=get&resource=pods`)).status).toBe(403);
  });

  it('as somebody else changes nothing and is in the audit log', async () => {
    const viewer = await joined('viewed', 'viewer');
    const before = await epochOf(viewer);
    const seen = await ann.call('POST', `${access}/view-as`, { body: { user: viewer.email } });
    expect(seen.status, seen.text).toBe(200);
    expect(seen.data['actions']).not.toContain('workspace:create');
    expect(await epochOf(viewer)).toBe(before);
    const entry = await until(
      async () =>
        (await api.query(`select details, actor_id from audit_entries where action = 'access.view-as'`))[0],
    );
    expect(entry).toMatchObject({ actor_id: ann.userId, details: { viewedAs: viewer.userId } });
  });

  it('as somebody else tells of roles that are very long the beginning, and every preset', async () => {
    const long = (count: number) =>
      Array.from({ length: count }, (_, n) => ({
        verbs: ['get'],
        apiGroups: ['example.com'],
        resources: [`${'things'.repeat(30)}${n}`],
      }));
    await project('long-told');
    const viewer = await joined('long', 'viewer');
    const seen = async () => {
      const { data } = await ann.call('POST', `${access}/view-as`, { body: { user: viewer.email } });
      return JSON.stringify(data);
    };
    for (const name of ['one', 'two', 'three']) {
      const body = { name, scope: 'workspace', rules: long(1) };
      expect((await ann.call('POST', roles, { body })).status).toBe(201);
      await ann.call('POST', assignments, { body: { role: name, user: viewer.email } });
    }
    const body = { role: 'developer', project: 'long-told', user: viewer.email };
    expect((await ann.call('POST', assignments, { body })).status).toBe(201);
    expect((await seen()).includes('more rules')).toBe(false);
    for (const name of ['one', 'two', 'three']) {
      const longer = await ann.call('PATCH', `${roles}/${name}`, { body: { rules: long(50) } });
      expect(longer.status, longer.text).toBe(200);
    }
    const told = await seen();
    expect(/May see, create, delete and change [^.]*deployments/.test(told)).toBe(true);
    expect(/And \d+ more rules/.exec(told)).not.toBeNull();
  });
});

async function connect(): Promise<AsyncDisposable & { client: Client }> {
  const client = new Client({ ...api.db.admin, options: '-c search_path=hexabase' });
  await client.connect();
  return { client, [Symbol.asyncDispose]: () => client.end() };
}

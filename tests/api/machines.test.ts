import { tokenMayCall } from '@hexabase/authz/token-scope.ts';
import { allOperations } from '@hexabase/contract/all-operations.ts';
import type { Operation } from '@hexabase/contract/operation.ts';
import { apiTokenHash, newApiToken } from '@hexabase/kernel/api-token.ts';
import { brandId, newId } from '@hexabase/kernel/id.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addressIn } from '../address-in.ts';
import { validBody } from '../valid-bodies.ts';
import { startApi, type Answer, type Api, type Person } from './start-api.ts';

/** Programs that come in with tokens: those of people, and those of service accounts. */
let api: Api;
let ann: Person & { organizationId: string; organizationSlug: string };
let workspaceId: string;
let otherWorkspaceId: string;
let accounts: string;
/** Every token that was ever shown; none may be found anywhere again. */
const shown: string[] = [];

beforeAll(async () => {
  api = await startApi({ rateLimit: { burst: 9_000, perSecond: 5_000 } });
  ann = await api.owner('ann');
  accounts = `/api/v1/organizations/${ann.organizationId}/service-accounts`;
  workspaceId = await workspace('Ann one');
  otherWorkspaceId = await workspace('Ann two');
});
afterAll(() => api[Symbol.asyncDispose]());

async function workspace(name: string): Promise<string> {
  const { data, text } = await ann.call('POST', '/api/v1/workspaces', {
    body: { name, organization: ann.organizationId },
  });
  expect(data['id'], text).toBeDefined();
  await api.activate(String(data['id']));
  return String(data['id']);
}

const fresh = (word: string) => `${word}-${crypto.randomUUID().slice(0, 8)}`;

interface Program {
  id: string;
  token: string;
  call(method: string, path: string, body?: unknown): Promise<Answer>;
}

interface Asking {
  of?: Person;
  at?: string;
  expires?: string;
}

async function program(
  scope: string,
  { of = ann, at = '/api/v1/tokens', expires = '1d' }: Asking = {},
): Promise<Program> {
  const { status, data, text } = await of.call('POST', at, { body: { name: fresh('t'), scope, expires } });
  expect(status, text).toBe(201);
  return withToken(String(data['id']), String(data['token']));
}

function withToken(id: string, token: string): Program {
  shown.push(token);
  return {
    id,
    token,
    call: (method, path, body) => api.call(method, path, { token, ...(body !== undefined && { body }) }),
  };
}

async function account(role = 'developer'): Promise<Record<string, unknown> & { path: string }> {
  const { status, data, text } = await ann.call('POST', accounts, { body: { name: fresh('sa'), role } });
  expect(status, text).toBe(201);
  return { ...data, path: `${accounts}/${data['id']}` };
}

const status = async (who: Program, path = '/api/v1/organizations') => (await who.call('GET', path)).status;

describe('a token', () => {
  it('lets a program do what its owner may, and is shown once', async () => {
    const made = await program('write');
    expect(made.token).toMatch(/^hks_pat_/);
    const created = await made.call('POST', `/api/v1/workspaces/${workspaceId}/projects`, {
      name: fresh('p'),
    });
    expect(created.status, created.text).toBe(201);
    const { text, list } = await ann.call('GET', '/api/v1/tokens');
    expect(text).not.toContain(made.token.slice(8, 51));
    expect(text).not.toContain(apiTokenHash(made.token));
    expect(list.find(({ id }) => id === made.id)?.['lastUsedAt']).not.toBeNull();
    const [row] = await api.query('select * from api_tokens where id = $1', [made.id]);
    expect(row?.['token_hash']).toBe(apiTokenHash(made.token));
    expect(JSON.stringify(row)).not.toContain(made.token.slice(8, 51));
    expect((await made.call('GET', '/auth/me')).status).toBe(200);
  });

  it('is never repeated for an Idempotency-Key', async () => {
    const ask = () =>
      ann.call('POST', '/api/v1/tokens', {
        body: { name: 'once', scope: 'read', expires: '1d' },
        headers: { 'idempotency-key': 'token-once' },
      });
    const first = await ask();
    shown.push(String(first.data['token']));
    expect((await ask()).error.code).toBe('already_exists');
  });

  it('ends, after a year at the latest', async () => {
    for (const expires of ['366d', '8761h', '0d', '-1d', '1y', 'never', '']) {
      const body = { name: fresh('long'), scope: 'read', expires };
      expect((await ann.call('POST', '/api/v1/tokens', { body })).error.code).toBe('validation_failed');
    }
    const withoutEnd = { name: fresh('long'), scope: 'read' };
    expect((await ann.call('POST', '/api/v1/tokens', { body: withoutEnd })).status).toBe(400);
    await program('read', { expires: '365d' });
  });

  it('that has expired is refused', async () => {
    const made = await program('read');
    await api.query(`update api_tokens set expires_at = now() - interval '1 second' where id = $1`, [
      made.id,
    ]);
    const refused = await made.call('GET', '/api/v1/organizations');
    expect([refused.status, refused.error.code]).toEqual([401, 'token_expired']);
  });

  it('B17 that was cut, padded, guessed or of another kind is refused like no token at all', async () => {
    const { token } = await program('read');
    const forged = newApiToken('pat').token;
    const wrong = [
      forged,
      newApiToken('sat').token,
      token.slice(0, -1),
      `${token}=`,
      `${token}0`,
      token.slice(8),
    ];
    wrong.push(
      token.replace('hks_pat_', 'hks_sat_'),
      token.toUpperCase(),
      'hks_pat_',
      'hks_sat_',
      `hks_pat_${'A'.repeat(43)}00000000`,
    );
    for (const presented of wrong) {
      const answer = await api.call('GET', '/api/v1/organizations', { token: presented });
      expect([presented, answer.status, answer.error.code]).toEqual([presented, 401, 'unauthenticated']);
    }
  });

  it('that was revoked is refused at once, also for its own revocation', async () => {
    const made = await program('write');
    expect(await status(made)).toBe(200);
    expect((await ann.call('DELETE', `/api/v1/tokens/${made.id}`)).status).toBe(204);
    expect(await status(made)).toBe(401);
    expect((await ann.call('DELETE', `/api/v1/tokens/${made.id}`)).status).toBe(404);
    expect((await made.call('POST', `/api/v1/workspaces/${workspaceId}/kube-token`)).status).toBe(401);
  });

  it('of somebody else can be neither seen nor revoked', async () => {
    const made = await program('read');
    const stranger = await api.owner(fresh('stranger'));
    expect((await stranger.call('DELETE', `/api/v1/tokens/${made.id}`)).status).toBe(404);
    expect((await stranger.call('GET', '/api/v1/tokens')).list).toEqual([]);
    expect(await status(made)).toBe(200);
  });

  it('has the rights that its owner has now, and none when the owner is disabled', async () => {
    const member = await api.person(fresh('member'));
    await api.join(ann.organizationId, member, 'admin');
    const made = await program('write', { of: member });
    const path = `/api/v1/workspaces/${workspaceId}`;
    expect(await status(made, path)).toBe(200);
    await ann.call('DELETE', `/api/v1/organizations/${ann.organizationId}/members/${member.userId}`);
    expect(await status(made, path)).toBe(404);
    await api.query('update users set disabled_at = now() where id = $1', [member.userId]);
    expect(await status(made)).toBe(401);
  });

  it('writes its last use once a minute, however often it is used', async () => {
    const made = await program('read');
    const used = async () =>
      String(
        (await api.query('select last_used_at::text as at from api_tokens where id = $1', [made.id]))[0]?.[
          'at'
        ],
      );
    await status(made);
    const first = await used();
    await Promise.all(Array.from({ length: 5 }, () => status(made)));
    expect(await used()).toBe(first);
    await api.query(`update api_tokens set last_used_at = now() - interval '2 minutes' where id = $1`, [
      made.id,
    ]);
    await status(made);
    expect(Date.parse(await used())).toBeGreaterThanOrEqual(Date.parse(first));
  });

  it('C11 is one of fifty at most, also when a hundred are asked for at once', async () => {
    const greedy = await api.person(fresh('greedy'));
    const answers = await Promise.all(
      Array.from({ length: 100 }, () =>
        greedy.call('POST', '/api/v1/tokens', { body: { name: fresh('g'), scope: 'read', expires: '1d' } }),
      ),
    );
    expect(answers.filter((answer) => answer.status === 201)).toHaveLength(30);
    expect(answers.filter((answer) => answer.error?.code === 'rate_limited')).toHaveLength(70);
    await api.query(`update api_tokens set created_at = created_at - interval '2 hours' where user_id = $1`, [
      greedy.userId,
    ]);
    for (let more = 0; more < 20; more += 1) await program('read', { of: greedy });
    const body = { name: fresh('g'), scope: 'read', expires: '1d' };
    expect((await greedy.call('POST', '/api/v1/tokens', { body })).error.code).toBe('conflict');
  });
});

/** Nothing else has to be there: what is refused by scope is refused before anything is looked up. */
const addressOf = (operation: Operation, workspace: string): string =>
  addressIn(operation, { workspace, organization: ann.organizationId });

const bodyOf = (operation: Operation) =>
  operation.body ? validBody(operation, { organization: ann.organizationId, userId: ann.userId }) : undefined;

const tables = ['api_tokens', 'group_members', 'groups', 'invitations', 'memberships', 'organization_epochs', 'organizations', 'projects', 'role_assignments', 'roles', 'workspaces']; // prettier-ignore

async function everything(): Promise<string> {
  const parts = tables.map(
    (table) =>
      `(select md5(string_agg((to_jsonb(t) - 'last_used_at')::text, '|' order by t::text)) from ${table} t) as ${table}`,
  );
  const users =
    '(select md5(string_agg(row(id, email, kind, epoch)::text, $$|$$ order by id)) from users) as users';
  return JSON.stringify(await api.query(`select ${[...parts, users].join(', ')}`));
}

const queries: Record<string, string> = {
  'access.explain': '?user=x',
  'access.who-can': '?verb=get&resource=pods',
};

const writes = allOperations()
  .map(({ operation }) => operation)
  .filter(({ method, access }) => method !== 'GET' && access.kind !== 'public');
const forPeople =
  /^(access|assignment|group|host-cluster|invitation|member|organization|role|second-factor|service-account|token)\./;

const ci = { name: 'ci', expiresAt: '2100-01-01T00:00:00Z' };

describe('the scope of a token', () => {
  it('knows a verdict for every operation, and new ones are closed to programs', () => {
    const may = (scope: 'read' | 'write', operation: Operation) =>
      tokenMayCall({ token: { ...ci, scope } }, operation);
    for (const operation of writes) {
      expect([operation.id, may('read', operation)]).toEqual([operation.id, false]);
      if (forPeople.test(operation.id) || operation.access.kind === 'platform')
        expect([operation.id, may('write', operation)]).toEqual([operation.id, false]);
    }
    expect(writes.filter((operation) => may('write', operation)).length).toBeGreaterThan(5);
    const scope = { workspaceId: brandId<'Workspace'>(workspaceId) };
    const inside = allOperations().filter(({ operation }) =>
      tokenMayCall({ token: { ...ci, scope } }, operation),
    );
    const others = inside.filter(({ operation }) => operation.target !== 'workspace');
    expect(others.map(({ operation }) => operation.id)).toEqual(['operation.get']);
    expect(inside.some(({ operation }) => operation.id === 'workspace.delete')).toBe(false);
  });

  describe.each(['read', 'write'] as const)('%s', (scope) => {
    let made: Program;
    beforeAll(async () => {
      made = await program(scope);
    });
    const refused = writes.filter((operation) => !tokenMayCall({ token: { ...ci, scope } }, operation));

    it.each(refused)('does not let an owner’s program do $id', async (operation) => {
      const before = await everything();
      const answer = await made.call(operation.method, addressOf(operation, workspaceId), bodyOf(operation));
      expect([answer.status, answer.error?.code]).toEqual([403, 'forbidden']);
      expect(await everything()).toBe(before);
    });
  });

  it('of one workspace opens that one and hides the others', async () => {
    const { organizationSlug } = ann;
    const made = await program(`workspace:${workspaceId}`);
    expect(await status(made, `/api/v1/workspaces/${workspaceId}`)).toBe(200);
    const created = await made.call('POST', `/api/v1/workspaces/${workspaceId}/projects`, {
      name: fresh('p'),
    });
    expect(created.status, created.text).toBe(201);
    expect((await made.call('POST', `/api/v1/workspaces/${workspaceId}/kube-token`)).status).toBe(201);
    // Who asks for a change can follow it to its end; what goes on in another workspace is not there.
    const asleep = await made.call('POST', `/api/v1/workspaces/${workspaceId}/sleep`);
    const other = await ann.call('GET', `/api/v1/workspaces/${otherWorkspaceId}`);
    const followed = [asleep, other].map(({ data }) => `/api/v1/operations/${data['operationId']}`);
    expect(await Promise.all(followed.map((path) => status(made, path)))).toEqual([200, 404]);
    expect(await status(made, '/api/v1/operations')).toBe(403);
    expect((await made.call('DELETE', `/api/v1/workspaces/${workspaceId}`)).status).toBe(403);
    for (const { operation } of allOperations()) {
      if (operation.access.kind === 'public') continue;
      const query = queries[operation.id] ?? '';
      const body = bodyOf(operation);
      const answer = await made.call(operation.method, addressOf(operation, otherWorkspaceId) + query, body);
      expect([operation.id, [403, 404].includes(answer.status)], answer.text).toEqual([operation.id, true]);
      expect(answer.text).not.toContain(organizationSlug);
    }
    expect(await status(made, '/api/v1/events/stream')).toBe(403);
    const foreign = await api.owner(fresh('foreign'));
    const body = { name: 'x', scope: `workspace:${workspaceId}`, expires: '1d' };
    expect((await foreign.call('POST', '/api/v1/tokens', { body })).error.code).toBe('not_found');
  });

  it('says nothing about sessions, ends none, and starts none', async () => {
    const made = await program('write');
    expect(await status(made, '/api/v1/auth/sessions')).toBe(403);
    const { list } = await ann.call('GET', '/api/v1/auth/sessions');
    expect((await made.call('DELETE', `/api/v1/auth/sessions/${list[0]?.['id']}`)).status).toBe(403);
    for (const body of [{ refresh_token: made.token }, {}])
      expect((await made.call('POST', '/auth/refresh', body)).status).toBeGreaterThanOrEqual(400);
    expect((await made.call('POST', '/auth/logout', { refresh_token: made.token })).status).toBe(401);
    expect(await status(made)).toBe(200);
  });

  it('gives no token of an operator the platform', async () => {
    const operator = await api.operator(fresh('operator'));
    const made = await program('write', { of: operator });
    for (const path of ['/api/v1/host-clusters', '/api/v1/outbox']) {
      expect((await operator.call('GET', path)).status).toBe(200);
      expect(await status(made, path)).toBe(403);
    }
  });

  it('is in the audit log by name, for what was done and for what was refused', async () => {
    const made = await program('write');
    const name = (await ann.call('GET', '/api/v1/tokens')).list.find(({ id }) => id === made.id)?.['name'];
    await made.call('POST', `/api/v1/workspaces/${workspaceId}/projects`, { name: fresh('p') });
    await made.call('PATCH', `/api/v1/organizations/${ann.organizationId}`, { name: 'Taken over' });
    const entries = await api.query(
      `select action, outcome from audit_entries where details->>'token' = $1`,
      [name],
    );
    expect(entries).toContainEqual({ action: 'project.create', outcome: 'allowed' });
    expect(entries).toContainEqual({ action: 'organization.update', outcome: 'denied' });
  });
});

describe('a service account', () => {
  it('has its own role, comes in with its tokens, and is known in clusters by its name', async () => {
    const made = await account('viewer');
    expect(made['email']).toBe(`${made['name']}@${ann.organizationSlug}.serviceaccounts.hexabase.local`);
    const bot = await program('write', { at: `${made.path}/tokens` });
    expect(bot.token).toMatch(/^hks_sat_/);
    const projects = `/api/v1/workspaces/${workspaceId}/projects`;
    expect((await bot.call('POST', projects, { name: fresh('p') })).status).toBe(403);
    expect((await ann.call('PATCH', made.path, { body: { role: 'developer' } })).status).toBe(200);
    expect((await bot.call('POST', projects, { name: fresh('p') })).status).toBe(201);
    const minted = await bot.call('POST', `/api/v1/workspaces/${workspaceId}/kube-token`);
    const claims = JSON.parse(
      Buffer.from(String(minted.data['token']).split('.')[1] ?? '', 'base64url').toString(),
    );
    expect(claims).toMatchObject({ email: made['email'], sid: bot.id });
    expect(claims.groups).toContain('hexabase:ws-developers');
  });

  it('can be in groups and be given roles, and leaves nothing when it goes', async () => {
    const made = await account('viewer');
    const bot = await program('write', { at: `${made.path}/tokens` });
    const groups = `/api/v1/organizations/${ann.organizationId}/groups`;
    const group = await ann.call('POST', groups, { body: { name: fresh('bots') } });
    const added = await ann.call('POST', `${groups}/${group.data['id']}/members`, {
      body: { user: made['email'] },
    });
    expect(added.status, added.text).toBe(201);
    const given = await ann.call('POST', `/api/v1/workspaces/${workspaceId}/assignments`, {
      body: { role: 'admin', user: made['email'] },
    });
    expect(given.status, given.text).toBe(201);
    expect((await ann.call('DELETE', made.path)).status).toBe(204);
    expect(await status(bot)).toBe(401);
    for (const table of [
      'users where id',
      'memberships where user_id',
      'group_members where user_id',
      'role_assignments where user_id',
      'api_tokens where user_id',
    ])
      expect(await api.query(`select 1 from ${table} = $1`, [made['id']]), table).toEqual([]);
    const again = await ann.call('POST', accounts, { body: { name: made['name'], role: 'viewer' } });
    expect(again.data['id']).not.toBe(made['id']);
    expect((await ann.call('GET', `${accounts}/${made['name']}/tokens`)).list).toEqual([]);
    expect(await status(bot)).toBe(401);
  });

  it('is never an owner, never elsewhere, and no person', async () => {
    const made = await account('admin');
    const members = `/api/v1/organizations/${ann.organizationId}/members/${made['id']}`;
    expect((await ann.call('PATCH', made.path, { body: { role: 'owner' } })).status).toBe(400);
    expect((await ann.call('PATCH', members, { body: { role: 'owner' } })).error.code).toBe('conflict');
    expect((await ann.call('DELETE', members)).error.code).toBe('conflict');
    const transfer = `/api/v1/organizations/${ann.organizationId}/transfer`;
    expect((await ann.call('POST', transfer, { body: { to: made['email'] } })).error.code).toBe('conflict');
    const thief = await api.owner(fresh('thief'));
    const add = await thief.call('POST', `/api/v1/organizations/${thief.organizationId}/members`, {
      body: { email: made['email'] },
    });
    expect(add.error.code).toBe('not_found');
    const direct = api.query(
      `insert into memberships (organization_id, user_id, role) values ($1, $2, 'viewer')`,
      [thief.organizationId, made['id']],
    );
    await expect(direct).rejects.toThrow('its own organization only');
    const session = api.query(
      `insert into sessions (id, user_id, created_at, last_used_at, expires_at) values ($1, $2, now(), now(), now())`,
      [newId(), made['id']],
    );
    await expect(session).rejects.toThrow('does not sign in');
    const login = await api.call('POST', '/auth/login', {
      body: { email: made['email'], password: 'correct horse battery' },
    });
    expect(login.status).toBe(401);
  });

  it('A02 is out of reach from another organization, and above who stands below', async () => {
    const made = await account('admin');
    const stranger = await api.owner(fresh('stranger'));
    const theirs = `/api/v1/organizations/${stranger.organizationId}/service-accounts`;
    const body = { name: 'x', scope: 'write', expires: '1d' };
    for (const path of [made.path, `${theirs}/${made['id']}`]) {
      expect((await stranger.call('GET', path)).status).toBe(404);
      expect((await stranger.call('DELETE', path)).status).toBe(404);
      expect((await stranger.call('POST', `${path}/tokens`, { body })).status).toBe(404);
    }
    const developer = await api.person(fresh('developer'));
    await api.join(ann.organizationId, developer, 'developer');
    expect((await developer.call('POST', `${made.path}/tokens`, { body })).status).toBe(403);
    expect((await developer.call('GET', `${made.path}/tokens`)).status).toBe(403);
    const own = await program('write', { at: `${made.path}/tokens` });
    expect((await own.call('POST', `${made.path}/tokens`, body)).status).toBe(403);
    const other = await program('read', { of: stranger, at: '/api/v1/tokens' });
    expect((await ann.call('DELETE', `${made.path}/tokens/${other.id}`)).status).toBe(404);
  });

  it('goes with its organization', async () => {
    const bob = await api.owner(fresh('bob'));
    const path = `/api/v1/organizations/${bob.organizationId}`;
    const made = await bob.call('POST', `${path}/service-accounts`, { body: { name: 'bot' } });
    const bot = await program('read', { of: bob, at: `${path}/service-accounts/bot/tokens` });
    expect(await status(bot)).toBe(200);
    expect((await bob.call('DELETE', path)).status).toBe(204);
    expect(await status(bot)).toBe(401);
    expect(await api.query('select 1 from users where id = $1', [made.data['id']])).toEqual([]);
    expect(await api.query('select 1 from api_tokens where id = $1', [bot.id])).toEqual([]);
  });
});

it('C10 no token stands in the database: not in audit, idempotency or anywhere else', async () => {
  expect(shown.length).toBeGreaterThan(30);
  const secrets = new Set(shown.map((token) => token.slice(8, 51)));
  const names = await api.query(`select tablename from pg_tables where schemaname = 'hexabase'`);
  for (const { tablename } of names) {
    for (const { row } of await api.query(`select t::text as row from ${tablename} t`)) {
      for (const word of String(row).match(/[\w-]{43,}/g) ?? [])
        expect(
          [...secrets].some((secret) => word.includes(secret)),
          `${tablename}: ${word}`,
        ).toBe(false);
    }
  }
});

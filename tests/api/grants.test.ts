import { allOperations } from '@hexabase/contract/all-operations.ts';
import type { Operation } from '@hexabase/contract/operation.ts';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { addressIn } from '../address-in.ts';
import { validBody } from '../valid-bodies.ts';
import { startApi, type Answer, type Api, type Person } from './start-api.ts';

let api: Api;
let ann: Person & { organizationId: string; organizationSlug: string };
let oscar: Person;
let workspaceId: string;
let grants: string;
const why = 'Ticket 4711: pods do not start';

beforeAll(async () => {
  api = await startApi({ rateLimit: { burst: 5_000, perSecond: 1_000 } });
  ann = await api.owner('ann');
  oscar = await api.operator('oscar');
  const made = await ann.call('POST', '/api/v1/workspaces', { body: { name: 'Ann one' } });
  workspaceId = String(made.data['id']);
  await api.activate(workspaceId);
  grants = `/api/v1/organizations/${ann.organizationId}/grants`;
});
afterAll(() => api[Symbol.asyncDispose]());
beforeEach(async () => {
  await api.query('delete from access_grants');
});

const letIn = (body: object = {}): Promise<Answer> =>
  ann.call('POST', grants, { body: { operator: oscar.email, reason: why, ...body } });

const breakGlass = (body: object = {}): Promise<Answer> =>
  oscar.call('POST', '/api/v1/platform/grants', {
    body: { organization: ann.organizationSlug, reason: why, ...body },
  });

const ofTenants = allOperations().filter(({ operation }) => operation.access.kind === 'action');

function callAs(person: Person, operation: Operation): Promise<Answer> {
  const targets: Record<string, string> = { organization: ann.organizationId, workspace: workspaceId };
  const things = { ...targets, userId: ann.userId, serviceAccount: 'none' };
  const options = operation.body ? { body: validBody(operation, things) } : {};
  return person.call(operation.method, addressIn(operation, targets), options);
}

describe('an operator of the platform', () => {
  it.each(ofTenants)('gets nothing of a tenant by $operation.id without a grant', async ({ operation }) => {
    const answer = await callAs(oscar, operation);
    // What names no organization falls to the caller's own, of which an operator has none.
    const expected = operation.target === 'none' || operation.target === 'project' ? [404, 409] : [404];
    expect(expected, answer.text).toContain(answer.status);
    expect(answer.text).not.toContain(workspaceId);
  });

  it('sees nothing of tenants in lists and in the log of the platform', async () => {
    for (const path of ['/api/v1/workspaces', '/api/v1/organizations', '/api/v1/operations'])
      expect((await oscar.call('GET', path)).meta.total).toBe(0);
    const { text } = await oscar.call('GET', '/api/v1/platform/audit?limit=500');
    expect(text).not.toContain(ann.organizationId);
    expect(text).not.toContain(ann.email);
  });
});

describe('a grant', () => {
  it('of an owner lets an operator look, and every look is marked in the log of the organization', async () => {
    const made = await letIn({ hours: 2 });
    expect(made.status, made.text).toBe(201);
    const id = String(made.data['id']);
    const seen = await oscar.call('GET', `/api/v1/workspaces/${workspaceId}`);
    expect(seen.status).toBe(200);
    expect((await oscar.call('GET', '/api/v1/workspaces')).meta.total).toBe(1);
    const changed = await oscar.call('PATCH', `/api/v1/workspaces/${workspaceId}`, {
      body: { description: 'x' },
    });
    expect(changed.status).toBe(403);
    const log = await ann.call(
      'GET',
      `/api/v1/organizations/${ann.organizationId}/audit?sort=createdAt&actor=${oscar.email}`,
    );
    const marked = log.list.filter((entry) => entry['grantId'] === id);
    expect(marked.map((entry) => [entry['action'], entry['outcome']])).toEqual([
      ['workspace.get', 'allowed'],
      ['workspace.list', 'allowed'],
      ['workspace.update', 'denied'],
    ]);
    expect(marked[0]).toMatchObject({ actorEmail: oscar.email, workspaceId });
    const listed = await ann.call('GET', grants);
    expect(listed.list).toMatchObject([
      { id, operator: oscar.email, level: 'read', state: 'active', reason: why },
    ]);
    const members = await ann.call('GET', `/api/v1/organizations/${ann.organizationId}/members`);
    expect(members.text).not.toContain(oscar.email);
  });

  it('with the level admin changes workspaces and projects, and nothing of who may do what', async () => {
    await letIn({ level: 'admin' });
    const path = `/api/v1/workspaces/${workspaceId}`;
    expect((await oscar.call('PATCH', path, { body: { description: 'looked at' } })).status).toBe(202);
    expect((await oscar.call('POST', `${path}/projects`, { body: { name: 'probe' } })).status).toBe(201);
    const lasting = ofTenants.filter(
      ({ operation }) =>
        operation.method !== 'GET' &&
        !['workspace:update', 'workspace:connect', 'project:create', 'project:delete'].includes(
          'action' in operation.access ? operation.access.action : '',
        ),
    );
    expect(lasting.length).toBeGreaterThan(20);
    for (const { operation } of lasting) {
      if (operation.access.kind === 'action' && operation.access.action.endsWith(':read')) continue;
      const { status } = await callAs(oscar, operation);
      expect([operation.id, status]).toEqual([operation.id, 403]);
    }
    const token = await oscar.call('POST', '/api/v1/tokens', {
      body: { name: crypto.randomUUID().slice(0, 8), scope: 'write', expires: '1d' },
    });
    const withToken = await api.call('GET', path, { token: String(token.data['token']) });
    expect(withToken.status).toBe(404);
  });

  it('ends at once when it is revoked or given back, and by itself when its time is over', async () => {
    const path = `/api/v1/workspaces/${workspaceId}`;
    const epoch = async () =>
      Number(
        (
          await api.query(
            'select epoch from organization_epochs where organization_id = $1 and user_id = $2',
            [ann.organizationId, oscar.userId],
          )
        )[0]?.['epoch'],
      );
    const first = String((await letIn()).data['id']);
    const minted = await oscar.call('POST', `${path}/kube-token`);
    expect(minted.status).toBe(201);
    const claims = JSON.parse(
      Buffer.from(String(minted.data['token']).split('.')[1] ?? '', 'base64url').toString(),
    );
    expect(claims).toMatchObject({
      access_grant: first,
      groups: ['hexabase:ws-members', 'hexabase:ws-users'],
    });
    const before = await epoch();
    expect((await ann.call('DELETE', `${grants}/${first}`)).status).toBe(204);
    expect(await epoch()).toBeGreaterThan(before);
    expect((await oscar.call('GET', path)).status).toBe(404);

    const second = String((await letIn()).data['id']);
    expect((await oscar.call('DELETE', `/api/v1/platform/grants/${second}`)).status).toBe(204);
    expect((await oscar.call('GET', path)).status).toBe(404);

    const third = String((await letIn({ hours: 8 })).data['id']);
    await api.query(
      `update access_grants set created_at = now() - interval '7 hours', expires_at = now() + interval '90 seconds' where id = $1`,
      [third],
    );
    const late = await oscar.call('POST', `${path}/kube-token`);
    expect(Date.parse(String(late.data['expiresAt']))).toBeLessThan(Date.now() + 91_000);
    // PostgreSQL's moment is finer than the server's, for which this one is not over until the next millisecond.
    await api.query(`update access_grants set expires_at = now() - interval '1 second' where id = $1`, [
      third,
    ]);
    expect((await oscar.call('GET', path)).status).toBe(404);
    const own = await oscar.call('GET', '/api/v1/platform/grants');
    expect(own.list.map((grant) => grant['state']).sort()).toEqual(['expired', 'revoked', 'revoked']);
    const said = await ann.call(
      'GET',
      `/api/v1/organizations/${ann.organizationId}/audit?action=grant.*&sort=createdAt&outcome=allowed&limit=500`,
    );
    const actions = said.list.map((entry) => [entry['action'], entry['actorEmail']]);
    expect(actions).toContainEqual(['grant.revoke', ann.email]);
    expect(actions).toContainEqual(['grant.end', oscar.email]);
  });

  it('is given by owners only, lets nobody in but operators, for eight hours at most and with a reason', async () => {
    const admin = await api.person('annes-admin');
    await api.join(ann.organizationId, admin, 'admin');
    const body = { operator: oscar.email, reason: why };
    expect((await admin.call('POST', grants, { body })).status).toBe(403);
    expect((await admin.call('GET', grants)).status).toBe(200);
    const stranger = await api.person('no-operator');
    expect((await letIn({ operator: stranger.email })).status).toBe(201);
    expect((await stranger.call('GET', `/api/v1/workspaces/${workspaceId}`)).status).toBe(404);
    expect((await letIn({ hours: 9 })).status).toBe(400);
    expect((await letIn({ reason: 'short' })).status).toBe(400);
    expect((await letIn({ level: 'owner' })).status).toBe(400);
    // The second lock: whatever the application is talked into, the database refuses.
    const insert = (level: string, user: string, kind: string, by: string, hours: number) =>
      api.query(
        `insert into access_grants (id, organization_id, user_id, operator, level, kind, reason, granted_by, created_at, expires_at)
         values ('x', $1, $2, 'x', $3, $4, 'x', $5, now(), now() + $6 * interval '1 hour')`,
        [ann.organizationId, user, level, kind, by, hours],
      );
    await expect(insert('read', admin.userId, 'granted', ann.userId, 1)).rejects.toThrow(/only operators/);
    await expect(insert('read', oscar.userId, 'granted', admin.userId, 1)).rejects.toThrow(/only an owner/);
    await expect(insert('read', oscar.userId, 'granted', ann.userId, 9)).rejects.toThrow(/check constraint/);
  });
});

describe('breaking the glass', () => {
  it('lets an operator in at once, tells every owner by letter, and stands in the log', async () => {
    const second = await api.person('annes-second');
    await api.join(ann.organizationId, second, 'owner');
    const made = await breakGlass();
    expect(made.status, made.text).toBe(201);
    expect((await oscar.call('GET', `/api/v1/workspaces/${workspaceId}`)).status).toBe(200);
    const mails = await oscar.call('GET', '/api/v1/outbox?limit=500');
    const letters = mails.list.filter((mail) => mail['kind'] === 'grant.break-glass');
    expect(letters.map((mail) => mail['recipient']).sort()).toEqual([ann.email, second.email].sort());
    const letter = await oscar.call('GET', `/api/v1/outbox/${letters[0]?.['id']}`);
    expect(letter.data['text']).toContain(why);
    expect(letter.data['text']).toContain(`hks grant revoke ${made.data['id']}`);
    const log = await ann.call(
      'GET',
      `/api/v1/organizations/${ann.organizationId}/audit?action=grant.break-glass`,
    );
    expect(log.list[0]).toMatchObject({
      actorEmail: oscar.email,
      target: `grant/${made.data['id']}`,
      details: { reason: why, level: 'read', kind: 'break-glass' },
    });
    expect((await ann.call('DELETE', `${grants}/${made.data['id']}`)).status).toBe(204);
    expect((await oscar.call('GET', `/api/v1/workspaces/${workspaceId}`)).status).toBe(404);
  });

  it('is for operators who are no members, and only of what there is', async () => {
    const body = { organization: ann.organizationId, reason: why };
    expect((await ann.call('POST', '/api/v1/platform/grants', { body })).status).toBe(403);
    expect((await breakGlass({ organization: 'nowhere' })).status).toBe(404);
    expect((await breakGlass({ reason: '' })).status).toBe(400);
    const stranger = await api.owner('stranger');
    const own = `/api/v1/organizations/${stranger.organizationId}/grants`;
    const id = String((await breakGlass()).data['id']);
    expect((await stranger.call('DELETE', `${own}/${id}`)).status).toBe(404);
    expect((await stranger.call('GET', own)).meta.total).toBe(0);
    expect((await oscar.call('GET', `/api/v1/organizations/${stranger.organizationId}`)).status).toBe(404);
  });
});

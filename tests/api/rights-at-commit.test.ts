import { setTimeout } from 'node:timers/promises';
import { roleActions } from '@hexabase/authz/roles.ts';
import { allOperations } from '@hexabase/contract/all-operations.ts';
import { waitingForLocks } from '@hexabase/testkit/waiting-for-locks.ts';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addressIn } from '../address-in.ts';
import { validBody } from '../valid-bodies.ts';
import { startApi, type Answer, type Api, type Person } from './start-api.ts';

/**
 * A change is decided by the rights that are there when it is committed. Each time a second connection stands for a change
 * of rights that is half done: the request is let in before it, waits for it, and goes on after it.
 */
let api: Api;
let ann: Person & { organizationId: string };
let other: Client;
let workspaceId: string;
const limit = { timeout: 60_000 };

beforeAll(async () => {
  api = await startApi({ rateLimit: { burst: 5_000, perSecond: 1_000 } });
  ann = await api.owner('ann');
  const made = await ann.call('POST', '/api/v1/workspaces', { body: { name: 'Ann one' } });
  workspaceId = String(made.data['id']);
  await api.activate(workspaceId);
  other = new Client({ ...api.db.admin, options: '-c search_path=hexabase' });
  await other.connect();
});
afterAll(async () => {
  await other.end();
  await api[Symbol.asyncDispose]();
});

const at = () => `/api/v1/organizations/${ann.organizationId}`;
const workspace = () => `/api/v1/workspaces/${workspaceId}`;

async function member(name: string, role: 'owner' | 'admin' | 'viewer'): Promise<Person> {
  const person = await api.person(name);
  await api.join(ann.organizationId, person, role);
  return person;
}

/** Until the request waits for a lock, or has its answer without. */
async function waiting(request: Promise<Answer>): Promise<void> {
  let answered = false;
  void request.finally(() => (answered = true));
  while (!answered && (await api.query(waitingForLocks)).length === 0) await setTimeout(5);
}

/** The answer to a request that waits until the change is made. */
async function across(
  change: { held: string; of: unknown[]; made: string; with: unknown[] },
  request: () => Promise<Answer>,
): Promise<Answer> {
  await other.query('begin');
  await other.query(change.held, change.of);
  const asked = request();
  await waiting(asked);
  await other.query(change.made, change.with);
  await other.query('commit');
  return asked;
}

const holdOrganization = 'select from organizations where id = $1 for update';

/** As a removal, or a change of a role: the organization is held, then the membership goes. */
const whileRemoved = ({ userId }: Person, request: () => Promise<Answer>) =>
  across(
    {
      held: holdOrganization,
      of: [ann.organizationId],
      made: 'delete from memberships where organization_id = $1 and user_id = $2',
      with: [ann.organizationId, userId],
    },
    request,
  );

const whileMade = (role: string, { userId }: Person, request: () => Promise<Answer>) =>
  across(
    {
      held: holdOrganization,
      of: [ann.organizationId],
      made: 'update memberships set role = $3 where organization_id = $1 and user_id = $2',
      with: [ann.organizationId, userId, role],
    },
    request,
  );

const changes = allOperations().flatMap(({ operation }) =>
  operation.method !== 'GET' &&
  operation.access.kind === 'action' &&
  !roleActions.billing.includes(operation.access.action)
    ? [operation]
    : [],
);

describe('a member whose role is lowered while their request waits', limit, () => {
  it.each(changes)('does nothing any more by $id', async (operation) => {
    const name = operation.id.replace('.', '-');
    const person = await member(name, 'owner');
    const targets = { organization: ann.organizationId, workspace: workspaceId };
    const body = operation.body && validBody(operation, { ...targets, userId: ann.userId });
    const path = addressIn(operation, targets);
    const answer = await whileMade('billing', person, () =>
      person.call(operation.method, path, body ? { body } : {}),
    );
    expect([answer.status, answer.error?.code], answer.text).toEqual([403, 'forbidden']);
  });

  it('an owner who is made a viewer does not make themselves owner again', async () => {
    const bob = await member('bob', 'owner');
    const answer = await whileMade('viewer', bob, () =>
      bob.call('PATCH', `${at()}/members/${bob.userId}`, { body: { role: 'owner' } }),
    );
    expect(answer.status).toBe(403);
    expect(await api.query('select role from memberships where user_id = $1', [bob.userId])).toEqual([
      { role: 'viewer' },
    ]);
  });
});

describe('a member who is removed while their request waits', limit, () => {
  it('does not put themselves back', async () => {
    const eve = await member('eve', 'admin');
    const body = { email: eve.email, role: 'admin' };
    const answer = await whileRemoved(eve, () => eve.call('POST', `${at()}/members`, { body }));
    expect(answer.status).toBe(404);
    expect(await api.query('select from memberships where user_id = $1', [eve.userId])).toEqual([]);
  });

  it('changes no workspace that they waited for', async () => {
    const dan = await member('dan', 'admin');
    const answer = await across(
      {
        held: 'select from workspaces where id = $1 for update',
        of: [workspaceId],
        made: 'delete from memberships where user_id = $1',
        with: [dan.userId],
      },
      () => dan.call('PATCH', workspace(), { body: { description: 'mine' }, headers: { 'if-match': '*' } }),
    );
    expect(answer.status).toBe(404);
  });
});

describe('what else ends while a request waits', limit, () => {
  it('a session, and an API token, make nothing after their end', async () => {
    const kim = await member('kim', 'admin');
    const made = await kim.call('POST', '/api/v1/tokens', {
      body: { name: 'ci', scope: 'write', expires: '1d' },
    });
    const token = String(made.data['token']);
    const project = (name: string, by: string) =>
      api.call('POST', `${workspace()}/projects`, { token: by, body: { name } });
    const held = { held: holdOrganization, of: [ann.organizationId], with: [kim.userId] };
    const byToken = await across(
      { ...held, made: 'update api_tokens set revoked_at = now() where user_id = $1' },
      () => project('by-token', token),
    );
    const bySession = await across(
      { ...held, made: 'update sessions set ended_at = now() where user_id = $1' },
      () => project('by-session', kim.token),
    );
    expect([byToken.status, bySession.status]).toEqual([401, 401]);
  });

  it('a session makes no API token after its end', async () => {
    const lea = await api.person('lea');
    const answer = await across(
      {
        held: 'select from users where id = $1 for update',
        of: [lea.userId],
        made: 'update sessions set ended_at = now() where user_id = $1',
        with: [lea.userId],
      },
      () => lea.call('POST', '/api/v1/tokens', { body: { name: 'late', scope: 'read', expires: '1d' } }),
    );
    expect(answer.status).toBe(401);
    expect(await api.query('select from api_tokens where user_id = $1', [lea.userId])).toEqual([]);
  });

  it('an operator does nothing after their grant, and nothing on the platform after their role', async () => {
    const oscar = await api.operator('oscar');
    const letIn = await ann.call('POST', `${at()}/grants`, {
      body: { operator: oscar.email, reason: 'To look at a failing workspace', level: 'admin' },
    });
    expect(letIn.status, letIn.text).toBe(201);
    const description = { body: { description: 'theirs' } };
    const byGrant = await across(
      {
        held: 'select from workspaces where id = $1 for update',
        of: [workspaceId],
        made: 'update access_grants set revoked_at = now() where id = $1',
        with: [letIn.data['id']],
      },
      () => oscar.call('PATCH', workspace(), description),
    );
    expect(byGrant.status, byGrant.text).toBe(404);
    const byRole = await across(
      {
        held: 'select from users where id = $1 for update',
        of: [oscar.userId],
        made: 'update users set platform_role = null where id = $1',
        with: [oscar.userId],
      },
      () =>
        oscar.call('POST', '/api/v1/platform/grants', {
          body: { organization: ann.organizationId, reason: 'A test of what this needs' },
        }),
    );
    expect(byRole.status, byRole.text).toBe(403);
  });

  it('who administers a project by a group gives nothing there once they are out of the group', async () => {
    const pat = await member('pat', 'viewer');
    expect((await ann.call('POST', `${workspace()}/projects`, { body: { name: 'shop' } })).status).toBe(201);
    const made = await ann.call('POST', `${at()}/groups`, { body: { name: 'shop-admins' } });
    const group = String(made.data['id']);
    await ann.call('POST', `${at()}/groups/${group}/members`, { body: { user: pat.email } });
    const give = (by: Person, body: object) =>
      by.call('POST', `${workspace()}/assignments`, { body: { project: 'shop', ...body } });
    expect((await give(ann, { role: 'admin', group })).status).toBe(201);
    const answer = await across(
      {
        held: 'select from group_members where group_id = $1 for update',
        of: [group],
        made: 'delete from group_members where group_id = $1',
        with: [group],
      },
      () => give(pat, { role: 'viewer', user: ann.email }),
    );
    expect(answer.status, answer.text).toBe(403);
  });

  it('an organization that begins to ask for a second factor takes no change by a session without one', async () => {
    const zoe = await api.owner('zoe');
    const answer = await across(
      {
        held: holdOrganization,
        of: [zoe.organizationId],
        made: 'update organizations set require_second_factor = true where id = $1',
        with: [zoe.organizationId],
      },
      () =>
        zoe.call('POST', `/api/v1/organizations/${zoe.organizationId}/groups`, { body: { name: 'late' } }),
    );
    expect([answer.status, answer.error.code]).toEqual([403, 'second_factor_required']);
  });
});

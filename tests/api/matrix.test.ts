import { callers, matrix, type Caller } from '@hexabase/authz/matrix.ts';
import { resources } from '@hexabase/contract/index.ts';
import type { Operation } from '@hexabase/contract/operation.ts';
import type { Resource } from '@hexabase/contract/resource.ts';
import { newId } from '@hexabase/kernel/id.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aHostCluster } from './host-cluster-bodies.ts';
import { hasState, portsOfStates, readyFor, restoreStates } from './matrix-states.ts';
import { addressIn } from '../address-in.ts';
import { validBody } from '../valid-bodies.ts';
import { appCode } from '@hexabase/testkit/authenticator-app.ts';
import { startApi, type Answer, type Api, type Person } from './start-api.ts';

let api: Api;
let organizationId: string;
let owner: Person;
const people = new Map<Caller, Person>();

beforeAll(async () => {
  api = await startApi({}, portsOfStates);
  const found = await api.owner('owner');
  owner = found;
  organizationId = found.organizationId;
  people.set('owner', found);
  people.set('foreign', await api.owner('foreign'));
  for (const role of ['admin', 'developer', 'viewer', 'billing'] as const) {
    const person = await api.person(role);
    await api.join(organizationId, person, role);
    people.set(role, person);
  }
  people.set('operator', await api.operator('operator'));
  await api.operator('second-operator');
});
afterAll(() => api[Symbol.asyncDispose]());

/** From an organization of somebody else, for whoever is to answer it. */
async function invitationFor(caller: Person): Promise<string> {
  const inviter = await api.owner(`inviter-${crypto.randomUUID().slice(0, 8)}`);
  const path = `/api/v1/organizations/${inviter.organizationId}/invitations`;
  const { data } = await inviter.call('POST', path, {
    body: { email: caller.email },
  });
  return String(data['id']);
}

/** Who left or handed over in the test before is back in their role, and who was let in is out again. */
async function restoreRoles(): Promise<void> {
  await api.query('delete from access_grants');
  await restoreStates(api);
  const roles = ['owner', 'admin', 'developer', 'viewer', 'billing'] as const;
  await api.query(
    `insert into memberships (organization_id, user_id, role)
     select $1, member, role from unnest($2::text[], $3::text[]) as given (member, role)
     on conflict (organization_id, user_id) do update set role = excluded.role`,
    [organizationId, roles.map((role) => people.get(role)?.userId), roles],
  );
}

/** What the request before has only read, or was shown not to have touched; null when it may have used something up. */
let untouched: { things: Record<string, string>; by: string } | null = null;

/** Those of the request before, or new ones. */
async function targetsFor({ id }: Operation): Promise<Record<string, string>> {
  const left = untouched;
  untouched = null;
  const isOfUse = left !== null && (left.by === id || !(hasState(left.by) || hasState(id)));
  return isOfUse ? left.things : readyFor(id, api, await freshTargets());
}

/** Things of the organization that one request may use up. */
async function freshTargets(): Promise<Record<string, string>> {
  await restoreRoles();
  const workspace = await owner.call('POST', '/api/v1/workspaces', {
    body: { name: 'Target', organization: organizationId },
  });
  const id = String(workspace.data['id']);
  await api.activate(id);
  const project = await owner.call('POST', `/api/v1/workspaces/${id}/projects`, { body: { name: 'my-app' } });
  const member = await api.person(`member-${crypto.randomUUID()}`);
  await api.join(organizationId, member, 'viewer');
  await api.query(
    `delete from memberships using users where users.id = user_id and kind = 'service-account'`,
  );
  await api.query(`delete from users where kind = 'service-account'`);
  const examples = await madeFromExamples();
  return {
    workspace: id,
    organization: organizationId,
    operation: String(workspace.data['operationId']),
    project: String(project.data['id']),
    userId: member.userId,
    memberEmail: member.email,
    'host-cluster': await madeHostCluster(),
    ...(await madeInvitation()),
    ...examples,
    token: await madeToken(
      owner,
      `/api/v1/organizations/${organizationId}/service-accounts/${examples['serviceAccount']}/tokens`,
    ),
    federation: await madeFederation(examples['serviceAccount']),
    ...(await madeAccess(id, member.userId)),
    ...(await madeGrants()),
  };
}

/** One that somebody else has, and one that the operator had. */
async function madeGrants(): Promise<Record<string, string>> {
  const path = `/api/v1/organizations/${organizationId}/grants`;
  const body = { operator: 'second-operator@example.test', reason: 'A look at the matrix' };
  const { data } = await owner.call('POST', path, { body });
  const operator = people.get('operator');
  await api.query(
    `insert into access_grants (id, organization_id, user_id, operator, level, kind, reason, granted_by, created_at, expires_at)
     values ('over', $1, $2, $3, 'read', 'break-glass', 'long over', $2, now() - interval '9 hours', now() - interval '1 hour')
     on conflict do nothing`,
    [organizationId, operator?.userId, operator?.email],
  );
  return { grant: String(data['id']), 'grant.end': 'over' };
}

async function madeToken(person: Person, path: string): Promise<string> {
  const body = { name: crypto.randomUUID().slice(0, 8), scope: 'read', expires: '1d' };
  return String((await person.call('POST', path, { body })).data['id']);
}

async function madeFederation(serviceAccount: string | undefined): Promise<string> {
  const { create } = resources.federation.operations;
  const path = create.path.replace('{id}', organizationId);
  return String(
    (await owner.call('POST', path, { body: validBody(create, { serviceAccount: serviceAccount ?? '' }) }))
      .data['id'],
  );
}

/** An invitation whose letter was sent long ago, and the letter. */
async function madeInvitation(): Promise<Record<string, string>> {
  const path = `/api/v1/organizations/${organizationId}/invitations`;
  const { data } = await owner.call('POST', path, { body: { email: `${crypto.randomUUID()}@example.test` } });
  const id = String(data['id']);
  await api.query(`update invitations set sent_at = now() - interval '1 day' where id = $1`, [id]);
  const [mail] = await api.query('select id from mails where recipient = $1', [data['email']]);
  await api.query('delete from invitations where id <> $1', [id]);
  return { invitationId: id, 'outbox.get': String(mail?.['id']) };
}

/** A group with somebody in it, a role of the workspace, and one that was given. */
async function madeAccess(workspace: string, userId: string): Promise<Record<string, string>> {
  const groups = `/api/v1/organizations/${organizationId}/groups`;
  const group = await owner.call('POST', groups, { body: { name: `g-${crypto.randomUUID().slice(0, 8)}` } });
  await owner.call('POST', `${groups}/${group.data['id']}/members`, { body: { user: userId } });
  const rules = [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }];
  const path = `/api/v1/workspaces/${workspace}`;
  const role = await owner.call('POST', `${path}/roles`, { body: { name: 'reader', rules } });
  const assignment = await owner.call('POST', `${path}/assignments`, {
    body: { role: 'admin', user: userId },
  });
  return {
    group: String(group.data['id']),
    role: String(role.data['id']),
    assignment: String(assignment.data['id']),
  };
}

/** An authenticator app that waits for its first code, right after a sign-in of its person. */
async function madeFactor(person: Person): Promise<{ factor: string; code: string }> {
  await api.query('update sessions set created_at = now() where user_id = $1', [person.userId]);
  const { data } = await person.call('POST', '/api/v1/second-factors/totp', { body: {} });
  return { factor: String(data['id']), code: appCode(String(data['secret'])) };
}

async function madeHostCluster(): Promise<string> {
  const body = { ...aHostCluster(), name: `h-${crypto.randomUUID().slice(0, 8)}` };
  const answer = await people.get('operator')?.call('POST', '/api/v1/host-clusters', { body });
  return String(answer?.data['id']);
}

/** Resources of an organization whose creation gives an example are made from it; paths name them by their key. */
async function madeFromExamples(): Promise<Record<string, string>> {
  const made: Record<string, string> = {};
  for (const [key, resource] of Object.entries<Resource>(resources)) {
    const { create } = resource.operations;
    if (create?.target !== 'organization' || !create.example?.['name']) continue;
    const body = { ...create.example, name: `x-${crypto.randomUUID().slice(0, 8)}` };
    const answer = await owner.call('POST', create.path.replace('{id}', organizationId), { body });
    made[key] = String(answer.data['id']);
  }
  return made;
}

/** A few operations have a thing of their own. */
function addressOf(operation: Operation, targets: Record<string, string>): string {
  const own = targets[operation.id];
  return addressIn(operation, own === undefined ? targets : { ...targets, [operation.target]: own });
}

async function callAs(
  caller: Caller,
  operation: Operation,
  targets: Record<string, string>,
): Promise<Answer> {
  const person = people.get(caller);
  const answers = ['invitation.accept', 'invitation.decline'].includes(operation.id);
  const things = answers && person ? { ...targets, received: await invitationFor(person) } : targets;
  const ownFactor = person && operation.id.startsWith('second-factor.') ? await madeFactor(person) : null;
  const body = operation.body && validBody(operation, things);
  const code = ownFactor && operation.id === 'second-factor.confirm' ? { code: ownFactor.code } : {};
  const options = body ? { body: { ...body, ...code } } : {};
  // A person's tokens are nobody else's.
  const token = operation.id === 'token.revoke' && person && (await madeToken(person, '/api/v1/tokens'));
  const own = { ...targets, ...ownFactor, ...(token && { token }) };
  return person
    ? person.call(operation.method, addressOf(operation, own), options)
    : api.call(operation.method, addressOf(operation, targets), options);
}

/** Everything that a refused request could have changed. */
async function fingerprint(): Promise<unknown> {
  return api.query(`select
    (select md5(string_agg(w::text, '|' order by id)) from workspaces w) as workspaces,
    (select md5(string_agg(p::text, '|' order by id)) from projects p) as projects,
    (select md5(string_agg(o::text, '|' order by id)) from organizations o) as organizations,
    (select md5(string_agg(h::text, '|' order by id)) from host_clusters h) as hosts,
    (select md5(string_agg(c::text, '|' order by host_cluster_id)) from host_cluster_credentials c) as credentials,
    (select md5(string_agg(m::text, '|' order by organization_id, user_id)) from memberships m) as memberships,
    (select md5(string_agg(g::text, '|' order by id)) from groups g) as groups,
    (select md5(string_agg(g::text, '|' order by group_id, user_id)) from group_members g) as group_members,
    (select md5(string_agg(r::text, '|' order by id)) from roles r) as roles,
    (select md5(string_agg(a::text, '|' order by id)) from role_assignments a) as assignments,
    (select md5(string_agg(a::text, '|' order by id)) from access_grants a) as grants,
    (select md5(string_agg((to_jsonb(t) - 'last_used_at')::text, '|' order by id)) from api_tokens t) as tokens,
    (select count(*) from users where kind = 'service-account') as machines,
    (select count(*) from federations) as federations,
    (select count(*) from operations) as operations, (select sum(epoch) from users) as epochs,
    (select sum(epoch) from organization_epochs) as "epochsWithin"`);
}

describe.each(matrix())('$operation.id', ({ operation, verdicts }) => {
  it.each(callers)('as %s', async (caller) => {
    const targets = await targetsFor(operation);
    const before = await fingerprint();
    const answer = await callAs(caller, operation, targets);
    const verdict = verdicts[caller];
    if (verdict === 'ok') {
      expect(answer.status, answer.text).toBe(operation.status);
      if (operation.output) expect(() => operation.output?.parse(answer.data)).not.toThrow();
      if (operation.method === 'GET') untouched = { things: targets, by: operation.id };
      return;
    }
    expect(answer.status).toBe(verdict);
    expect(await fingerprint()).toEqual(before);
    untouched = { things: targets, by: operation.id };
    if (verdict !== 404) return;
    const absent = Object.fromEntries(
      // An address of a letter is no id.
      Object.entries(targets).map(([name, value]) => [name, value.includes('@') ? value : newId()]),
    );
    const nothing = operation.target === 'none' ? answer : await callAs(caller, operation, absent);
    expect([nothing.status, nothing.error]).toEqual([404, answer.error]);
  });
});

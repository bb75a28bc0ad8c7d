import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Answer } from './exchange.ts';
import { fresh, startProduct, type Attacked, type Person, type Tenant } from './start-product.ts';
import { operatorOf } from './things.ts';

/** What somebody keeps by the hand of another, and what an organization does to those who are strangers to it. */
let product: Attacked;
let ann: Tenant;
let eve: Tenant;
const secrets = '/api/v1/namespaces/default/secrets';

beforeAll(async () => {
  product = await startProduct();
  [ann, eve] = await Promise.all([product.tenant('ann'), product.tenant('eve')]);
});
afterAll(() => product?.[Symbol.asyncDispose]());

const at = (tenant: Tenant, rest: string) => `/api/v1/organizations/${tenant.organizationId}/${rest}`;
const accept = (person: Person, invitation: string) =>
  person.call('POST', '/api/v1/invitations/accept', { invitation });

async function memberOf(tenant: Tenant, role: string): Promise<Person> {
  const person = await product.person(fresh('mole'));
  const added = await tenant.call('POST', at(tenant, 'members'), { email: person.email, role });
  expect(added.status, added.text).toBe(201);
  return person;
}

async function groupOf(tenant: Tenant, name: string): Promise<string> {
  const listed = await tenant.call('GET', at(tenant, 'groups'));
  const groups: { id: string; name: string }[] = listed.json['data'];
  return groups.find((group) => group.name.endsWith(name))?.id ?? '';
}

async function invite(by: Person, body: Record<string, unknown>): Promise<string> {
  const made = await by.call('POST', at(ann, 'invitations'), body);
  expect(made.status, made.text).toBe(201);
  return made.json['data'].id;
}

describe('letters to a stranger', () => {
  test('C11 no mailbox is flooded with invitations from many organizations of one account at once', async () => {
    const mallory = await product.person(fresh('mallory'));
    const email = `${fresh('victim')}@example.test`;
    const invited = Array.from({ length: 15 }, async (_, index) => {
      const made = await mallory.call('POST', '/api/v1/organizations', { name: `Locked ${index}` });
      const path = `/api/v1/organizations/${made.json['data'].id}/invitations`;
      return (await mallory.call('POST', path, { email, role: 'viewer' })).status;
    });
    const answers = await Promise.all(invited);
    expect(answers.filter((status) => status === 201).length).toBe(3);
    expect(answers.filter((status) => status === 429).length).toBe(12);
    const honest = await ann.call('POST', at(ann, 'invitations'), { email, role: 'viewer' });
    expect(honest.status).toBe(201);
  });
});

describe('an invitation', () => {
  test('A14 an admin who is lowered or removed comes back to nothing by an invitation that they wrote before', async () => {
    const admins = await groupOf(ann, 'WSAdmins');
    for (const lose of ['lowered', 'removed']) {
      const mole = await memberOf(ann, 'admin');
      const sock = await product.person(fresh('sock'));
      const id = await invite(mole, { email: sock.email, role: 'viewer', groups: [admins] });
      const path = at(ann, `members/${mole.userId}`);
      const taken =
        lose === 'lowered'
          ? await ann.call('PATCH', path, { role: 'viewer' })
          : await ann.call('DELETE', path);
      expect(taken.status, taken.text).toBeLessThan(300);
      const shown: { id: string; state: string }[] = (await ann.call('GET', at(ann, 'invitations'))).json[
        'data'
      ];
      expect((await accept(sock, id)).status).toBe(404);
      expect((await sock.call('POST', `/api/v1/workspaces/${ann.workspaceId}/kube-token`)).status).toBe(404);
      expect(shown.find((one) => one.id === id)?.state).toBe('revoked');
    }
  });

  test('A18 an invitation is worth what its author may give when it is accepted, whatever lowered them', async () => {
    const admins = await groupOf(ann, 'WSAdmins');
    const lowerings = [
      { role: 'viewer', by: `update memberships set role = 'developer' where user_id = $1` },
      { role: 'owner', by: `update memberships set role = 'admin' where user_id = $1` },
      { role: 'viewer', by: 'update users set disabled_at = now() where id = $1' },
      { role: 'viewer', by: 'delete from memberships where user_id = $1' },
    ];
    for (const { role, by } of lowerings) {
      const mole = await memberOf(ann, 'owner');
      const sock = await product.person(fresh('sock'));
      const id = await invite(mole, { email: sock.email, role, groups: [admins] });
      await product.query(by, [mole.userId]);
      const refused = await accept(sock, id);
      expect([refused.status, refused.text]).toEqual([
        404,
        expect.stringContaining('may not give any more what it promises'),
      ]);
      expect((await sock.call('GET', `/api/v1/workspaces/${ann.workspaceId}`)).status).toBe(404);
    }
  });
});

describe('who runs the platform', () => {
  test('A12 whether an address runs the platform cannot be told by granting it access', async () => {
    const operator = await operatorOf(product);
    const person = await product.person(fresh('somebody'));
    const asked = [operator.email, person.email, `${fresh('nobody')}@example.com`];
    const facts: unknown[] = [];
    for (const email of asked) {
      const body = { operator: email.toUpperCase(), reason: 'Look at this, please' };
      const made = await eve.call('POST', at(eve, 'grants'), body);
      const again = (answer: Answer) =>
        answer.text.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}|\d{4}-[\dT:.-]+Z/g, '').replaceAll(email, 'E');
      const { id } = made.json['data'] ?? {};
      const listed = await eve.call('GET', `${at(eve, 'grants')}?limit=1`);
      const ended = await eve.call('DELETE', at(eve, `grants/${id}`));
      const after = await eve.call('GET', `${at(eve, 'grants')}?limit=1`);
      const log = await product.query(
        `select action, outcome, details - 'until' - 'grant' as details from audit_entries
         where organization_id = $1 and target = $2 or details ->> 'grant' = $3 order by id`,
        [eve.organizationId, `grant/${id}`, id],
      );
      const { data } = after.json;
      facts.push([
        made.status,
        again(made).replace(/"requestId":"[^"]*"/, ''),
        listed.json['data'][0]?.operator === email,
        ended.status,
        data[0]?.state,
        JSON.stringify(log).replaceAll(email, 'E'),
      ]);
    }
    expect(facts[0]).toEqual(expect.arrayContaining([201, true, 204, 'revoked']));
    expect(facts[1]).toEqual(facts[0]);
    expect(facts[2]).toEqual(facts[0]);
    expect((await person.call('GET', `/api/v1/workspaces/${eve.workspaceId}`)).status).toBe(404);
  });

  test('A08 a grant for somebody who does not run the platform lets them in neither now nor once they do', async () => {
    const person = await product.person(fresh('later'));
    const body = { operator: person.email, level: 'admin', reason: 'Look at this, please' };
    expect((await eve.call('POST', at(eve, 'grants'), body)).status).toBe(201);
    const path = `/api/v1/workspaces/${eve.workspaceId}`;
    expect((await person.call('GET', path)).status).toBe(404);
    await product.query(`update users set platform_role = 'super_admin' where id = $1`, [person.userId]);
    expect((await person.call('GET', path)).status).toBe(404);
    expect((await person.call('POST', `${path}/kube-token`)).status).toBe(404);
  });

  test('A09 an operator who was let in makes no API token for the workspace, and none of theirs reaches it', async () => {
    const oscar = await operatorOf(product);
    const body = { operator: oscar.email, level: 'admin', reason: 'Pods do not start' };
    expect((await ann.call('POST', at(ann, 'grants'), body)).status).toBe(201);
    expect((await oscar.call('GET', `/api/v1/workspaces/${ann.workspaceId}`)).status).toBe(200);
    const make = (scope: string) =>
      oscar.call('POST', '/api/v1/tokens', { name: fresh('left'), scope, expires: '1d' });
    for (const name of [ann.workspaceId, ann.workspaceSlug])
      expect((await make(`workspace:${name}`)).status).toBe(404);
    const made = await make('write');
    expect(made.status, made.text).toBe(201);
    const { token } = made.json['data'];
    const path = `/api/v1/workspaces/${ann.workspaceId}`;
    expect((await product.send({ path, token })).status).toBe(404);
    expect((await product.send({ method: 'POST', path: `${path}/kube-token`, token })).status).toBe(404);
  });
});

describe('an organization', () => {
  test('A09 an organization that adds, lowers, removes or lets in a stranger cuts nothing of what they have open elsewhere', async () => {
    await product.query(`update users set platform_role = 'super_admin' where id = $1`, [ann.userId]);
    const watching = await product.openKube(ann.workspaceId, {
      path: `${secrets}?watch=true`,
      token: ann.kubeToken,
    });
    expect(watching.statusCode).toBe(200);
    const works = async (what: string) => {
      const { status } = await product.kube(ann.workspaceId, { path: secrets, token: ann.kubeToken });
      expect([what, status, watching.destroyed]).toEqual([what, 200, false]);
    };
    const users = await groupOf(eve, 'WSUsers');
    const done = async (method: string, rest: string, body?: unknown) => {
      const answer = await eve.call(method, at(eve, rest), body);
      expect(answer.status, `${method} ${rest}: ${answer.text}`).toBeLessThan(300);
      await works(`${method} ${rest}`);
      return answer;
    };
    const grant = { operator: ann.email, reason: 'Look at this, please' };
    const granted = await done('POST', 'grants', grant);
    await done('DELETE', `grants/${granted.json['data'].id}`);
    await done('POST', 'members', { email: ann.email, role: 'developer' });
    const there = await product.kubeToken(ann, eve.workspaceId);
    await done('POST', `groups/${users}/members`, { user: ann.email });
    await done('DELETE', `groups/${users}/members/${ann.userId}`);
    await done('PATCH', `members/${ann.userId}`, { role: 'viewer' });
    await done('DELETE', `members/${ann.userId}`);
    expect((await product.kube(eve.workspaceId, { path: secrets, token: there })).status).toBe(401);
    const other = await eve.call('POST', '/api/v1/organizations', { name: fresh('short') });
    const path = `/api/v1/organizations/${other.json['data'].id}`;
    expect((await eve.call('POST', `${path}/members`, { email: ann.email, role: 'viewer' })).status).toBe(
      201,
    );
    expect((await eve.call('DELETE', path)).status).toBe(204);
    await works('deleting an organization');
    watching.destroy();
  });
});

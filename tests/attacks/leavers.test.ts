import { until } from '@hexabase/testkit/given.ts';
import { waitingForLocks } from '@hexabase/testkit/waiting-for-locks.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { open, untilEnd, type Answer } from './exchange.ts';
import { startProduct, type Attacked, type Person, type Tenant } from './start-product.ts';
import { operatorOf } from './things.ts';

/** Somebody who may not any more, with everything that they still hold. */
let product: Attacked;
let ann: Tenant;
const pods = '/api/v1/namespaces/default/pods';

beforeAll(async () => {
  product = await startProduct();
  ann = await product.tenant('ann');
  const spec = { containers: [{ name: 'c', image: 'nginx:1.27' }] };
  await until(
    async () => (await ann.kube('GET', '/api/v1/namespaces/default/serviceaccounts/default')).status === 200,
  );
  expect((await ann.kube('POST', pods, { metadata: { name: 'web' }, spec })).status).toBe(201);
  await until(async () => (await ann.kube('GET', `${pods}/web`)).json['status'].phase === 'Running');
});
afterAll(() => product[Symbol.asyncDispose]());

const members = () => `/api/v1/organizations/${ann.organizationId}/members`;

async function joined(name: string, role: string): Promise<Person & { kube: string }> {
  const person = await product.person(name);
  expect((await ann.call('POST', members(), { email: person.email, role })).status).toBe(201);
  return { ...person, kube: await product.kubeToken(person, ann.workspaceId) };
}

/** A watch and a followed log that are being served; `all` resolves when both have ended. */
async function openStreamsOf(token: string): Promise<{ all: Promise<unknown> }> {
  const streams = await Promise.all([
    product.openKube(ann.workspaceId, { path: `${pods}?watch=true`, token }),
    product.openKube(ann.workspaceId, { path: `${pods}/web/log?follow=true`, token }),
  ]);
  expect(streams.map(({ statusCode }) => statusCode)).toEqual([200, 200]);
  return { all: Promise.all(streams.map(untilEnd)) };
}

const limit = { timeout: 30_000 };

describe('a member who was removed', () => {
  test(
    'A09 a member who was removed has no access, no new token, no cluster and no open stream',
    limit,
    async () => {
      const leaver = await joined('leaver', 'developer');
      const stayer = await joined('stayer', 'developer');
      const streams = await openStreamsOf(leaver.kube);
      const staying = await product.openKube(ann.workspaceId, {
        path: `${pods}?watch=true`,
        token: stayer.kube,
      });
      expect((await ann.call('DELETE', `${members()}/${leaver.userId}`)).status).toBe(200);
      await streams.all;
      expect((await product.kube(ann.workspaceId, { path: pods, token: leaver.kube })).status).toBe(401);
      expect((await leaver.call('POST', `/api/v1/workspaces/${ann.workspaceId}/kube-token`)).status).toBe(
        404,
      );
      expect((await leaver.call('GET', '/api/v1/workspaces')).text).not.toContain(ann.workspaceId);
      const refreshed = await product.send({
        method: 'POST',
        path: '/auth/refresh',
        body: { refresh_token: leaver.refresh },
      });
      const token = String(refreshed.json['access_token']);
      expect((await product.send({ path: `/api/v1/workspaces/${ann.workspaceId}`, token })).status).toBe(
        refreshed.status === 200 ? 404 : 401,
      );
      expect(staying.destroyed).toBe(false);
      staying.destroy();
    },
  );
});

describe('a role that was lowered', () => {
  test(
    'A09 a role that was lowered takes the old token’s rights at once; the new token has the new role’s',
    limit,
    async () => {
      const person = await joined('lowered', 'admin');
      const secrets = '/api/v1/namespaces/default/secrets';
      expect((await product.kube(ann.workspaceId, { path: secrets, token: person.kube })).status).toBe(200);
      expect((await ann.call('PATCH', `${members()}/${person.userId}`, { role: 'viewer' })).status).toBe(200);
      await until(
        async () =>
          (await product.kube(ann.workspaceId, { path: secrets, token: person.kube })).status === 401,
      );
      const token = await product.kubeToken(person, ann.workspaceId);
      expect((await product.kube(ann.workspaceId, { path: secrets, token })).status).toBe(403);
      expect((await product.kube(ann.workspaceId, { path: pods, token })).status).toBe(200);
      expect((await person.call('PATCH', `${members()}/${person.userId}`, { role: 'owner' })).status).toBe(
        403,
      );
    },
  );

  test('A14 nobody raises themselves, removes the last owner or touches who stands above', async () => {
    const admin = await joined('climber', 'admin');
    const before = await product.fingerprint();
    expect((await admin.call('PATCH', `${members()}/${admin.userId}`, { role: 'owner' })).status).toBe(403);
    expect((await admin.call('PATCH', `${members()}/${ann.userId}`, { role: 'viewer' })).status).toBe(403);
    expect((await admin.call('DELETE', `${members()}/${ann.userId}`)).status).toBe(403);
    expect((await ann.call('PATCH', `${members()}/${ann.userId}`, { role: 'viewer' })).status).toBe(409);
    expect((await ann.call('DELETE', `${members()}/${ann.userId}`)).status).toBe(409);
    expect(await product.fingerprint()).toBe(before);
  });
});

/** Sends a request, lets it wait behind a change of rights that is half done, and finishes that. */
async function behind(change: string, values: unknown[], request: () => Promise<Answer>): Promise<Answer> {
  await product.query('begin');
  await product.query('select from organizations where id = $1 for update', [ann.organizationId]);
  let answered = false;
  const asked = request().finally(() => (answered = true));
  await until(async () => answered || (await product.query(waitingForLocks)).length > 0);
  await product.query(change, values);
  await product.query('commit');
  return asked;
}

describe('an administrator of a workspace through groups', () => {
  test(
    'A14 who is lowered keeps no workspace through a group of their own below its administrators',
    limit,
    async () => {
      const lowered = await joined('nested', 'admin');
      const organization = `/api/v1/organizations/${ann.organizationId}`;
      const groups: { id: string; name: string }[] = (await ann.call('GET', `${organization}/groups`)).json[
        'data'
      ];
      const admins = groups.find(({ name }) => name.endsWith('.WSAdmins'))?.id;
      const made = await lowered.call('POST', `${organization}/groups`, { name: 'mine', parent: admins });
      const own = `${organization}/groups/${made.json['data'].id}/members`;
      expect((await lowered.call('POST', own, { user: lowered.userId })).status).toBe(201);
      expect((await ann.call('PATCH', `${members()}/${lowered.userId}`, { role: 'viewer' })).status).toBe(
        200,
      );
      const token = await product.kubeToken(lowered, ann.workspaceId);
      const secrets = '/api/v1/namespaces/default/secrets';
      expect((await product.kube(ann.workspaceId, { path: secrets, token })).status).toBe(403);
    },
  );
});

describe('an organization that is being deleted', () => {
  test(
    'A11 an organization that is being deleted takes in nobody who was invited before',
    limit,
    async () => {
      const invited = await product.person('too-late');
      const owner = await product.tenant('deleting');
      const path = `/api/v1/organizations/${owner.organizationId}/invitations`;
      const made = await owner.call('POST', path, { email: invited.email, role: 'admin' });
      const mark = 'update organizations set deletion_requested_at = now() where id = $1';
      await product.query(mark, [owner.organizationId]);
      const invitation = made.json['data'].id;
      expect((await invited.call('POST', '/api/v1/invitations/accept', { invitation })).status).toBe(404);
    },
  );
});

describe('who has a request under way while their rights end', () => {
  test('A09 who is removed puts themselves back by no request that waited for it', limit, async () => {
    const leaver = await joined('returner', 'admin');
    const change = 'delete from memberships where organization_id = $1 and user_id = $2';
    const answer = await behind(change, [ann.organizationId, leaver.userId], () =>
      leaver.call('POST', members(), { email: leaver.email, role: 'admin' }),
    );
    expect(answer.status).toBe(404);
    expect((await ann.call('GET', members())).text).not.toContain(leaver.userId);
  });

  test('A14 who is lowered raises themselves by no request that waited for it', limit, async () => {
    const lowered = await joined('riser', 'owner');
    const change = `update memberships set role = 'viewer' where organization_id = $1 and user_id = $2`;
    const answer = await behind(change, [ann.organizationId, lowered.userId], () =>
      lowered.call('PATCH', `${members()}/${lowered.userId}`, { role: 'owner' }),
    );
    expect(answer.status).toBe(403);
  });
});

describe('the e-mail address of somebody who left', () => {
  test(
    'A10 the e-mail address of somebody who left gives a new account none of the old one’s tokens, roles or sessions',
    limit,
    async () => {
      const old = await joined('namesake', 'admin');
      await ann.call('DELETE', `${members()}/${old.userId}`);
      await product.query(`update users set email = 'gone-' || id, disabled_at = now() where id = $1`, [
        old.userId,
      ]);
      await product.query('select hexabase.revoke_user($1)', [old.userId]);
      const heir = await product.person('namesake');
      expect(heir.email).toBe(old.email);
      expect(heir.userId).not.toBe(old.userId);
      expect((await heir.call('GET', '/api/v1/organizations')).json['data']).toEqual([]);
      expect((await heir.call('GET', `/api/v1/workspaces/${ann.workspaceId}`)).status).toBe(404);
      expect((await heir.call('POST', `/api/v1/workspaces/${ann.workspaceId}/kube-token`)).status).toBe(404);
      expect((await old.call('GET', '/api/v1/organizations')).status).toBe(401);
      expect((await product.kube(ann.workspaceId, { path: pods, token: old.kube })).status).toBe(401);
    },
  );
});

describe('a refresh token that is used fifty times at once', () => {
  test(
    'B04 a refresh token that is used fifty times at once ends the session with access, cluster and streams',
    limit,
    async () => {
      const victim = await joined('victim', 'developer');
      const ended = await openStreamsOf(victim.kube);
      const refresh = () =>
        product.send({ method: 'POST', path: '/auth/refresh', body: { refresh_token: victim.refresh } });
      const answers = await Promise.all(Array.from({ length: 50 }, refresh));
      const winners = answers.filter(({ status }) => status === 200);
      expect(winners.length).toBeLessThanOrEqual(1);
      expect(answers.every(({ status }) => status === 200 || status === 401)).toBe(true);
      const tokens = [victim.access, ...winners.map(({ json }) => String(json['access_token']))];
      for (const token of tokens)
        expect((await product.send({ path: '/api/v1/organizations', token })).status).toBe(401);
      for (const { json } of winners) {
        const again = await product.send({
          method: 'POST',
          path: '/auth/refresh',
          body: { refresh_token: json['refresh_token'] },
        });
        expect(again.status).toBe(401);
      }
      await ended.all;
      expect((await product.kube(ann.workspaceId, { path: pods, token: victim.kube })).status).toBe(401);
    },
  );
});

describe('an export of the audit log', () => {
  test(
    'A09 an export of the audit log is cut off with the session, the API token or the grant',
    limit,
    async () => {
      await product.query(
        `insert into audit_entries (id, organization_id, action, target, outcome, details)
       select 'x' || lpad(n::text, 6, '0'), $1, 'test.bulk', 'x', 'allowed', jsonb_build_object('pad', repeat('x', 4000))
       from generate_series(1, 12000) n`,
        [ann.organizationId],
      );
      const again = await product.signIn(ann);
      const made = await ann.call('POST', '/api/v1/tokens', { name: 'reader', scope: 'read', expires: '1d' });
      const oscar = await operatorOf(product);
      const grants = `/api/v1/organizations/${ann.organizationId}/grants`;
      const grant = await ann.call('POST', grants, {
        operator: oscar.email,
        level: 'admin',
        reason: 'Pods do not start',
      });
      expect([made.status, grant.status]).toEqual([201, 201]);
      const holders = [again.access, made.json['data'].token, oscar.access];
      const exports = await Promise.all(
        holders.map((token) =>
          open(product.api, { path: `/api/v1/organizations/${ann.organizationId}/audit/export`, token }),
        ),
      );
      for (const one of exports) {
        expect(one.statusCode).toBe(200);
        await new Promise((resolve) => one.once('readable', resolve));
      }
      await again.call('POST', '/auth/logout');
      expect((await ann.call('DELETE', `/api/v1/tokens/${made.json['data'].id}`)).status).toBe(204);
      expect((await ann.call('DELETE', `${grants}/${grant.json['data'].id}`)).status).toBe(204);
      await Promise.all(exports.map(untilEnd));
      expect(exports.map(({ complete }) => complete)).toEqual([false, false, false]);
    },
  );
});

import { connect } from 'node:tls';
import { until } from '@hexabase/testkit/given.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startProduct, type Attacked, type Person, type Tenant } from './start-product.ts';

/** What is done in a cluster is noticed and told as what it was, however it is spelled and whoever waits for the answer. */
let product: Attacked;
let ann: Tenant;
let viewer: Person & { token: string };
const shop = '/api/v1/namespaces/shop';
const quota = `${shop}/resourcequotas/hexabase`;
const rbac = '/apis/rbac.authorization.k8s.io/v1';

beforeAll(async () => {
  product = await startProduct();
  ann = await product.tenant('ann');
  const person = await product.person('viewer');
  const members = `/api/v1/organizations/${ann.organizationId}/members`;
  await ann.call('POST', members, { email: person.email, role: 'viewer' });
  viewer = { ...person, token: await product.kubeToken(person, ann.workspaceId) };
  await ann.call('POST', `/api/v1/workspaces/${ann.workspaceId}/projects`, { name: 'shop' });
  await until(async () => {
    const { json } = await ann.call('GET', `/api/v1/workspaces/${ann.workspaceId}/projects/shop`);
    return json['data'].phase === 'active';
  });
});
afterAll(() => product[Symbol.asyncDispose]());

/** What the audit log has of somebody's requests of one kind. */
const told = (by: Person, action: string) =>
  product.query(
    `select target, outcome, (details->>'status')::int as status, details->>'stage' as stage, details->>'unknown' as unknown
     from audit_entries where actor_id = $1 and action = $2 order by id`,
    [by.userId, action],
  );
const uidOf = async (path: string) => (await ann.kube('GET', path)).json['metadata']?.uid;

describe('another spelling of what is changed', () => {
  test.each([
    [quota, quota.replace('quotas', '%71uotas')],
    [quota, quota.replace('shop', 's%68op')],
    [
      '/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies/hexabase-default-deny',
      '/apis/networking.k8s.io/v1/namespaces/shop/network%70olicies/hexabase-default-deny',
    ],
  ])('A16 other spellings of %s do not keep it deleted: %s', async (path, spelled) => {
    const before = await uidOf(path);
    expect((await ann.kube('DELETE', spelled)).status).toBe(200);
    expect(await until(async () => uidOf(path))).not.toBe(before);
  });

  test('A16 other spellings of a role of ours do not keep it widened', async () => {
    const role = `${rbac}/clusterroles/hexabase:workspace-viewer`;
    const { json } = await ann.kube('GET', role);
    const all = [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }];
    const spelled = role.replace('.io', '.%69o').replace(':', '%3A');
    expect((await ann.kube('PUT', spelled, { ...json, rules: all })).status).toBe(200);
    await until(
      async () =>
        JSON.stringify((await ann.kube('GET', role)).json['rules']) === JSON.stringify(json['rules']),
    );
  });

  test('A16 other spellings of namespaces make none without a project and its quota', async () => {
    const made = await ann.kube('POST', '/api/v1/name%73paces', { metadata: { name: 'hidden' } });
    expect(made.status).toBe(201);
    await until(() => uidOf('/api/v1/namespaces/hidden/resourcequotas/hexabase'));
  });

  test('C15 what is read under another spelling is told under the name that one looks for', async () => {
    const secret = { metadata: { name: 'pw' }, stringData: { value: 'x' } };
    expect((await ann.kube('POST', `${shop}/secrets`, secret)).status).toBe(201);
    expect((await ann.kube('GET', `${shop}/%73ecre%74s/pw`)).status).toBe(200);
    await until(async () => (await told(ann, 'kube:get')).some(({ target }) => target.endsWith('/pw')));
    const target = `workspaces/${ann.workspaceId}${shop}/secrets*`;
    const found = await ann.call(
      'GET',
      `/api/v1/organizations/${ann.organizationId}/audit?action=kube:get&target=${encodeURIComponent(target)}`,
    );
    expect(found.json['data']).toMatchObject([{ details: { resource: 'secrets', name: 'pw' } }]);
  });
});

describe('what the audit log says of a change', () => {
  test('C15 whoever hangs up does not hide what they did', async () => {
    const { hostname, port } = new URL(product.gateway.url);
    const ca = product.gateway.certificateAuthority;
    const asked = `DELETE /k8s/workspaces/${ann.workspaceId}${quota} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${ann.kubeToken}\r\n\r\n`;
    const deletions = async () =>
      (await told(ann, 'kube:delete')).filter(({ target }) => target.endsWith(quota));
    let done = 0;
    // How long until a request is taken and not yet answered is not the same twice.
    for (let tries = 0; done < 4 && tries < 100; tries += 1) {
      const before = await until(() => uidOf(quota));
      const earlier = (await deletions()).length;
      let isAnswered = false;
      const socket = connect({ host: hostname, port: Number(port), ca, servername: 'localhost' });
      socket.on('error', () => undefined).on('data', () => (isAnswered = true));
      await new Promise((resolve) => socket.once('secureConnect', resolve));
      socket.write(asked);
      setTimeout(() => socket.destroy(), tries % 6);
      await new Promise((resolve) => socket.once('close', resolve));
      const rows = await until(async () => {
        const all = await deletions();
        return all.length > earlier && all;
      });
      if (isAnswered || (await uidOf(quota)) === before) continue;
      expect(rows.at(-1)).toMatchObject({ outcome: 'allowed', status: 200, unknown: null });
      done += 1;
    }
    expect(done).toBe(4);
    await until(() => uidOf(quota));
  });

  test('C15 what was refused is not told as done because an upgrade was asked for', async () => {
    const upgrade = ['Connection', 'Upgrade', 'Upgrade', 'websocket'];
    for (const [method, path] of [
      ['DELETE', shop],
      ['DELETE', `${shop}/pods/none`],
      ['POST', `${shop}/pods/none/exec?command=id`],
    ] as const) {
      const sent = { method, path, token: viewer.token, headers: upgrade };
      expect((await product.kube(ann.workspaceId, sent)).status).toBeGreaterThan(400);
    }
    const rows = await until(async () => {
      const all = [...(await told(viewer, 'kube:delete')), ...(await told(viewer, 'kube:create'))];
      return all.length >= 3 && all;
    });
    expect(rows.map(({ outcome }) => outcome)).not.toContain('allowed');
    expect(rows.map(({ stage }) => stage)).not.toContain('started');
  });

  test('C15 a watch that is refused is not told as begun', async () => {
    const path = '/api/v1/secrets?watch=true';
    expect((await product.kube(ann.workspaceId, { path, token: viewer.token })).status).toBe(403);
    const rows = await until(async () => {
      const all = await told(viewer, 'kube:watch');
      return all.length > 0 && all;
    });
    expect(rows).toMatchObject([{ outcome: 'denied', status: 403, stage: 'ended' }]);
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApi, type Api } from './start-api.ts';

let api: Api;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api[Symbol.asyncDispose]());

describe('a workspace over REST', () => {
  it('is created at once with phase provisioning, found by slug and id, and deleted by request', async () => {
    const ann = await api.owner('ann', 'starter');
    const made = await ann.call('POST', '/api/v1/workspaces', {
      body: { name: 'My First Wörkspace', description: 'hello' },
    });
    expect(made.status).toBe(201);
    expect(made.data).toMatchObject({
      slug: 'my-first-workspace',
      phase: 'provisioning',
      plan: 'starter',
      generation: 1,
    });
    expect(made.meta.requestId).toBe(made.headers.get('x-request-id'));
    const id = String(made.data['id']);
    const queued = await api.query(`select key from reconcile_queue where kind = 'workspace'`);
    expect(queued).toEqual([{ key: id }]);
    expect((await ann.call('GET', '/api/v1/workspaces/my-first-workspace')).data['id']).toBe(id);
    const operation = await ann.call('GET', `/api/v1/operations/${made.data['operationId']}`);
    expect(operation.data).toMatchObject({
      kind: 'workspace.create',
      state: 'running',
      subject: `workspace/${id}`,
    });
    const gone = await ann.call('DELETE', `/api/v1/workspaces/${id}`);
    expect([gone.status, gone.data['phase']]).toEqual([202, 'deleting']);
    const again = await ann.call('DELETE', `/api/v1/workspaces/${id}`);
    expect(again.data['operationId']).toBe(gone.data['operationId']);
  });

  it('gives a second one of the same name a suffix, and refuses a taken slug asked for by name', async () => {
    const ben = await api.owner('ben');
    const first = await ben.call('POST', '/api/v1/workspaces', { body: { name: 'Shop' } });
    const second = await ben.call('POST', '/api/v1/workspaces', { body: { name: 'Shop' } });
    expect(first.data['slug']).toBe('shop');
    expect(second.data['slug']).toMatch(/^shop-[a-z2-9]{3,}$/);
    const refused = await ben.call('POST', '/api/v1/workspaces', { body: { name: 'Shop', slug: 'shop' } });
    expect([refused.status, refused.error.code]).toEqual([409, 'slug_taken']);
  });

  it('hands out a kubeconfig and a token with the bound groups only once it is active', async () => {
    const cat = await api.owner('cat');
    const { data } = await cat.call('POST', '/api/v1/workspaces', { body: { name: 'Cat house' } });
    const path = `/api/v1/workspaces/${data['id']}`;
    const early = await cat.call('POST', `${path}/kube-token`);
    expect([early.status, early.error.code]).toEqual([409, 'workspace_not_active']);
    await api.activate(String(data['id']));
    const config = await cat.call('GET', `${path}/kubeconfig`);
    expect(config.data).toMatchObject({ context: 'hexabase-cat-house', server: data['kubernetesUrl'] });
    const minted = await cat.call('POST', `${path}/kube-token`, { headers: { 'idempotency-key': 'k1' } });
    expect(minted.status).toBe(201);
    const claims = JSON.parse(
      Buffer.from(String(minted.data['token']).split('.')[1] ?? '', 'base64url').toString(),
    );
    const groups = await api.query(`select id from groups where workspace_id = $1 and name = 'WSAdmins'`, [
      data['id'],
    ]);
    expect(claims.aud).toBe(`ws:${data['id']}`);
    expect(claims.groups.toSorted()).toEqual(
      [
        'hexabase:ws-members',
        'hexabase:ws-admins',
        ...groups.map((group) => `hexabase:group:${group['id']}`),
      ].toSorted(),
    );
    const stored = await api.query('select response from idempotency_keys where key = $1', ['k1']);
    expect(stored, 'a minted token must not be stored').toEqual([]);
  });

  it('has projects that are its own', async () => {
    const dan = await api.owner('dan');
    const { data } = await dan.call('POST', '/api/v1/workspaces', { body: { name: 'Dan one' } });
    const path = `/api/v1/workspaces/${data['id']}/projects`;
    expect((await dan.call('POST', path, { body: { name: 'my-app' } })).error.code).toBe(
      'workspace_not_active',
    );
    await api.activate(String(data['id']));
    const made = await dan.call('POST', path, { body: { name: 'my-app' } });
    expect([made.status, made.data['phase']]).toEqual([201, 'provisioning']);
    expect((await dan.call('POST', path, { body: { name: 'my-app' } })).error.code).toBe('already_exists');
    expect((await dan.call('POST', path, { body: { name: 'kube-system' } })).error.code).toBe(
      'already_exists',
    );
    expect((await dan.call('GET', path)).list.map((project) => project['name'])).toEqual(['my-app']);
    const other = await dan.call('POST', '/api/v1/workspaces', { body: { name: 'Dan two' } });
    expect(
      (await dan.call('GET', `/api/v1/workspaces/${other.data['id']}/projects/${made.data['id']}`)).status,
    ).toBe(404);
    expect((await dan.call('DELETE', `${path}/my-app`)).data['phase']).toBe('deleting');
  });
});

describe('an organization', () => {
  it('cannot be deleted while workspaces live, and takes its memberships with it', async () => {
    const eva = await api.owner('eva');
    const made = await eva.call('POST', '/api/v1/workspaces', { body: { name: 'Eva one' } });
    const path = `/api/v1/organizations/${eva.organizationSlug}`;
    expect((await eva.call('DELETE', path)).error.code).toBe('organization_not_empty');
    await api.query('update workspaces set deleted_at = now() where id = $1', [made.data['id']]);
    expect((await eva.call('DELETE', path)).status).toBe(204);
    expect((await eva.call('GET', path)).status).toBe(404);
  });

  it('keeps an owner, and lets nobody touch a role above their own', async () => {
    const fay = await api.owner('fay');
    const gus = await api.person('gus');
    const members = `/api/v1/organizations/${fay.organizationId}/members`;
    const added = await fay.call('POST', members, { body: { email: 'GUS@example.test', role: 'admin' } });
    expect([added.status, added.data['role']]).toEqual([201, 'admin']);
    expect((await fay.call('POST', members, { body: { email: gus.email } })).error.code).toBe(
      'already_exists',
    );
    expect((await fay.call('POST', members, { body: { email: 'nobody@example.test' } })).status).toBe(404);
    expect((await gus.call('PATCH', `${members}/${gus.userId}`, { body: { role: 'owner' } })).status).toBe(
      403,
    );
    expect((await gus.call('DELETE', `${members}/${fay.userId}`)).status).toBe(403);
    expect((await fay.call('DELETE', `${members}/${fay.userId}`)).error.code).toBe('last_owner');
    expect((await fay.call('DELETE', `${members}/${gus.userId}`)).status).toBe(200);
    expect((await gus.call('GET', members)).status).toBe(404);
  });
});

import { afterAll, beforeAll, expect, it } from 'vitest';
import { startApi, type Api, type Person } from './start-api.ts';

let api: Api;
let owner: Person & { organizationId: string };

beforeAll(async () => {
  api = await startApi();
  owner = await api.owner('Olga');
});
afterAll(() => api?.[Symbol.asyncDispose]());

async function activeWorkspace(name = 'Production'): Promise<string> {
  const made = await owner.call('POST', '/api/v1/workspaces', {
    body: { name, description: 'the real one' },
  });
  const id = String(made.data['id']);
  await api.activate(id);
  return id;
}

const clone = (id: string, body: object = { name: 'Staging' }, by: Person = owner) =>
  by.call('POST', `/api/v1/workspaces/${id}/clone`, { body });

it('a clone is a new workspace that says whose copy it is and what it will not have', async () => {
  const id = await activeWorkspace();
  await api.query(`update workspaces set kubernetes_version = '1.34' where id = $1`, [id]);
  const made = await clone(id);
  expect(made.status).toBe(201);
  expect(made.data['id']).not.toBe(id);
  expect(made.data).toMatchObject({
    name: 'Staging',
    description: 'the real one',
    phase: 'provisioning',
    kubernetesVersion: '1.34',
    clone: { sourceId: id, takenAt: null, objects: null },
  });
  expect(JSON.stringify(made.data['clone'])).toMatch(/contents of volumes.*finalizers/);
  const operation = await owner.call('GET', `/api/v1/operations/${String(made.data['operationId'])}`);
  expect(operation.data).toMatchObject({
    kind: 'workspace.clone',
    subject: `workspace/${String(made.data['id'])}`,
  });
  const [entry] = await api.query(
    `select target, details from audit_entries where action = 'workspace.clone'`,
  );
  expect(entry).toMatchObject({ target: `workspace/${String(made.data['id'])}`, details: { source: id } });
});

it('roles of the source are copied, who holds them is not; the creator administers the clone', async () => {
  const id = await activeWorkspace();
  const reader = await api.person(`reader-${id}`);
  await api.join(owner.organizationId, reader, 'viewer');
  const rules = [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }];
  const role = await owner.call('POST', `/api/v1/workspaces/${id}/roles`, {
    body: { name: 'watcher', rules },
  });
  expect(role.status).toBe(201);
  const given = { role: 'viewer', user: reader.userId };
  expect((await owner.call('POST', `/api/v1/workspaces/${id}/assignments`, { body: given })).status).toBe(
    201,
  );
  const copy = `/api/v1/workspaces/${String((await clone(id)).data['id'])}`;
  const roles = await owner.call('GET', `${copy}/roles`);
  const copied = roles.list.find(({ name }) => name === 'watcher');
  expect(copied).toMatchObject({ rules: [{ verbs: ['get'], resources: ['pods'] }], builtIn: false });
  expect(copied?.['id']).not.toBe(role.data['id']);
  expect((await owner.call('GET', `${copy}/assignments`)).list).toEqual([]);
});

it('whoever does not administer the source cannot clone it, and a stranger learns nothing of it', async () => {
  const id = await activeWorkspace();
  for (const role of ['viewer', 'developer'] as const) {
    const person = await api.person(`${role}-${id}`);
    await api.join(owner.organizationId, person, role);
    expect((await clone(id, { name: 'mine' }, person)).error.code).toBe('forbidden');
  }
  const stranger = await api.owner('Stan');
  expect((await clone(id, { name: 'mine' }, stranger)).error.code).toBe('not_found');
});

it('what cannot be cloned is refused in words before anything is made', async () => {
  const id = await activeWorkspace();
  const count = async () => (await api.query('select count(*) from workspaces'))[0];
  const before = await count();
  await api.query(`update workspaces set observed_generation = 0, phase = 'provisioning' where id = $1`, [
    id,
  ]);
  expect((await clone(id)).error.code).toBe('workspace_not_active');
  await api.query(
    `update workspaces set asleep = true, phase = 'asleep', observed_generation = 1 where id = $1`,
    [id],
  );
  api.ports.copying = async () => ({ whileAsleep: false });
  expect((await clone(id)).error).toMatchObject({
    code: 'workspace_not_active',
    message: expect.stringContaining('only one that is awake can be cloned'),
  });
  api.ports.copying = async () => null;
  expect((await clone(id)).error).toMatchObject({
    code: 'conflict',
    message: 'Workspaces cannot be cloned where this one is.',
  });
  api.ports.copying = async () => ({ whileAsleep: true });
  await api.query('update workspaces set deletion_requested_at = now() where id = $1', [id]);
  expect((await clone(id)).error.code).toBe('workspace_not_active');
  await api.query('update workspaces set deletion_requested_at = null where id = $1', [id]);
  expect((await clone(id, { name: 'Copy', isolation: 'dedicated' })).error.code).toBe('unknown_field');
  expect((await clone(id, { name: 'Copy', region: 'moon' })).error.code).toBe('unknown_region');
  expect(await count()).toEqual(before);
  expect((await clone(id)).status).toBe(201);
});

it('a clone takes a place of the plan like any other workspace', async () => {
  const small = await api.owner('Sam', 'starter');
  const made = await small.call('POST', '/api/v1/workspaces', { body: { name: 'One' } });
  await api.activate(String(made.data['id']));
  const refused = await clone(String(made.data['id']), { name: 'Two' }, small);
  expect(refused.error.code).toBe('plan_limit_reached');
});

it('a clone keeps the plan that its source was compared with until it is ready', async () => {
  const copy = `/api/v1/workspaces/${String((await clone(await activeWorkspace())).data['id'])}`;
  const smaller = { body: { plan: 'starter' } };
  expect((await owner.call('PATCH', copy, smaller)).error).toMatchObject({
    code: 'workspace_not_active',
    message: expect.stringContaining('still being cloned'),
  });
  expect((await owner.call('PATCH', copy, { body: { name: 'Another name' } })).status).toBe(202);
  await api.activate(copy.slice(copy.lastIndexOf('/') + 1));
  expect((await owner.call('PATCH', copy, smaller)).status).toBe(202);
});

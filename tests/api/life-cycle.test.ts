import { afterAll, beforeAll, expect, it } from 'vitest';
import { startApi, type Api, type Person } from './start-api.ts';

let api: Api;
let owner: Person & { organizationId: string };
let id: string;
let path: string;

beforeAll(async () => {
  api = await startApi();
  owner = await api.owner('Olga');
});
afterAll(() => api?.[Symbol.asyncDispose]());

const ready = {
  type: 'Ready',
  status: 'True',
  reason: 'AllStepsDone',
  message: '',
  observedGeneration: 1,
  lastTransitionTime: new Date().toISOString(),
};

async function activeWorkspace(
  columns = `kubernetes_version = '1.34', running_version = 'v1.34.4'`,
): Promise<void> {
  const made = await owner.call('POST', '/api/v1/workspaces', { body: { name: 'Night shift' } });
  id = String(made.data['id']);
  path = `/api/v1/workspaces/${id}`;
  await api.query(
    `update workspaces set observed_generation = generation, phase = 'active', ${columns},
       conditions = $2 where id = $1`,
    [id, JSON.stringify([ready])],
  );
}

async function operationKind(answer: { data: Record<string, unknown> }): Promise<unknown> {
  const operation = await owner.call('GET', `/api/v1/operations/${String(answer.data['operationId'])}`);
  return operation.data['kind'];
}

it('a workspace is asked to sleep and to wake, once each', async () => {
  await activeWorkspace();
  const asleep = await owner.call('POST', `${path}/sleep`);
  expect(asleep.status).toBe(202);
  expect(asleep.data['sleep']).toMatchObject({ wanted: true, reason: 'asked' });
  expect(await operationKind(asleep)).toBe('workspace.sleep');
  expect((await owner.call('POST', `${path}/sleep`)).data['operationId']).toBe(asleep.data['operationId']);
  const awake = await owner.call('POST', `${path}/wake`);
  expect(awake.data['sleep']).toMatchObject({ wanted: false, reason: null });
  expect(await operationKind(awake)).toBe('workspace.wake');
});

it('who asks for sleep is told before and in the answer what ends with it, and nobody who may not ask', async () => {
  await activeWorkspace();
  const ends = { pods: { count: 1, names: ['default/debug'] }, jobs: { count: 0, names: [] } };
  api.ports.whatSleepEnds = async () => ends;
  expect((await owner.call('GET', `${path}/sleep`)).data).toEqual({ ends });
  const viewer = await api.person('looks-on');
  await api.join(owner.organizationId, viewer, 'viewer');
  expect((await viewer.call('GET', `${path}/sleep`)).error.code).toBe('forbidden');
  expect((await owner.call('POST', `${path}/sleep`)).data).toMatchObject({ phase: 'updating', ends });
  // Nothing runs any more when it is asked again.
  expect((await owner.call('GET', `${path}/sleep`)).data).toMatchObject({ ends: { pods: { count: 0 } } });
  await activeWorkspace();
  api.ports.whatSleepEnds = async () => null;
  expect((await owner.call('POST', `${path}/sleep`)).data).toMatchObject({ ends: null });
  delete api.ports.whatSleepEnds;
});

it('what never worked can neither sleep nor be upgraded', async () => {
  await activeWorkspace();
  await api.query('update workspaces set observed_generation = 0 where id = $1', [id]);
  for (const verb of ['sleep', 'wake'])
    expect((await owner.call('POST', `${path}/${verb}`)).error.code).toBe('workspace_not_active');
  const body = { kubernetesVersion: '1.35' };
  expect((await owner.call('POST', `${path}/upgrade`, { body })).error.code).toBe('workspace_not_active');
});

it('what is retried says so at once, and not any more why it was given up', async () => {
  await activeWorkspace();
  const cause = { ...ready, status: 'False', reason: 'HelmUnusable', message: 'There is no helm.' };
  const conditions = [{ ...cause, type: 'Synced' }, { ...cause, type: 'Stalled', status: 'True' }, cause];
  await api.query(
    `update workspaces set observed_generation = 0, phase = 'failed', conditions = $2 where id = $1`,
    [id, JSON.stringify(conditions)],
  );
  expect((await owner.call('GET', path)).data).toMatchObject({ phase: 'failed', conditions });
  const retrying = [
    { type: 'Synced', status: 'Unknown', reason: 'Retrying' },
    { type: 'Stalled', status: 'False', reason: 'Retrying' },
    { type: 'Ready', status: 'Unknown', reason: 'Retrying' },
  ];
  const tried = await owner.call('POST', `${path}/retry`);
  for (const { data } of [tried, await owner.call('GET', path)]) {
    expect(data).toMatchObject({ phase: 'provisioning', conditions: retrying });
    expect(JSON.stringify(data)).not.toContain(cause.message);
  }
});

it('a sleeping workspace gives tokens, so that the first request of kubectl can wake it', async () => {
  await activeWorkspace('asleep = true');
  await api.query(`update workspaces set phase = 'asleep' where id = $1`, [id]);
  expect((await owner.call('POST', `${path}/kube-token`)).status).toBe(201);
  const project = await owner.call('POST', `${path}/projects`, { body: { name: 'shop' } });
  expect(project.error.code).toBe('workspace_not_active');
});

it('a schedule is taken in the time zone given, shown with its next turn, and taken away', async () => {
  await activeWorkspace();
  const body = { sleepAt: '0 20 * * 1-5', wakeAt: '0 7 * * 1-5', timeZone: 'Europe/Berlin', idleMinutes: 30 };
  const set = await owner.call('PATCH', path, { body });
  expect(set.status).toBe(202);
  expect(set.data['sleep']).toMatchObject({ ...body, nextAt: expect.stringMatching(/:00:00\.000Z$/) });
  const away = await owner.call('PATCH', path, { body: { sleepAt: 'never', wakeAt: null, idleMinutes: 0 } });
  expect(away.data['sleep']).toMatchObject({ sleepAt: null, wakeAt: null, idleMinutes: null, nextAt: null });
});

it('a schedule that no clock ever shows is refused, with the field', async () => {
  await activeWorkspace();
  for (const body of [{ sleepAt: 'at night' }, { sleepAt: '0 0 31 2 *' }, { timeZone: 'Moon/Crater' }]) {
    const answer = await owner.call('PATCH', path, { body });
    expect(answer.status).toBe(400);
    expect(JSON.stringify(answer.error.details)).toContain(Object.keys(body)[0]);
  }
});

it('an upgrade goes one minor version up; skips, ways back and what is not offered are refused in words', async () => {
  await activeWorkspace();
  api.ports.kubernetesVersions = async () => ['1.33', '1.34', '1.35', '1.36'];
  const ask = (kubernetesVersion: string) =>
    owner.call('POST', `${path}/upgrade`, { body: { kubernetesVersion } });
  expect((await ask('1.36')).error).toMatchObject({
    code: 'version_not_allowed',
    message: expect.stringContaining('go to 1.35 first'),
  });
  expect((await ask('1.33')).error.message).toContain('cannot go back from 1.34 to 1.33');
  api.ports.kubernetesVersions = async () => ['1.34'];
  expect((await ask('1.35')).error.message).toBe('Workspaces here have one version, 1.34.');
  api.ports.kubernetesVersions = async () => ['1.34', '1.35'];
  expect((await ask('1.34')).data['phase']).toBe('active');
  const upgraded = await ask('1.35');
  expect(upgraded.data).toMatchObject({ kubernetesVersion: '1.35', phase: 'updating' });
  expect(await operationKind(upgraded)).toBe('workspace.upgrade');
  delete api.ports.kubernetesVersions;
});

it('a release that was put back is tried again when somebody retries; a new version brings the newest one along', async () => {
  await activeWorkspace();
  const released = async () =>
    (
      await api.query('select release, settled_release, refused_release from workspaces where id = $1', [id])
    )[0];
  await api.query(
    `update workspaces set release = 'old', settled_release = 'old', refused_release = 'bad' where id = $1`,
    [id],
  );
  api.ports.newestRelease = async () => 'newest';
  const retried = await owner.call('POST', `${path}/retry`);
  expect(await operationKind(retried)).toBe('workspace.upgrade');
  // Only when it is well is it no more refused.
  expect(await released()).toEqual({ release: 'newest', settled_release: 'old', refused_release: 'bad' });

  await activeWorkspace();
  api.ports.kubernetesVersions = async () => ['1.34', '1.35'];
  await owner.call('POST', `${path}/upgrade`, { body: { kubernetesVersion: '1.35' } });
  const [row] = await api.query(
    `select release from workspaces where kubernetes_version = '1.35' and release is not null`,
  );
  expect(row).toEqual({ release: 'newest' });
  delete api.ports.kubernetesVersions;
  delete api.ports.newestRelease;
});

it('with a time of grace a deletion puts to sleep, can be taken back, and can be hurried', async () => {
  api.ports.deletionGraceMs = 3_600_000;
  await activeWorkspace();
  const deleted = await owner.call('DELETE', path);
  expect(deleted.data).toMatchObject({ phase: 'deleting', sleep: { wanted: true, reason: 'deletion' } });
  expect(deleted.data['deletionDueAt']).not.toBeNull();
  expect(await operationKind(deleted)).toBe('workspace.schedule-deletion');
  expect((await owner.call('POST', `${path}/kube-token`)).error.code).toBe('workspace_not_active');
  expect((await owner.call('POST', `${path}/wake`)).error.code).toBe('workspace_not_active');
  const restored = await owner.call('POST', `${path}/restore`);
  expect(restored.data).toMatchObject({
    deletionDueAt: null,
    deletionRequestedAt: null,
    sleep: { wanted: false },
  });
  await owner.call('DELETE', path);
  const hurried = await owner.call('DELETE', `${path}?now=true`);
  expect(hurried.data).toMatchObject({ phase: 'deleting', deletionDueAt: null });
  expect(await operationKind(hurried)).toBe('workspace.delete');
  expect((await owner.call('POST', `${path}/restore`)).error.message).toContain('cannot be taken back');
  delete api.ports.deletionGraceMs;
});

it('a workspace that slept before it was to be deleted sleeps on when that is taken back', async () => {
  api.ports.deletionGraceMs = 3_600_000;
  await activeWorkspace(`asleep = true, sleep_reason = 'asked'`);
  await owner.call('DELETE', path);
  expect((await owner.call('POST', `${path}/restore`)).data['sleep']).toMatchObject({
    wanted: true,
    reason: 'asked',
  });
  delete api.ports.deletionGraceMs;
});

it('a tenant that was made in advance gives its id to the next workspace, and only to one', async () => {
  const warm = '01900000-0000-7000-8000-000000000001';
  await api.query(
    `insert into pool_members (id, region, isolation, plan, running_version, ready_at)
     values ($1, 'local', 'shared', 'starter', 'v1.34.4', now())`,
    [warm],
  );
  await api.query(
    `insert into inventory (cluster, kind, key, subject, fence) values ('embedded', 'kubernetes-cluster', $1, 'pool-member/' || $1, 1)`,
    [warm],
  );
  const ask = () => owner.call('POST', '/api/v1/workspaces', { body: { name: 'At once' } });
  const answers = await Promise.all([ask(), ask(), ask()]);
  expect(answers.map(({ status }) => status)).toEqual([201, 201, 201]);
  expect(answers.filter(({ data }) => data['id'] === warm)).toHaveLength(1);
  expect(await api.query('select 1 from pool_members')).toEqual([]);
  expect(await api.query(`select subject from inventory where key = $1`, [warm])).toEqual([
    { subject: `workspace/${warm}` },
  ]);
  const taken = await owner.call('GET', `/api/v1/workspaces/${warm}`);
  expect(taken.data).toMatchObject({ kubernetesVersion: '1.34', phase: 'provisioning' });
});

it('a request that fails gives the tenant back', async () => {
  await api.query(
    `insert into pool_members (id, region, isolation, plan, ready_at) values ('kept', 'local', 'shared', 'starter', now())`,
  );
  const body = { name: 'Twice', slug: 'twice-the-same' };
  await api.query(`update pool_members set ready_at = null`);
  await owner.call('POST', '/api/v1/workspaces', { body });
  await api.query(`update pool_members set ready_at = now()`);
  expect((await owner.call('POST', '/api/v1/workspaces', { body })).error.code).toBe('slug_taken');
  expect(await api.query('select id from pool_members')).toEqual([{ id: 'kept' }]);
});

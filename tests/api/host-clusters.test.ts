import { openSealedEndpoint } from '@hexabase/cluster/host/sealed-endpoint.ts';
import { takePlace } from '@hexabase/features/host-clusters/public.ts';
import { refillPool } from '@hexabase/features/workspaces/reconcile/pool-store.ts';
import { createKeyVault } from '@hexabase/kernel/key-vault.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { until } from '@hexabase/testkit/given.ts';
import { waitingForLocks } from '@hexabase/testkit/waiting-for-locks.ts';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { aHostCluster, aKubeconfig, hostServer, hostToken } from './host-cluster-bodies.ts';
import { startApi, type Answer, type Api, type Person } from './start-api.ts';

const path = '/api/v1/host-clusters';
let api: Api;
let operator: Person;
let tenant: Person & { organizationId: string };

beforeEach(async () => {
  api = await startApi();
  operator = await api.operator('operator');
  tenant = await api.owner('tenant');
});
afterEach(() => api[Symbol.asyncDispose]());

async function add(change: object = {}): Promise<Answer> {
  return operator.call('POST', path, { body: aHostCluster(change) });
}

async function createWorkspace(body: object = {}, person: Person & { organizationId: string } = tenant) {
  return person.call('POST', '/api/v1/workspaces', {
    body: { name: 'Space', organization: person.organizationId, ...body },
  });
}

async function hostOf(workspaceId: unknown): Promise<unknown> {
  const rows = await api.query(
    'select h.name from workspaces w left join host_clusters h on h.id = w.host_cluster_id where w.id = $1',
    [workspaceId],
  );
  return rows[0]?.['name'];
}

describe('credentials of a host cluster', () => {
  it('are in no answer, no log of the audit and no column in the clear', async () => {
    const answers = [
      await add(),
      await operator.call('PATCH', `${path}/fra-1`, { body: { kubeconfig: aKubeconfig() } }),
      await operator.call('GET', `${path}/fra-1`),
      await operator.call('GET', path),
    ];
    expect(answers.map((answer) => answer.status)).toEqual([201, 200, 200, 200]);
    for (const answer of answers) {
      expect(answer.text).toContain(hostServer);
      expect(answer.text).not.toContain(hostToken);
      expect(answer.text).not.toContain('sealed');
    }
    for (const table of [
      'host_clusters',
      'host_cluster_credentials',
      'audit_entries',
      'idempotency_keys',
      'outbox',
    ]) {
      const [row] = await api.query(`select coalesce(string_agg(t::text, ''), '') as text from ${table} t`);
      expect(row?.['text']).not.toContain(hostToken);
    }
  });

  it('cannot be selected by the role that answers requests, whoever asks', async () => {
    await add();
    const scope = { userId: operator.userId, organizationIds: [] };
    const select = (column: string) =>
      api.db.database.asTenant(scope as never, (tx) =>
        tx
          .selectFrom('host_cluster_credentials')
          .select(column as 'sealed')
          .execute(),
      );
    expect(await select('host_cluster_id')).toHaveLength(1);
    await expect(select('sealed')).rejects.toThrow('permission denied');
  });

  it('open for their own row only: a ciphertext that was moved to another row is refused', async () => {
    const ours = await add();
    const other = await add({ name: 'fra-2', kubeconfig: aKubeconfig({ token: 'another' }) });
    const vault = createKeyVault(api.db.masterKey);
    const sealedOf = async (id: unknown) =>
      String(
        (
          await api.query('select sealed from host_cluster_credentials where host_cluster_id = $1', [id])
        )[0]?.['sealed'],
      );
    const id = String(ours.data['id']);
    expect(openSealedEndpoint(vault, id, await sealedOf(id)).credentials).toEqual({
      kind: 'token',
      token: hostToken,
    });
    await api.query('update host_cluster_credentials set sealed = $1 where host_cluster_id = $2', [
      await sealedOf(other.data['id']),
      id,
    ]);
    const moved = await sealedOf(id);
    expect(() => openSealedEndpoint(vault, id, moved)).toThrow();
  });

  it('are refused with a sentence when using them would run a program, read a file or skip verification', async () => {
    const refused = [
      [aKubeconfig({ user: { exec: { command: 'aws' } } }), /runs a program/],
      [aKubeconfig({ user: { 'auth-provider': { name: 'gcp' } } }), /auth-provider/],
      [aKubeconfig({ user: { 'client-certificate': '/etc/x', 'client-key': '/etc/y' } }), /points to a file/],
      [aKubeconfig({ cluster: { 'insecure-skip-tls-verify': true } }), /insecure-skip-tls-verify/],
      ['{', /kubeconfig/],
      [undefined, /missing/],
    ] as const;
    for (const [kubeconfig, sentence] of refused) {
      const answer = await add({ kubeconfig });
      expect(answer.status).toBe(400);
      expect(JSON.stringify(answer.error)).toMatch(sentence);
    }
    expect((await add({ inCluster: true })).error.code).toBe('validation_failed');
    expect(await api.query('select 1 from host_clusters')).toEqual([]);
  });

  it('are not taken for replaced when only a context was given, which chooses in nothing', async () => {
    await add();
    const context = 'here';
    const answers = [
      await operator.call('PATCH', `${path}/fra-1`, { body: { context } }),
      await operator.call('PATCH', `${path}/fra-1`, { body: { context, region: 'us' } }),
      await add({ name: 'home', kubeconfig: undefined, inCluster: true, context }),
    ];
    for (const { status, error } of answers)
      expect([status, JSON.stringify(error.details)]).toEqual([400, expect.stringContaining('"context"')]);
  });

  it('that no TLS can be made with are refused at once, and not told as a host that does not answer', async () => {
    const text = Buffer.from('-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n').toString(
      'base64',
    );
    const user = { 'client-certificate-data': text, 'client-key-data': text };
    const answer = await add({ kubeconfig: aKubeconfig({ user }) });
    expect([answer.status, answer.error.message]).toEqual([
      400,
      expect.stringMatching(/certificate.*cannot be used/),
    ]);
  });
});

describe('host clusters', () => {
  it('are nothing that a tenant sees, changes or can tell from absent ones', async () => {
    await add();
    const seen: unknown[] = [];
    for (const [method, address, body] of [
      ['GET', path, undefined],
      ['GET', `${path}/fra-1`, undefined],
      ['GET', `${path}/absent`, undefined],
      ['POST', path, aHostCluster({ name: 'mine' })],
      ['PATCH', `${path}/fra-1`, { region: 'us' }],
      ['POST', `${path}/fra-1/cordon`, undefined],
      ['DELETE', `${path}/fra-1`, undefined],
      ['DELETE', `${path}/absent`, undefined],
    ] as const) {
      const answer = await tenant.call(method, address, body === undefined ? {} : { body });
      seen.push(answer.status, answer.error.message);
    }
    expect(new Set(seen)).toEqual(new Set([403, seen[1]]));
    const scope = { userId: tenant.userId, organizationIds: [tenant.organizationId] };
    const rows = await api.db.database.asTenant(scope as never, (tx) =>
      tx.selectFrom('host_clusters').selectAll().execute(),
    );
    expect(rows).toEqual([]);
  });

  it('have a name of their own, and are found by name and by id', async () => {
    const made = await add({ labels: { tier: 'gold' }, maxWorkspaces: 3 });
    expect(made.data).toMatchObject({
      name: 'fra-1',
      region: 'eu',
      state: 'active',
      ready: 'Unknown',
      labels: { tier: 'gold' },
    });
    expect((await add()).error.code).toBe('already_exists');
    expect((await operator.call('GET', `${path}/${String(made.data['id'])}`)).data['name']).toBe('fra-1');
    expect((await operator.call('GET', `${path}/absent`)).status).toBe(404);
    const changed = await operator.call('PATCH', `${path}/fra-1`, {
      body: { region: 'us', maxWorkspaces: null, labels: {} },
    });
    expect(changed.data).toMatchObject({
      region: 'us',
      labels: {},
      capacity: { workspaces: null },
      generation: 2,
    });
    expect((await operator.call('GET', `${path}?region=eu`)).meta.total).toBe(0);
    expect((await operator.call('GET', `${path}?region=us`)).meta.total).toBe(1);
  });

  it('leave their trace in the audit log without what is secret', async () => {
    await add();
    await operator.call('POST', `${path}/fra-1/cordon`);
    await tenant.call('POST', `${path}/fra-1/cordon`);
    const rows = await api.query(
      `select action, outcome, organization_id from audit_entries where action like 'host-cluster.%' order by created_at`,
    );
    expect(rows.map((row) => [row['action'], row['outcome'], row['organization_id']])).toEqual([
      ['host-cluster.add', 'allowed', null],
      ['host-cluster.cordon', 'allowed', null],
      ['host-cluster.cordon', 'denied', null],
    ]);
  });
});

describe('a new workspace', () => {
  it('goes to the built-in driver of region local while there is no host cluster', async () => {
    const made = await createWorkspace();
    expect(made.data['region']).toBe('local');
    expect(await hostOf(made.data['id'])).toBeNull();
    const refused = await createWorkspace({ region: 'eu' });
    expect([refused.status, refused.error.code, refused.error.details]).toEqual([
      400,
      'unknown_region',
      { regions: ['local'] },
    ]);
  });

  it('goes to its region, spread over the host clusters there', async () => {
    await add({ name: 'fra-1' });
    await add({ name: 'fra-2' });
    await add({ name: 'nyc-1', region: 'us' });
    const made = [await createWorkspace({ region: 'eu' }), await createWorkspace({ region: 'eu' })];
    expect(await Promise.all(made.map((answer) => hostOf(answer.data['id'])))).toEqual(['fra-1', 'fra-2']);
    expect(await hostOf((await createWorkspace({ region: 'us' })).data['id'])).toBe('nyc-1');
    expect(await hostOf((await createWorkspace()).data['id'])).toMatch(/^fra-/);
    expect((await createWorkspace({ region: 'local' })).error.code).toBe('unknown_region');
    expect((await createWorkspace({ region: 'us', isolation: 'dedicated' })).error.code).toBe('no_capacity');
    await operator.call('PATCH', `${path}/nyc-1`, { body: { dedicatedNodes: true } });
    expect((await createWorkspace({ region: 'us', isolation: 'dedicated' })).status).toBe(201);
  });

  it('counts the workspaces of all tenants against a limit, also when many ask at once', async () => {
    await add({ maxWorkspaces: 3 });
    const other = await api.owner('other');
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, index) => createWorkspace({}, index % 2 === 0 ? tenant : other)),
    );
    expect(answers.map((answer) => answer.status).toSorted()).toEqual([
      201, 201, 201, 409, 409, 409, 409, 409,
    ]);
    expect(answers.find((answer) => answer.status === 409)?.error.code).toBe('no_capacity');
    expect((await operator.call('GET', `${path}/fra-1`)).data['used']).toMatchObject({ workspaces: 3 });
  });

  it('cannot have a larger plan than its host cluster has room for, and says what is lacking', async () => {
    await add({ maxCpuMilli: 5_000 });
    const owner = await api.owner('large', 'enterprise');
    const made = await createWorkspace({ plan: 'starter' }, owner);
    const id = String(made.data['id']);
    await api.activate(id);
    const change = (plan: string) => owner.call('PATCH', `/api/v1/workspaces/${id}`, { body: { plan } });
    expect((await change('pro')).error).toMatchObject({
      code: 'no_capacity',
      message: expect.stringMatching(/^The plan pro needs \d+ CPU more than now, and the host cluster/),
    });
    await operator.call('PATCH', `${path}/fra-1`, { body: { maxCpuMilli: 500_000 } });
    expect((await change('pro')).status).toBe(202);
    await operator.call('PATCH', `${path}/fra-1`, { body: { maxCpuMilli: 1 } });
    expect((await change('starter')).status).toBe(202);
  });

  it('is given to no host cluster that is cordoned, and to it again when it is uncordoned', async () => {
    await add();
    expect((await operator.call('POST', `${path}/fra-1/cordon`)).data['note']).toContain('no new workspaces');
    expect((await createWorkspace()).error.code).toBe('no_capacity');
    await operator.call('POST', `${path}/fra-1/uncordon`);
    expect((await createWorkspace()).status).toBe(201);
  });
});

it('a host cluster is not removed while a tenant is being made in advance for it, which would be without one', async () => {
  await add();
  let removed: Promise<Answer> | undefined;
  await api.db.database.asWorker(async (tx) => {
    await refillPool(tx, { sizes: { starter: 1 }, defaultRegion: 'local' });
    removed = operator.call('DELETE', `${path}/fra-1`);
    await until(async () => (await api.query(waitingForLocks)).length > 0);
  });
  expect((await removed)?.error).toMatchObject({
    code: 'host_cluster_not_empty',
    details: { madeInAdvance: 1 },
  });
  const members = `select h.name from pool_members m left join host_clusters h on h.id = m.host_cluster_id`;
  expect(await api.query(members)).toEqual([{ name: 'fra-1' }]);
});

describe('a drain', () => {
  it('moves nothing, and says by id which workspaces remain and where there is room', async () => {
    await add();
    const made = await createWorkspace({ name: 'Very secret name' });
    const alone = await operator.call('POST', `${path}/fra-1/drain`);
    expect(alone.data).toMatchObject({
      state: 'draining',
      remaining: [{ workspaceId: made.data['id'], roomOn: null }],
    });
    expect(alone.data['note']).toContain('no room elsewhere in region eu for 1 of them');
    expect(alone.text.toLowerCase()).not.toMatch(/very.secret/);
    await add({ name: 'fra-2' });
    const withRoom = await operator.call('GET', `${path}/fra-1`);
    expect(withRoom.data).toMatchObject({ remaining: [{ roomOn: 'fra-2' }] });
    expect(await hostOf(made.data['id'])).toBe('fra-1');
    expect(await hostOf((await createWorkspace()).data['id'])).toBe('fra-2');
  });

  it('must have ended before the host cluster can be removed', async () => {
    await add();
    const made = await createWorkspace();
    const refused = await operator.call('DELETE', `${path}/fra-1`);
    expect([refused.status, refused.error.code]).toEqual([409, 'host_cluster_not_empty']);
    await api.query('update workspaces set deleted_at = now() where id = $1', [made.data['id']]);
    const drained = await operator.call('POST', `${path}/fra-1/drain`);
    expect(drained.data['note']).toContain('it can be removed');
    expect((await operator.call('DELETE', `${path}/fra-1`)).status).toBe(204);
    expect(await api.query('select 1 from host_cluster_credentials')).toEqual([]);
    expect((await operator.call('GET', `${path}/fra-1`)).status).toBe(404);
  });
});

describe('while a workspace gets its place', () => {
  const size = { cpuMilli: 1_000, memoryMib: 1_024 };
  const change = { body: { kubeconfig: aKubeconfig() } };
  let workspaceId: string;

  /** As the row of a new workspace is written: with its place, in one transaction. */
  async function placed(during: () => void): Promise<void> {
    await api.db.database.asWorker(async (tx: Tx) => {
      const { hostClusterId } = await takePlace(tx, { region: 'eu', isolation: 'shared', size }, 'local');
      during();
      await until(async () => (await api.query(waitingForLocks)).length > 0);
      await sql`set local lock_timeout = '500ms'`.execute(tx);
      await sql`update workspaces set host_cluster_id = ${hostClusterId} where id = ${workspaceId}`.execute(
        tx,
      );
    });
  }

  beforeEach(async () => {
    await add({ region: 'us', name: 'nyc-1' });
    workspaceId = String((await createWorkspace()).data['id']);
    await add();
  });

  it('its host is not removed, and neither of the two loses to a deadlock', async () => {
    let removed: Promise<Answer> | undefined;
    await placed(() => (removed = operator.call('DELETE', `${path}/fra-1`)));
    expect((await removed)?.error.code).toBe('host_cluster_not_empty');
    expect(await hostOf(workspaceId)).toBe('fra-1');
  });

  it('a drain waits for it, and tells that it is there', async () => {
    let drained: Promise<Answer> | undefined;
    await placed(() => (drained = operator.call('POST', `${path}/fra-1/drain`)));
    expect((await drained)?.data['remaining']).toMatchObject([{ workspaceId }]);
  });

  it('nobody waits for a host that is asked which cluster it is', async () => {
    await api.query(`update host_clusters set cluster_uid = id where name = 'fra-1'`);
    const asked = Promise.withResolvers<void>();
    const answered = Promise.withResolvers<null>();
    api.ports.hostAccess.identify = () => {
      asked.resolve();
      return answered.promise;
    };
    const changed = operator.call('PATCH', `${path}/fra-1`, change);
    await asked.promise;
    const others = Promise.all([
      createWorkspace({ region: 'eu' }),
      operator.call('POST', `${path}/fra-1/check`),
    ]);
    const late = new Promise((resolve) => setTimeout(resolve, 3_000, 'they wait for the host').unref());
    const seen = await Promise.race([others.then((all) => all.map(({ status }) => status)), late]);
    answered.resolve(null);
    expect([seen, (await changed).status]).toEqual([[201, 200], 200]);
  });
});

import { AsyncLocalStorage } from 'node:async_hooks';
import { ensureHostPolicies } from '@hexabase/cluster/drivers/vcluster/policies/ensure-host-policies.ts';
import { guardedHost, readClusterUid } from '@hexabase/cluster/host/cluster-identity.ts';
import { hostAccess } from '@hexabase/cluster/host/host-access.ts';
import { lookAtHost } from '@hexabase/cluster/host/look-at-host.ts';
import { openSealedEndpoint, sealEndpoint } from '@hexabase/cluster/host/sealed-endpoint.ts';
import { createKubeClient } from '@hexabase/cluster/kube-api/client.ts';
import { resourcePath } from '@hexabase/cluster/kube-api/resource-path.ts';
import { systemClock } from '@hexabase/kernel/clock.ts';
import { createKeyVault } from '@hexabase/kernel/key-vault.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { kubeBinaries } from '@hexabase/testkit/host-cluster.ts';
import { startKubeApiServer, type TestKubeApiServer } from '@hexabase/testkit/kube-api-server.ts';
import type { Tx } from '@hexabase/postgres/database.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import { waitingForLocks } from '@hexabase/testkit/waiting-for-locks.ts';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { addHost, changeHost, plainHost, requireHost } from './host-cluster.ts';
import { lookAtDueHosts } from './reconcile/host-checks.ts';
import { confirmCluster, hostConnections } from './reconcile/store.ts';
import { toHostClusterNow } from './representation.ts';
import { askForCheck } from './store.ts';

const binaries = kubeBinaries();
const token = 'administrator';
const signal = () => AbortSignal.timeout(60_000);
const policies = resourcePath('admissionregistration.k8s.io/v1', 'ValidatingAdmissionPolicy');
const bindings = resourcePath('admissionregistration.k8s.io/v1', 'ValidatingAdmissionPolicyBinding');

describe.skipIf(binaries === null)('a host cluster', () => {
  const stack = new AsyncDisposableStack();
  let db: TestDatabase;
  let right: TestKubeApiServer;
  let other: TestKubeApiServer;

  const kubeconfig = ({
    url: server,
    certificateAuthority,
  }: Pick<TestKubeApiServer, 'url' | 'certificateAuthority'>) =>
    JSON.stringify({
      clusters: [
        {
          name: 'c',
          cluster: {
            server,
            'certificate-authority-data': Buffer.from(certificateAuthority).toString('base64'),
          },
        },
      ],
      users: [{ name: 'u', user: { token } }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    });
  const credentials = (server: Pick<TestKubeApiServer, 'url' | 'certificateAuthority'>) => ({
    kubeconfig: kubeconfig(server),
    context: undefined,
  });
  const clientTo = ({ url: server, certificateAuthority }: TestKubeApiServer) =>
    createKubeClient({ server, certificateAuthority, credentials: { kind: 'token', token } });
  const access = () => hostAccess(createKeyVault(db.masterKey));
  const change = (to: Pick<TestKubeApiServer, 'url' | 'certificateAuthority'>, anotherCluster = false) =>
    db.database.asWorker(async (tx) =>
      changeHost(tx, await requireHost(tx, 'east'), {
        change: {},
        credentials: credentials(to),
        anotherCluster,
        access: access(),
      }),
    );
  /** As the product looks: with the credentials that are recorded. */
  async function look(name = 'east') {
    const vault = createKeyVault(db.masterKey);
    const clientOf = async (id: string) => {
      const row = (await db.database.asWorker(hostConnections)).find((one) => one.id === id);
      return createKubeClient(openSealedEndpoint(vault, id, row?.sealed ?? ''));
    };
    const { database } = db;
    await database.asWorker(async (tx) => askForCheck(tx, (await requireHost(tx, name)).id));
    const deps = { database, clock: systemClock, log: silentLogger, clientOf, storageClass: null };
    await lookAtDueHosts(deps, signal());
    return database.asWorker(async (tx) =>
      toHostClusterNow(tx, await requireHost(tx, name), systemClock.now()),
    );
  }
  const condition = ({ conditions }: Awaited<ReturnType<typeof look>>, wanted: string) =>
    conditions.find(({ type }) => type === wanted);

  beforeAll(async () => {
    db = stack.use(await testDatabase());
    const people = [{ token, name: 'administrator', groups: ['system:masters'] }];
    [right, other] = await Promise.all([
      startKubeApiServer(binaries ?? '', people).then((one) => stack.use(one)),
      startKubeApiServer(binaries ?? '', people).then((one) => stack.use(one)),
    ]);
  });
  afterAll(() => stack.disposeAsync());
  beforeEach(async () => {
    await db.database.asWorker(async (tx) => {
      await sql`delete from host_clusters`.execute(tx);
      await add(tx, 'east', access());
    });
  });

  function add(tx: Tx, name: string, through: ReturnType<typeof access>, to = right) {
    const row = {
      name,
      region: 'eu',
      ...plainHost,
    };
    return addHost(tx, { row, credentials: credentials(to), access: through, nowMs: systemClock.now() });
  }

  it('is not added a second time under another name, also when it did not answer then', async () => {
    await expect(db.database.asWorker((tx) => add(tx, 'west', access()))).rejects.toMatchObject({
      code: 'already_exists',
      message: expect.stringContaining('This cluster is the host cluster east already'),
    });
    const away = { ...access(), identify: async () => null };
    await db.database.asWorker((tx) => add(tx, 'west', away));
    const west = await look('west');
    expect(condition(west, 'SameCluster')).toMatchObject({ status: 'False', reason: 'AlreadyAdded' });
    const uid = await readClusterUid(clientTo(right));
    expect(await db.database.asWorker((tx) => confirmCluster(tx, west.id, uid))).toBe('');
    expect(condition(await look(), 'SameCluster')).toMatchObject({ status: 'True' });
  });

  it('is one host also when two names are given to it at once, or one takes the place of another on purpose', async () => {
    await db.database.asWorker((tx) => sql`delete from host_clusters`.execute(tx));
    const aside = AsyncLocalStorage.snapshot();
    const waiting = () =>
      aside(() => db.database.asWorker(async (tx) => (await sql.raw(waitingForLocks).execute(tx)).rows));
    // Neither sees the other one when it looks: the second has to wait for what becomes of the first.
    const late = await db.database.asWorker(async (tx) => {
      await add(tx, 'north', access());
      const second = aside(() => db.database.asWorker((its) => add(its, 'south', access()))).catch(
        (error: unknown) => error,
      );
      await expect.poll(waiting, { timeout: 20_000 }).not.toEqual([]);
      return { second };
    });
    const already = { code: 'already_exists', details: { hostCluster: 'north' } };
    expect(await late.second).toMatchObject(already);
    await db.database.asWorker((tx) => add(tx, 'east', access(), other));
    await expect(change(right, true)).rejects.toMatchObject(already);
    expect((await look()).server).toBe(other.url);
  });

  it('takes no kubeconfig of another cluster, unless that one takes its place on purpose', async () => {
    expect(condition(await look(), 'SameCluster')).toMatchObject({ status: 'True', reason: 'Same' });
    await expect(change(other)).rejects.toMatchObject({
      code: 'validation_failed',
      message: expect.stringContaining('leads to another cluster than the one that east was added with'),
    });
    const still = await look();
    expect([still.server, condition(still, 'SameCluster')?.reason]).toEqual([right.url, 'Same']);
    await change(right);
    expect((await change(other, true)).server).toBe(other.url);
    expect(condition(await look(), 'SameCluster')).toMatchObject({ status: 'True', reason: 'Same' });
  });

  it('that turns out to be another one says so at once, and nothing is read or written there', async () => {
    await look();
    // What does not answer now cannot be told; it is when it is used.
    const silent = { ...other, url: 'https://127.0.0.1:1' };
    expect((await change(silent)).server).toBe(silent.url);
    const vault = createKeyVault(db.masterKey);
    await db.database.asWorker(async (tx) => {
      const { id } = await requireHost(tx, 'east');
      const { sealed } = sealEndpoint(vault, id, { kubeconfig: kubeconfig(other) });
      await sql`update host_cluster_credentials set sealed = ${sealed}`.execute(tx);
    });
    using client = clientTo(other);
    const ofOurs = `${policies}/hexabase-fence-order`;
    await client.request({ method: 'DELETE', path: ofOurs });
    const shown = await look();
    expect(shown.ready).toBe('False');
    expect(shown.note).toContain('This is another cluster than the one that was added');
    expect(condition(shown, 'SameCluster')).toMatchObject({ status: 'False', reason: 'AnotherCluster' });
    expect(condition(shown, 'NodesReady')?.status).toBe('Unknown');
    expect((await client.request({ method: 'GET', path: ofOurs })).status).toBe(404);
    const confirm = (seen: string) =>
      db.database.asWorker(async (tx) => confirmCluster(tx, (await requireHost(tx, 'east')).id, seen));
    const guarded = guardedHost(client, { hostName: 'east', clock: systemClock, confirm });
    const metadata = { name: 'written-to-the-wrong-one' };
    const path = resourcePath('v1', 'Namespace');
    const words = 'The host cluster east is another cluster than the one that was added';
    await expect(guarded.request({ method: 'POST', path, body: { metadata } })).rejects.toThrow(words);
    await expect(guarded.stream(path)).rejects.toThrow(words);
    const there = await client.request({ method: 'GET', path: `${path}/${metadata.name}` });
    expect(there.status).toBe(404);
    using good = clientTo(right);
    const sure = guardedHost(good, { hostName: 'east', clock: systemClock, confirm });
    expect((await sure.request({ method: 'GET', path })).status).toBe(200);
  });

  it('gets back the admission policies that somebody took away or weakened, and a look alone tells which', async () => {
    await look();
    using client = clientTo(right);
    const change = async (method: 'DELETE' | 'PATCH', path: string, body?: object) =>
      expect((await client.request({ method, path, ...(body && { body }) })).status).toBe(200);
    await change('DELETE', `${bindings}/hexabase-fence-order`);
    const rule = { apiGroups: [''], apiVersions: ['v1'], operations: ['*'], resources: ['pods'] };
    // Nothing of ours is changed by it: it is an exception, and apply would leave it there.
    await change('PATCH', `${policies}/hexabase-pods-baseline`, {
      spec: { matchConstraints: { excludeResourceRules: [rule] } },
    });
    await change('PATCH', `${bindings}/hexabase-guards`, { spec: { validationActions: ['Warn'] } });
    const { checks } = await lookAtHost(client, { signal: signal(), storageClass: null, clusterUid: null });
    const told = checks.find(({ type }) => type === 'PoliciesInPlace');
    expect(told).toMatchObject({ status: 'False', reason: 'Missing' });
    expect(told?.message).toBe(
      'Admission policies of ours are missing: hexabase-fence-order; were changed: hexabase-guards, hexabase-pods-baseline',
    );
    expect(told?.todo).toContain('deploy/policies/native');

    expect(condition(await look(), 'PoliciesInPlace')).toMatchObject({ status: 'True' });
    const { body } = await client.request({ method: 'GET', path: `${policies}/hexabase-pods-baseline` });
    expect(JSON.stringify(body)).not.toContain('excludeResourceRules":[');
    expect(await client.request({ method: 'GET', path: `${bindings}/hexabase-guards` })).toMatchObject({
      body: { spec: { validationActions: ['Deny'] } },
    });
    expect(await ensureHostPolicies(client)).toBe('installed');
  });
});

import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '@hexabase/kernel/clock.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { kubeBinaries } from '@hexabase/testkit/host-cluster.ts';
import { testIssuer, type TestIssuer } from '@hexabase/testkit/test-issuer.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openUserDoor } from '../../conformance/user-door.ts';
import { eventually, tenantSpec } from '../../conformance/scene.ts';
import { applyObject, ApplyConflictError } from '../../kube-api/apply.ts';
import { localDriver, type LocalDriver } from './driver.ts';
import { findComponent, processesOf } from './processes.ts';
import { tenantPaths } from './tenant-folder.ts';

const binaries = kubeBinaries();
const settleMs = 100_000;
const call = () => ({ signal: AbortSignal.timeout(settleMs) });

describe.skipIf(binaries === null)('a local control plane', () => {
  let root: string;
  let issuer: TestIssuer;
  let driver: LocalDriver;
  const spec = tenantSpec();
  const id = spec.workspaceId;

  const start = () =>
    localDriver({
      root,
      binaries: binaries ?? '',
      issuerAuthority: () => issuer.certificateAuthority,
      clock: systemClock,
      log: silentLogger,
    });
  const untilReady = () =>
    eventually(settleMs, async () => {
      const state = await driver.observeTenant(id, call());
      return state.kind === 'present' && state.ready ? state : null;
    });
  const paths = () => tenantPaths(root, id);

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'hks-local-'));
    issuer = await testIssuer();
    driver = await start();
    await driver.ensureTenant({ ...spec, identity: { ...spec.identity, issuer: issuer.issuer } }, call());
    await untilReady();
  });
  afterAll(async () => {
    await driver?.[Symbol.asyncDispose]();
    await issuer?.[Symbol.asyncDispose]();
    await rm(root, { recursive: true, force: true });
  });

  it('takes good tokens only: each rule of the token contract refuses what breaks it', async () => {
    const user = { username: 'hexabase:ann@example.test', groups: ['hexabase:ws-members'] };
    const good = issuer.tokenFor(id, user);
    await using door = await openUserDoor(await driver.upstream(id), good);
    expect((await door.send({ path: '/version' })).status).toBe(200);
    const nowSeconds = Math.floor(Date.now() / 1000);
    for (const claims of [
      { email_verified: false },
      { email_verified: undefined },
      { typ: 'access' },
      { typ: undefined },
      { aud: 'ws:another' },
      { iss: 'https://hexabase.example/oidc' },
      { email: 'system:admin' },
      { email: undefined },
      { groups: ['hexabase:ws-members', 'system:masters'] },
      { groups: 'hexabase:ws-admins' },
      { groups: [1] },
      { groups: undefined },
      { exp: nowSeconds + 3600 },
      { exp: nowSeconds - 60 },
      { iat: undefined },
    ]) {
      const { status } = await door.send({ path: '/version', token: issuer.tokenFor(id, user, claims) });
      expect([claims, status]).toEqual([claims, 401]);
    }
  });

  it('takes another authority of its issuer as it runs, and nobody who was let in is refused meanwhile', async () => {
    const user = { username: 'hexabase:ann@example.test', groups: ['hexabase:ws-members'] };
    await using door = await openUserDoor(await driver.upstream(id), issuer.tokenFor(id, user));
    const apiServer = await findComponent(paths(), 'kube-apiserver');
    const asked = issuer.asked();
    issuer.renewAuthority();
    await eventually(settleMs, async () => {
      expect((await door.send({ path: '/version' })).status).toBe(200);
      return issuer.asked() > asked;
    });
    issuer.rotate();
    const token = issuer.tokenFor(id, user);
    expect((await door.send({ path: '/version', token })).status).toBe(200);
    expect(await findComponent(paths(), 'kube-apiserver')).toEqual(apiServer);
  });

  it('says who owns the fields that an apply would change', async () => {
    const object = (value: string) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'owned', namespace: 'default' },
      data: { value },
    });
    const client = driver.tenantClient(id);
    await applyObject(client, object('of one'), { fieldManager: 'one' });
    const refused = applyObject(client, object('of two'), { fieldManager: 'two' });
    await expect(refused).rejects.toBeInstanceOf(ApplyConflictError);
    await expect(refused).rejects.toMatchObject({ conflicts: [{ manager: 'one', field: '.data.value' }] });
    expect(await applyObject(client, object('of two'), { fieldManager: 'two', force: true })).toMatchObject({
      data: { value: 'of two' },
    });
  });

  it('has pods that stay ready on nodes which tell nobody that they are alive', async () => {
    const client = driver.tenantClient(id);
    const metadata = { name: 'stays', namespace: 'default' };
    const container = { name: 'main', image: 'example.test/none' };
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [container] } };
    const path = '/api/v1/namespaces/default/pods';
    // Its account comes some moments after the namespace.
    await eventually(settleMs, async () => {
      const { status } = await client.request({ method: 'POST', path, body: pod });
      return status === 201 || status === 409;
    });
    const ready = async (): Promise<string | undefined> => {
      const { body } = await client.request({ method: 'GET', path: `${path}/stays` });
      const { status } = body as { status: { conditions?: { type: string; status: string }[] } };
      return status.conditions?.find(({ type }) => type === 'Ready')?.status;
    };
    await eventually(settleMs, async () => (await ready()) === 'True');
    // Longer than Kubernetes waits for a node by default.
    const end = Date.now() + 70_000;
    while (Date.now() < end) {
      expect(await ready()).toBe('True');
      await sleep(2_000);
    }
  }, 200_000);

  it('starts a program again that was killed, and keeps what was in it', async () => {
    const { uid } = await untilReady();
    for (const name of ['kube-apiserver', 'etcd', 'kube-scheduler'] as const) {
      const pid = await findComponent(paths(), name);
      expect(pid).not.toBeNull();
      process.kill(pid ?? 0, 'SIGKILL');
      await eventually(settleMs, async () => {
        const next = await findComponent(paths(), name);
        return next !== null && next !== pid;
      });
      expect((await untilReady()).uid).toBe(uid);
    }
    const { status } = await driver
      .tenantClient(id)
      .request({ method: 'GET', path: '/api/v1/namespaces/default/configmaps/owned' });
    expect(status).toBe(200);
  });

  it('refuses a second process on the same folder', async () => {
    await expect(start()).rejects.toThrow(/in use by process/);
  });

  it('keeps its keys to this user', async () => {
    const { pki } = paths();
    for (const name of await readdir(pki)) {
      expect([name, (await stat(join(pki, name))).mode & 0o077]).toEqual([name, 0]);
    }
  });

  it('ends with the driver, and comes back on the same address with the same objects', async () => {
    const before = await driver.upstream(id);
    const { uid } = await untilReady();
    await driver[Symbol.asyncDispose]();
    expect(await processesOf(paths())).toEqual([]);
    driver = await start();
    expect((await untilReady()).uid).toBe(uid);
    expect(await driver.upstream(id)).toEqual(before);
  });

  it('leaves no program and no file when it is removed', async () => {
    const fence = await readFile(paths().fence, 'utf8');
    const { removed, left } = await driver.removeTenant(id, spec.fence, call());
    expect(removed).toContainEqual({ kind: 'process', key: `${id}/etcd` });
    expect(left).toEqual([]);
    expect(await processesOf(paths())).toEqual([]);
    expect(await readdir(join(root, 'tenants'))).toEqual([]);
    expect(await readFile(paths().fence, 'utf8')).toBe(fence);
  });
});

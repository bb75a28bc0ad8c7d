import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fieldOf, metaOf } from '@hexabase/cluster/drivers/vcluster/host/objects.ts';
import { namesOf, note, ownerLabels } from '@hexabase/cluster/drivers/vcluster/names.ts';
import { resourcePath } from '@hexabase/cluster/kube-api/resource-path.ts';
import type { WorkspaceId } from '@hexabase/kernel/id.ts';
import type { Condition } from '@hexabase/kernel/conditions.ts';
import {
  requestWorkspace,
  requestWorkspaceDeletion,
  requestWorkspaceUpdate,
  until,
} from '@hexabase/testkit/given.ts';
import { ownHost } from '@hexabase/testkit/host-cluster.ts';
import { letLeasesEnd, startWorker, workUntilSettled } from '../workers.ts';
import type { Asked } from './fault-proxy.ts';
import { startHostStand, type HostStand } from './host-stand.ts';
import { brokenOnHost, labelledObjects, makeHostWorld, type HostWorld } from './host-world.ts';

const given = ownHost();
/** A worker that was paused has done by then what it still does. */
const quietMs = 2_500;

describe.skipIf(given === null)('on a host that others use too', () => {
  const stack = new AsyncDisposableStack();
  let stand: HostStand;
  let world: HostWorld;

  beforeAll(async () => {
    if (!given) return;
    stand = stack.use(await startHostStand(given));
    world = stack.use(await makeHostWorld(stand));
  });
  afterAll(() => stack.disposeAsync());

  test('a namespace of somebody else is never taken over nor removed, and the workspace says so and waits', async () => {
    const id = await requestWorkspace(world.test.database, world.organization);
    const { namespace } = namesOf(id);
    const collection = resourcePath('v1', 'Namespace');
    const body = {
      metadata: {
        name: namespace,
        labels: { owner: 'somebody', 'pod-security.kubernetes.io/enforce': 'baseline' },
      },
    };
    const made = await stand.administrator.request({ method: 'POST', path: collection, body });
    expect(made.status).toBe(201);
    await workUntilSettled(world);

    const sentence = `The host cluster stand already has a namespace ${namespace} that Hexabase did not make for this workspace. It was left as it is; its owner has to rename or remove it.`;
    const failed = await rowOf(id);
    for (const type of ['Synced', 'Ready'])
      expect(failed.conditions.find((one) => one.type === type)).toMatchObject({
        status: 'False',
        reason: 'NameTaken',
        message: sentence,
      });
    expect(failed).toMatchObject({ phase: 'failed', state: 'failed', error: sentence });
    expect(await labelledObjects(stand.administrator, id)).toEqual([]);

    await requestWorkspaceDeletion(world.test.database, id);
    await workUntilSettled(world);
    expect((await rowOf(id)).deleted).toBe(true);
    const path = `${collection}/${namespace}`;
    const left = await stand.administrator.request({ method: 'GET', path });
    expect(metaOf(left.body).uid).toBe(metaOf(made.body).uid);
    expect(left.body).toMatchObject({ status: { phase: 'Active' } });
    await stand.administrator.request({ method: 'DELETE', path });
    expect(await brokenOnHost(world)).toEqual([]);
  });

  test('a worker that was paused in the middle of its writes changes nothing when it goes on', async () => {
    const id = await requestWorkspace(world.test.database, world.organization);
    await workUntilSettled(world);
    await requestWorkspaceUpdate(world.test.database, id);

    const old = startWorker(world, null);
    const ended = new Promise<void>((done) => old.once('close', () => done()));
    const paused = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    const arrived = Promise.withResolvers<number>();
    let isPaused = false;
    let lastAskedMs = 0;
    stand.proxy.faults(({ method, path }: Asked) => {
      lastAskedMs = performance.now();
      if (isPaused || method !== 'PATCH' || !path.includes('/statefulsets/')) return null;
      isPaused = true;
      old.kill('SIGSTOP');
      paused.resolve();
      return { kind: 'hold', until: goOn.promise, done: arrived.resolve };
    });
    try {
      await paused.promise;
      const oldFence = await fenceOnNamespace(id);
      await letLeasesEnd(world);
      await workUntilSettled(world);
      expect(await fenceOnNamespace(id)).toBeGreaterThan(oldFence);
      const before = await written(id);
      expect(before.length).toBeGreaterThan(10);

      goOn.resolve();
      expect(await arrived.promise).toBeGreaterThanOrEqual(400);
      old.kill('SIGCONT');
      lastAskedMs = performance.now();
      await until(async () => performance.now() - lastAskedMs > quietMs);
      expect(await written(id)).toEqual(before);
      await refusedByPolicies(id, oldFence);
      expect(await written(id)).toEqual(before);
    } finally {
      stand.proxy.faults(null);
      old.kill('SIGKILL');
      await ended;
    }
    expect((await rowOf(id)).phase).toBe('active');
    expect(await brokenOnHost(world)).toEqual([]);
    const last = await fenceOnNamespace(id);
    await requestWorkspaceDeletion(world.test.database, id);
    await workUntilSettled(world);
    await neverBroughtBack(id, last);
    expect(await brokenOnHost(world)).toEqual([]);
  });

  /** A write that knows nothing of records and versions: the host itself refuses it. */
  async function refusedByPolicies(id: WorkspaceId, fence: number): Promise<void> {
    const { namespace, release } = namesOf(id);
    const annotations = { [note.fence]: String(fence) };
    const path = resourcePath('apps/v1', 'StatefulSet', { namespace, name: release });
    const changed = { metadata: { annotations }, spec: { replicas: 0 } };
    const overwritten = await stand.account.request({ method: 'PATCH', path, body: changed });
    expect(overwritten.status).toBe(422);
    expect(JSON.stringify(overwritten.body)).toContain('a newer worker has written this object');
    const added = await stand.account.request({
      method: 'POST',
      path: resourcePath('v1', 'ConfigMap', { namespace }),
      body: { metadata: { name: 'late', labels: ownerLabels(id), annotations } },
    });
    expect(added.status).toBe(422);
    expect(JSON.stringify(added.body)).toContain('a newer worker has written the namespace');
  }

  async function neverBroughtBack(id: WorkspaceId, fence: number): Promise<void> {
    const annotations = { [note.fence]: String(fence) };
    // Or another policy refuses as well, and whichever the host asks first decides about the status.
    const labels = { ...ownerLabels(id), 'pod-security.kubernetes.io/enforce': 'baseline' };
    const metadata = { name: namesOf(id).namespace, labels, annotations };
    const path = resourcePath('v1', 'Namespace');
    const made = await stand.account.request({ method: 'POST', path, body: { metadata } });
    expect(made.status).toBe(422);
    expect(JSON.stringify(made.body)).toContain('a newer worker owns this workspace');
  }

  async function fenceOnNamespace(id: WorkspaceId): Promise<number> {
    const path = resourcePath('v1', 'Namespace', { name: namesOf(id).namespace });
    const { body } = await stand.administrator.request({ method: 'GET', path });
    return Number(metaOf(body).annotations[note.fence]);
  }

  /** What we have written on the host, without what the host adds by itself. */
  async function written(id: WorkspaceId): Promise<unknown[]> {
    const objects = await labelledObjects(stand.administrator, id);
    return objects
      .map(({ kind, object }) => {
        const { name, uid, labels, annotations } = metaOf(object);
        const parts = ['spec', 'data', 'rules', 'subjects'].map((part) => fieldOf(object, part));
        return { kind, name, uid, labels, annotations, parts };
      })
      .toSorted((a, b) => `${a.kind} ${a.name}`.localeCompare(`${b.kind} ${b.name}`));
  }

  async function rowOf(id: WorkspaceId) {
    const { rows } = await world.test.database.asWorker((tx) =>
      sql<{ phase: string; deleted: boolean; conditions: Condition[]; state: string; error: string | null }>`
        select w.phase, w.deleted_at is not null as deleted, w.conditions, o.state, o.message as error
        from workspaces w left join operations o on o.id = w.operation_id where w.id = ${id}`.execute(tx),
    );
    const [row] = rows;
    if (!row) throw new Error('there is no such workspace');
    return row;
  }
});

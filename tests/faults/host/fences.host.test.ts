import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { eventually, tenantSpec } from '@hexabase/cluster/conformance/scene.ts';
import { fieldOf, metaOf } from '@hexabase/cluster/drivers/vcluster/host/objects.ts';
import {
  copiedLabel,
  namesOf,
  note,
  ownerLabels,
  ownerSelector,
} from '@hexabase/cluster/drivers/vcluster/names.ts';
import { resourcePath } from '@hexabase/cluster/kube-api/resource-path.ts';
import { FencedError, type ClusterDriver, type TenantSpec } from '@hexabase/cluster/port.ts';
import { ownHost } from '@hexabase/testkit/host-cluster.ts';
import type { Asked } from './fault-proxy.ts';
import { driverOn, startHostStand, type HostStand } from './host-stand.ts';

const given = ownHost();
const settleMs = 60_000;
const call = () => ({ signal: AbortSignal.timeout(settleMs) });
const large = { cpuMilli: 8000, memoryMib: 16_384, storageGib: 50 };

/** Single requests are kept waiting until a newer worker has come, wherever a pause of a process may fall. */
describe.skipIf(given === null)('a worker that was replaced in the middle of its work', () => {
  const stack = new AsyncDisposableStack();
  let stand: HostStand;
  let old: ClusterDriver;
  let newer: ClusterDriver;

  beforeAll(async () => {
    if (!given) return;
    stand = stack.use(await startHostStand(given));
    old = stack.use(driverOn(stand.orders));
    newer = stack.use(
      driverOn({
        ...stand.orders,
        server: stand.administrator.endpoint.server,
        certificateAuthority: stand.administrator.endpoint.certificateAuthority ?? '',
      }),
    );
  });
  afterEach(() => stand.proxy.faults(null));
  afterAll(() => stack.disposeAsync());

  /** The old worker's first request of this kind waits; answers what lets it through and what became of it. */
  function pauseAt(chosen: (asked: Asked) => boolean) {
    const goOn = Promise.withResolvers<void>();
    const reached = Promise.withResolvers<void>();
    const status = Promise.withResolvers<number>();
    let isHeld = false;
    stand.proxy.faults((asked) => {
      if (isHeld || !chosen(asked)) return null;
      isHeld = true;
      reached.resolve();
      return { kind: 'hold', until: goOn.promise, done: status.resolve };
    });
    return { reached: reached.promise, goOn: goOn.resolve, status: status.promise };
  }

  const read = async (kind: string, { workspaceId }: TenantSpec, name: string, apiVersion = 'v1') => {
    const path = resourcePath(apiVersion, kind, { namespace: namesOf(workspaceId).namespace, name });
    return (await stand.administrator.request({ method: 'GET', path })).body;
  };

  const quotaOf = async (spec: TenantSpec) => {
    const path = resourcePath('v1', 'ResourceQuota', { namespace: namesOf(spec.workspaceId).namespace });
    const { body } = await stand.administrator.request({ method: 'GET', path });
    return JSON.stringify(fieldOf(body, 'items'), ['spec', 'hard', 'requests.cpu', 'limits.cpu']);
  };

  async function gone({ workspaceId }: TenantSpec): Promise<void> {
    await eventually(settleMs, async () => {
      const removal = await newer.removeTenant(workspaceId, 99, call()).catch(() => null);
      return removal?.left.length === 0;
    });
  }

  test('cannot change what the newer one found as it should be and left alone', async () => {
    const spec = tenantSpec({ fence: 4 });
    await newer.ensureTenant(spec, call());
    const before = await quotaOf(spec);
    const pause = pauseAt(({ method, path }) => method === 'PATCH' && path.includes('/resourcequotas/'));
    const late = old.ensureTenant({ ...spec, fence: 5, generation: 2, size: large }, call());
    const outcome = late.catch((error: unknown) => error);
    await pause.reached;
    await newer.ensureTenant({ ...spec, fence: 6 }, call());
    pause.goOn();
    expect(await pause.status).toBeGreaterThanOrEqual(400);
    expect(await outcome).toBeInstanceOf(FencedError);
    expect(await quotaOf(spec)).toBe(before);
    await gone(spec);
  });

  test('can write nothing from the moment on in which the newer one begins', async () => {
    const spec = tenantSpec({ fence: 4 });
    await newer.ensureTenant(spec, call());
    // This time the one that waits in the middle is the newer one.
    const pause = pauseAt(({ method, path }) => method === 'PATCH' && path.includes('/resourcequotas/'));
    const working = old.ensureTenant({ ...spec, fence: 6, generation: 2, size: large }, call());
    await pause.reached;
    const { namespace } = namesOf(spec.workspaceId);
    const metadata = { labels: ownerLabels(spec.workspaceId), annotations: { [note.fence]: '5' } };
    const collection = resourcePath('v1', 'ConfigMap', { namespace });
    const body = { metadata: { ...metadata, name: 'late' } };
    const { refusals } = await eventually(settleMs, async () => {
      const added = await stand.account.request({ method: 'POST', path: `${collection}?dryRun=All`, body });
      const quotas = resourcePath('v1', 'LimitRange', { namespace });
      const { body: found } = await stand.account.request({ method: 'GET', path: quotas });
      const [limits] = [fieldOf(found, 'items')].flat();
      const changed = await stand.account.request({
        method: 'PATCH',
        path: `${quotas}/${metaOf(limits).name}?fieldManager=hexabase&dryRun=All`,
        body: { metadata: { annotations: { [note.fence]: '5' } } },
      });
      const refused = [added, changed].map((answer) => JSON.stringify(answer.body));
      return refused.every((said) => said.includes('a newer worker has')) && { refusals: refused };
    });
    expect(refusals.join()).toContain('a newer worker has written the namespace');
    pause.goOn();
    await working;
    await gone(spec);
  });

  test('ends no pods of a workspace that the newer one has woken', async () => {
    const spec = tenantSpec({ fence: 4 });
    const { namespace, release } = namesOf(spec.workspaceId);
    await newer.ensureTenant(spec, call());
    const pod = {
      metadata: { name: 'of-the-tenant', labels: { [copiedLabel]: release } },
      spec: {
        automountServiceAccountToken: false,
        containers: [
          {
            name: 'web',
            image: 'web',
            resources: { requests: { cpu: '1m', memory: '1Mi' }, limits: { cpu: '1m', memory: '1Mi' } },
          },
        ],
      },
    };
    const path = resourcePath('v1', 'Pod', { namespace });
    const made = await eventually(settleMs, async () => {
      const answer = await stand.administrator.request({ method: 'POST', path, body: pod });
      return answer.status < 300 && answer;
    });
    const selector = encodeURIComponent(copiedLabel);
    const pause = pauseAt(({ method, path: asked }) => method === 'GET' && asked.includes(selector));
    const late = old.ensureTenant({ ...spec, fence: 5, generation: 2, asleep: true }, call());
    const outcome = late.catch((error: unknown) => error);
    await pause.reached;
    await newer.ensureTenant({ ...spec, fence: 6, generation: 3 }, call());
    pause.goOn();
    expect(await outcome).toBeInstanceOf(FencedError);
    const left = metaOf(await read('Pod', spec, 'of-the-tenant'));
    expect([left.uid, left.deleting]).toEqual([metaOf(made.body).uid, false]);
    await gone(spec);
  });

  test('stops nothing that the newer one keeps', async () => {
    const spec = tenantSpec({ fence: 4 });
    await newer.ensureTenant(spec, call());
    const { release } = namesOf(spec.workspaceId);
    const pause = pauseAt(({ method, path }) => method === 'PATCH' && path.includes('/statefulsets/'));
    const outcome = old.removeTenant(spec.workspaceId, 5, call()).catch((error: unknown) => error);
    await pause.reached;
    await newer.ensureTenant({ ...spec, fence: 6 }, call());
    pause.goOn();
    expect(await pause.status).toBeGreaterThanOrEqual(400);
    expect(await outcome).toBeInstanceOf(FencedError);
    expect(fieldOf(await read('StatefulSet', spec, release, 'apps/v1'), 'spec', 'replicas')).toBe(1);
    await gone(spec);
  });

  test('deletes nothing that it did not want and the newer one wants', async () => {
    const spec = tenantSpec({ fence: 4, isolation: 'dedicated' });
    await newer.ensureTenant(spec, call());
    const pause = pauseAt(({ method, path }) => method === 'DELETE' && path.includes('/clusterrole'));
    const late = old.ensureTenant({ ...spec, fence: 5, generation: 2, isolation: 'shared' }, call());
    const outcome = late.catch((error: unknown) => error);
    await pause.reached;
    await newer.ensureTenant({ ...spec, fence: 6, generation: 3 }, call());
    pause.goOn();
    expect(await pause.status).toBe(409);
    expect(await outcome).toBeInstanceOf(FencedError);
    const labelSelector = encodeURIComponent(ownerSelector(spec.workspaceId));
    for (const kind of ['ClusterRole', 'ClusterRoleBinding']) {
      const path = `${resourcePath('rbac.authorization.k8s.io/v1', kind)}?labelSelector=${labelSelector}`;
      const { body } = await stand.administrator.request({ method: 'GET', path });
      expect(fieldOf(body, 'items')).toHaveLength(1);
    }
    await gone(spec);
  });
});

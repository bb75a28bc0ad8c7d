import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { eventually, tenantSpec } from '@hexabase/cluster/conformance/scene.ts';
import {
  fenceNameOf,
  fenceNamespace,
  hostAccount,
  namesOf,
} from '@hexabase/cluster/drivers/vcluster/names.ts';
import { hostRbac } from '@hexabase/cluster/drivers/vcluster/policies/host-rbac.ts';
import { applyObject } from '@hexabase/cluster/kube-api/apply.ts';
import { resourcePath } from '@hexabase/cluster/kube-api/resource-path.ts';
import { TenantConflictError, type ClusterDriver, type TenantSpec } from '@hexabase/cluster/port.ts';
import { ownHost } from '@hexabase/testkit/host-cluster.ts';
import type { Asked } from './fault-proxy.ts';
import { driverOn, startHostStand, type HostOrders, type HostStand } from './host-stand.ts';
import { labelledObjects } from './host-world.ts';

const given = ownHost();
const settleMs = 60_000;
const call = () => ({ signal: AbortSignal.timeout(settleMs) });

describe.skipIf(given === null)('a host API that fails', () => {
  const stack = new AsyncDisposableStack();
  let stand: HostStand;
  let driver: ClusterDriver;
  let hasty: ClusterDriver;
  const open = (changes: Partial<HostOrders> = {}) => stack.use(driverOn({ ...stand.orders, ...changes }));

  beforeAll(async () => {
    if (!given) return;
    stand = stack.use(await startHostStand(given));
    driver = open();
    hasty = open({ callTimeoutMs: 500 });
  });
  afterEach(() => {
    stand.proxy.line('open');
    stand.proxy.faults(null);
  });
  afterAll(() => stack.disposeAsync());

  async function whole(spec: TenantSpec): Promise<void> {
    await driver.ensureTenant(spec, call());
    await ready(spec);
  }

  const ready = ({ workspaceId, generation }: TenantSpec) =>
    eventually(settleMs, async () => {
      const state = await driver.observeTenant(workspaceId, call());
      return state.kind === 'present' && state.ready && state.generation === generation;
    });

  /** Namespaces of the host take seconds to go: most of these go together at the end. */
  const made: TenantSpec[] = [];

  /** Removes it and looks everywhere for what is left. */
  async function goneWithout(spec: TenantSpec, remover = driver): Promise<void> {
    await eventually(settleMs, async () => {
      const removal = await remover.removeTenant(spec.workspaceId, 99, call()).catch(() => null);
      return removal?.left.length === 0;
    });
    expect(await labelledObjects(stand.administrator, spec.workspaceId)).toEqual([]);
  }

  test('that is down is said to be unreachable, is never taken for one without the workspace, and works on afterwards', async () => {
    const spec = tenantSpec();
    await whole(spec);
    stand.proxy.line('refused');
    const words = 'The host cluster stand cannot be reached; it is tried again.';
    await expect(driver.ensureTenant({ ...spec, fence: 11 }, call())).rejects.toThrow(words);
    await expect(driver.observeTenant(spec.workspaceId, call())).rejects.toThrow(words);
    await expect(driver.removeTenant(spec.workspaceId, 11, call())).rejects.toThrow(words);
    stand.proxy.line('open');
    await whole({ ...spec, fence: 12, generation: 2 });
    made.push(spec);
  });

  test('that is half-open is given up in time, and its dead connections are not used again', async () => {
    const spec = tenantSpec();
    // Longer than a call takes on a busy machine: only silence is given up.
    const patient = open({ callTimeoutMs: 4_000 });
    await patient.ensureTenant(spec, call());
    await ready(spec);
    stand.proxy.line('silent');
    const words = 'The host cluster stand does not answer in time; it is tried again.';
    await expect(patient.observeTenant(spec.workspaceId, call())).rejects.toThrow(words);
    await expect(patient.ensureTenant({ ...spec, fence: 11 }, call())).rejects.toThrow(words);
    stand.proxy.line('open');
    expect(await patient.observeTenant(spec.workspaceId, call())).toMatchObject({
      kind: 'present',
      ready: true,
    });
    made.push(spec);
  });

  test('that is slow is waited for', async () => {
    const spec = tenantSpec();
    stand.proxy.faults(() => ({ kind: 'hold', until: sleep(60) }));
    await whole(spec);
    made.push(spec);
  });

  test('that answers 409 is read again and asked again at once', async () => {
    const spec = tenantSpec();
    const refused = firstOfEach(({ method }) => method === 'PATCH' || method === 'PUT');
    stand.proxy.faults((asked) =>
      refused.isFirst(asked)
        ? { kind: 'answer', status: 409, message: 'the object has been modified' }
        : null,
    );
    await whole(spec);
    expect(refused.count()).toBeGreaterThan(10);
    made.push(spec);
  });

  test('that answers 429 is said to be busy, with the time it asked for', async () => {
    const spec = tenantSpec();
    stand.proxy.faults(({ method }) =>
      method === 'GET'
        ? null
        : { kind: 'answer', status: 429, headers: { 'retry-after': '7' }, message: 'too many requests' },
    );
    await expect(driver.ensureTenant(spec, call())).rejects.toMatchObject({
      code: 'cluster_unavailable',
      message: 'The host cluster stand is busy and asked us to come again in 7 s.',
    });
    stand.proxy.faults(null);
    await whole(spec);
    made.push(spec);
  });

  test('that does everything and loses its first answer to it is asked again until all is there once', async () => {
    const spec = tenantSpec();
    const lost = firstOfEach(({ method }) => method !== 'GET');
    stand.proxy.faults((asked) => (lost.isFirst(asked) ? { kind: 'lose-answer' } : null));
    const complaints: string[] = [];
    await eventually(settleMs, () =>
      hasty.ensureTenant(spec, call()).then(
        () => true,
        (error: Error) => {
          complaints.push(error.message);
          return false;
        },
      ),
    );
    expect(new Set(complaints)).toEqual(
      new Set(['The host cluster stand does not answer in time; it is tried again.']),
    );
    expect(lost.count()).toBeGreaterThan(10);
    await ready(spec);
    await goneWithout(spec, hasty);
  });

  test('that has another chart than the pinned one gets nothing at all', async () => {
    const digest = `sha256:${'0'.repeat(64)}`;
    const spec = tenantSpec();
    const ensured = open({ chartDigest: digest }).ensureTenant(spec, call());
    await expect(ensured).rejects.toThrow(TenantConflictError);
    await expect(ensured).rejects.toMatchObject({ reason: 'ChartUnusable' });
    await expect(ensured).rejects.toThrow(/is not the one that was pinned: .* Nothing was changed\.$/);
    expect(await labelledObjects(stand.administrator, spec.workspaceId)).toEqual([]);
    const record = { namespace: fenceNamespace, name: fenceNameOf(spec.workspaceId) };
    const path = resourcePath('v1', 'ConfigMap', record);
    expect((await stand.administrator.request({ method: 'GET', path })).status).toBe(404);
  });

  test('whose quota leaves no room says so', async () => {
    const spec = tenantSpec();
    const { namespace } = namesOf(spec.workspaceId);
    await driver.ensureTenant({ ...spec, asleep: true }, call());
    const body = { metadata: { name: 'operator' }, spec: { hard: { 'count/pods': '0' } } };
    const path = resourcePath('v1', 'ResourceQuota', { namespace });
    await stand.administrator.request({ method: 'POST', path, body });
    await driver.ensureTenant({ ...spec, fence: 11 }, call());
    const condition = await eventually(settleMs, async () => {
      const state = await driver.observeTenant(spec.workspaceId, call());
      return state.kind === 'present' ? state.conditions.find(({ type }) => type === 'WithinQuota') : null;
    });
    expect(condition).toMatchObject({ status: 'False', reason: 'QuotaExhausted' });
    expect(condition?.message).toContain('The quota leaves no room for the control plane');
    made.push(spec);
  });

  test('whose namespace waits for a finalizer says for which, until it is taken off', async () => {
    const spec = tenantSpec({ asleep: true });
    const { namespace } = namesOf(spec.workspaceId);
    await driver.ensureTenant(spec, call());
    const path = resourcePath('v1', 'ConfigMap', { namespace });
    const body = { metadata: { name: 'held', finalizers: ['example.test/dead'] } };
    await stand.administrator.request({ method: 'POST', path, body });
    const left = await eventually(settleMs, async () => {
      const removal = await driver.removeTenant(spec.workspaceId, 20, call());
      const words = removal.left.map(({ kind, key, why }) => `${kind} ${key} ${why}`).join('; ');
      return words.includes('example.test/dead') && words;
    });
    expect(left).toContain(`namespace ${namespace}`);
    const metadata = { finalizers: null };
    await stand.administrator.request({ method: 'PATCH', path: `${path}/held`, body: { metadata } });
    await goneWithout(spec);
  });

  test('has nothing left of all these workspaces when they are removed', async () => {
    expect(made.length).toBeGreaterThan(4);
    await Promise.all(made.map((spec) => goneWithout(spec)));
  });

  test('that takes a right away names it; that takes the credentials back says who has to act', async () => {
    const spec = tenantSpec();
    await whole(spec);
    const binding = { name: 'hexabase-host' };
    const path = resourcePath('rbac.authorization.k8s.io/v1', 'ClusterRoleBinding', binding);
    await stand.administrator.request({ method: 'DELETE', path });
    const failure = (wanted: string) =>
      vi.waitFor(
        async () => {
          const message = await driver.observeTenant(spec.workspaceId, call()).then(
            () => '',
            (error: Error) => error.message,
          );
          expect(message).toContain(wanted);
        },
        { timeout: 30_000, interval: 200 },
      );
    await failure('The host cluster stand refuses us something: Namespace');
    for (const object of hostRbac())
      await applyObject(stand.administrator, object, { fieldManager: 'administrator', force: true });
    await eventually(settleMs, () =>
      driver.observeTenant(spec.workspaceId, call()).then(
        () => true,
        () => false,
      ),
    );
    const secret = { namespace: fenceNamespace, name: `${hostAccount}-token` };
    await stand.administrator.request({ method: 'DELETE', path: resourcePath('v1', 'Secret', secret) });
    await failure('does not accept our credentials any more; its administrator has to give new ones.');
    expect(await labelledObjects(stand.administrator, spec.workspaceId)).not.toEqual([]);
  });
});

/** True once for each different request among those that count. */
function firstOfEach(counts: (asked: Asked) => boolean) {
  const seen = new Set<string>();
  return {
    isFirst(asked: Asked): boolean {
      const key = `${asked.method} ${asked.path}`;
      if (!counts(asked) || seen.has(key)) return false;
      seen.add(key);
      return true;
    },
    count: () => seen.size,
  };
}

import { sql } from 'kysely';
import { expect, test } from 'vitest';
import type { ClusterDriver } from '@hexabase/cluster/port.ts';
import { systemClock } from '@hexabase/kernel/clock.ts';
import { doubtMs, type ConditionInput } from '@hexabase/kernel/conditions.ts';
import { newId, type WorkspaceId } from '@hexabase/kernel/id.ts';
import { createKeyVault } from '@hexabase/kernel/key-vault.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { startEngine } from '@hexabase/reconcile/engine.ts';
import { register } from '@hexabase/reconcile/registration.ts';
import { givenOrganization, requestOfWorkspace, requestWorkspace, until } from '@hexabase/testkit/given.ts';
import { brokenVersion, memoryCluster, type MemoryCluster } from '@hexabase/testkit/memory-cluster.ts';
import { testDatabase } from '@hexabase/testkit/test-database.ts';
import type { WorkspaceSubject } from './store.ts';
import { upgradeMsMax, waitUpgradedStep } from './upgrade.ts';
import { workspaceReconciler } from './workspace-reconciler.ts';

test('a version whose image cannot be had is given up after the time of doubt, for nobody can work meanwhile', async () => {
  const message = 'The image kubernetes:v1.36.0 for the control plane cannot be had.';
  const ended = await upgradeThatEnds(brokenVersion, ({ driver }) => ({
    async observeTenant(id, call) {
      const state = await driver.observeTenant(id, call);
      return state.kind === 'absent' || state.ready ? state : { ...state, conditions: [notPulled(message)] };
    },
  }));
  expect(ended).toEqual({
    state: 'failed',
    message:
      'Kubernetes 1.36 was not healthy after 2 minutes (The image kubernetes:v1.36.0 for the control plane cannot be had); going back to 1.34',
  });
});

test('a version that answers without its DNS is taken back, and its workspace never called upgraded', async () => {
  const message = 'The image coredns:1 for the workspace’s DNS cannot be had.';
  const ended = await upgradeThatEnds('1.35', ({ driver }) => {
    const isNew = async (id: WorkspaceId) => {
      const state = await driver.observeTenant(id, { signal: AbortSignal.timeout(10_000) });
      return state.kind === 'present' && state.kubernetesVersion === 'v1.35.0';
    };
    return {
      unsettled: async (id) => ((await isNew(id)) ? { why: 'its DNS does not run', isOurs: true } : null),
      async observeTenant(id, call) {
        const state = await driver.observeTenant(id, call);
        if (state.kind === 'absent' || !(await isNew(id))) return state;
        return { ...state, conditions: [notPulled(message)] };
      },
    };
  });
  expect(ended).toEqual({
    state: 'failed',
    message:
      'Kubernetes 1.35 was not healthy after 2 minutes (The image coredns:1 for the workspace’s DNS cannot be had); going back to 1.34',
  });
});

function notPulled(message: string): ConditionInput {
  return { type: 'ImagesPulled', status: 'False', reason: 'ErrImagePull', message };
}

/** What the operation says when the time of doubt is over and the workspace is back; `told` is what a host says of it. */
async function upgradeThatEnds(
  upgradeTo: string,
  told: (cluster: MemoryCluster) => Partial<ClusterDriver>,
): Promise<{ state: string; message: string }> {
  await using stack = new AsyncDisposableStack();
  const { database, admin, masterKey } = stack.use(await testDatabase());
  const cluster = stack.use(await memoryCluster(admin));
  let aheadMs = 0;
  const clock = { now: () => systemClock.now() + aheadMs };
  const driver: ClusterDriver = { ...cluster.driver, ...told(cluster) };
  const issuer = 'https://hexabase.example/oidc';
  const vault = createKeyVault(masterKey);
  const registrations = [register(workspaceReconciler({ driver, issuer, clock, vault, database }))];
  stack.use(await startEngine({ database, registrations, clock, log: silentLogger }));
  const seen = <T>(query: ReturnType<typeof sql<T>>) =>
    until(async () => (await database.asWorker(async (tx) => (await query.execute(tx)).rows))[0]);

  const id = await requestWorkspace(database, await givenOrganization(database));
  await seen(sql`select 1 from workspaces where id = ${id} and phase = 'active'`);
  await requestOfWorkspace(database, id, { upgradeTo });
  await seen(
    sql`select 1 from workspaces where conditions @> '[{"type": "ImagesPulled", "status": "Unknown"}]'`,
  );
  aheadMs = doubtMs + 1_000;
  const ended = await seen(
    sql<{ state: string; message: string }>`
      select state, message from operations where kind = 'workspace.upgrade' and state <> 'running'`,
  );
  await seen(
    sql`select 1 from workspaces where id = ${id} and phase = 'active' and kubernetes_version = '1.34'`,
  );
  return ended;
}

test('the time of a new version counts from when it was written, not from when it was asked for', async () => {
  await using stack = new AsyncDisposableStack();
  const { admin } = stack.use(await testDatabase());
  const { driver } = stack.use(await memoryCluster(admin));
  const nowMs = 100 * upgradeMsMax;
  const look = async (since: { askedMs: number; writtenMs: number | null }) => {
    const deps = { driver, issuer: 'https://hexabase.example/oidc', clock: { now: () => nowMs } };
    const subject = upgrading(since);
    const signal = AbortSignal.timeout(10_000);
    return (await waitUpgradedStep(deps).run?.({ subject, fence: 1, signal }))?.kind;
  };
  const [soon, late] = [nowMs - 1_000, nowMs - upgradeMsMax - 1_000];
  expect(await look({ askedMs: late, writtenMs: soon })).toBe('wait');
  expect(await look({ askedMs: late, writtenMs: null })).toBe('wait');
  expect(await look({ askedMs: late, writtenMs: late })).toBe('failed');
  // What an upgrade before this one left.
  expect(await look({ askedMs: soon, writtenMs: late })).toBe('wait');
});

test('an image that could not be had before does not take back the version that brings another one', async () => {
  await using stack = new AsyncDisposableStack();
  const { admin } = stack.use(await testDatabase());
  const cluster = stack.use(await memoryCluster(admin));
  const nowMs = 100 * upgradeMsMax;
  const message = 'The image coredns:1 for the workspace’s DNS cannot be had.';
  const pulled = { type: 'ImagesPulled', status: 'False', reason: 'ImagePull', message } as const;
  // The pod of before, as its host tells of it while the new version starts.
  const driver: ClusterDriver = {
    ...cluster.driver,
    observeTenant: async () => ({
      kind: 'present',
      uid: 'x',
      generation: 2,
      ready: false,
      asleep: false,
      kubernetesVersion: null,
      conditions: [pulled],
    }),
  };
  const look = async (writtenMs: number) => {
    const deps = { driver, issuer: 'https://hexabase.example/oidc', clock: { now: () => nowMs } };
    const subject = upgrading({ askedMs: writtenMs, writtenMs });
    const stood = { ...pulled, observedGeneration: 1, lastTransitionTime: new Date(0).toISOString() };
    subject.conditions = [...subject.conditions, stood];
    const signal = AbortSignal.timeout(10_000);
    return (await waitUpgradedStep(deps).run?.({ subject, fence: 1, signal }))?.kind;
  };
  expect(await look(nowMs - 1_000)).toBe('wait');
  expect(await look(nowMs - doubtMs - 1_000)).toBe('failed');
});

function upgrading({ askedMs, writtenMs }: { askedMs: number; writtenMs: number | null }): WorkspaceSubject {
  const at = { observedGeneration: 2, lastTransitionTime: new Date(writtenMs ?? 0).toISOString() };
  const progressing = {
    type: 'Upgraded',
    status: 'Unknown',
    reason: 'Progressing',
    message: '',
    ...at,
  } as const;
  const size = { cpuMilli: 1, memoryMib: 1, storageGib: 1 };
  return {
    id: newId<'Workspace'>(),
    organizationId: 'org',
    slug: 'x',
    generation: 2,
    observedGeneration: 1,
    conditions: writtenMs === null ? [] : [progressing],
    operationId: 'op',
    operationKind: 'workspace.upgrade',
    operationStartedMs: askedMs,
    plan: 'small',
    settledPlan: 'small',
    size,
    settledSize: size,
    refusedPlan: null,
    refusedSize: null,
    isolation: 'shared',
    groups: { admins: null, users: null },
    deletionRequested: false,
    deletionPending: false,
    asleep: false,
    sleepReason: null,
    kubernetesVersion: '1.36',
    settledVersion: '1.34',
    tenantUid: null,
    contentLostAt: null,
    nothingMade: false,
    release: null,
    settledRelease: null,
    knownReleases: null,
    cloneOf: null,
    copy: null,
    sourceWasRead: false,
  };
}

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { changeByClock } from '@hexabase/features/workspaces/reconcile/clock-store.ts';
import { doubtMs } from '@hexabase/kernel/conditions.ts';
import type { WorkspaceId } from '@hexabase/kernel/id.ts';
import { boundaries, type Boundary } from '@hexabase/reconcile/hooks.ts';
import { changedChart, minorsAhead, type ChartChange } from '@hexabase/testkit/changed-chart.ts';
import { requestWorkspace } from '@hexabase/testkit/given.ts';
import { ownHost } from '@hexabase/testkit/host-cluster.ts';
import { allCrashPoints, eachStepOnce, pointName, type CrashPoint } from '../crash-points.ts';
import { noGround } from '../registrations.ts';
import { rotatingSeed } from '../rotating-seed.ts';
import { crashWorker, letLeasesEnd, workUntilSettled } from '../workers.ts';
import { driverOn, startHostStand } from './host-stand.ts';
import { brokenOnHost, hostRegistrations, makeHostWorld, type HostWorld } from './host-world.ts';

const given = ownHost();

/** Which boundary a step dies at in this run; five runs with a seed each see all of them. */
const seed = rotatingSeed(boundaries.length);

/** A step that fails is never noted as done. */
const ofFailure: readonly Boundary[] = ['before-intent', 'after-intent', 'after-effect'];

const points = allCrashPoints(hostRegistrations(noGround));
const wayThere = eachStepOnce(points, { workflow: 'upgrade', seed });
const wayBack = [
  ...ofFailure.map((boundary) => ({
    kind: 'workspace',
    workflow: 'upgrade',
    step: 'tenant-cluster',
    boundary,
  })),
  ...eachStepOnce(points, { workflow: 'update', seed }),
];

/** A workspace that gets another release of what runs its control plane, as a roll-out brings it. */
describe.skipIf(given === null)(`a release on a real host API, boundaries by HKS_TEST_SEED=${seed}`, () => {
  const stack = new AsyncDisposableStack();
  let world: HostWorld;
  let workspace: WorkspaceId;
  const releases = { first: '', second: '', refused: '' };

  beforeAll(async () => {
    if (!given) return;
    // What the host does not permit is given two minutes.
    const more = { aheadMs: doubtMs + 10_000 };
    world = stack.use(await makeHostWorld(stack.use(await startHostStand(given)), more));
    const charts = await mkdtemp(join(tmpdir(), 'hks-charts-'));
    stack.defer(() => rm(charts, { recursive: true, force: true }));
    const changed = async (name: string, change: ChartChange) => {
      const chart = await changedChart(given.chart, join(charts, name), change);
      await using driver = driverOn({ ...world.stand.orders, chart });
      return (await driver.newestRelease?.(workspace)) ?? '';
    };
    workspace = await requestWorkspace(world.test.database, world.organization);
    await workUntilSettled(world);
    releases.first = (await world.driver.newestRelease?.(workspace)) ?? '';
    releases.second = await changed('second', minorsAhead(1));
    // More than our account has: the host does not let it be given away.
    const rule = '  - apiGroups: ["certificates.k8s.io"]\n    resources: ["*"]\n    verbs: ["*"]\n';
    releases.refused = await changed('refused', {
      file: 'templates/role.yaml',
      change: (text) => text.replace(/^rules:\n/m, `rules:\n${rule}`),
    });
  }, 120_000);
  afterAll(() => stack.disposeAsync());

  test.each(wayThere.map((point, index) => [pointName(point), point, index] as const))(
    'a kill at %s loses nothing, and the release comes',
    async (_name, point, index) => {
      const wanted = index % 2 === 0 ? releases.second : releases.first;
      await bring(wanted, point);
      expect(await stateOf()).toEqual({ phase: 'active', release: wanted, settled: wanted, refused: null });
      expect(await releaseOnHost()).toBe(wanted);
    },
  );

  test.each(wayBack.map((point) => [pointName(point), point] as const))(
    'a kill at %s loses nothing, and the way back from a release that the host refuses is gone to its end',
    async (_name, point) => {
      const { release: before } = await stateOf();
      await bring(releases.refused, point);
      expect(await stateOf()).toEqual({
        phase: 'active',
        release: before,
        settled: before,
        refused: releases.refused,
      });
      expect(await releaseOnHost()).toBe(before);
      expect(await lastOperation()).toMatch(/was refused \(Role .*attempting to grant RBAC permissions/s);
    },
  );

  async function bring(release: string, point: CrashPoint): Promise<void> {
    const change = { kind: 'workspace.upgrade', release } as const;
    const begun = await world.test.database.asWorker((tx) =>
      changeByClock(tx, { id: workspace, nowMs: Date.now(), change }),
    );
    expect(begun).toBe(true);
    await crashWorker(world, point);
    await letLeasesEnd(world);
    await workUntilSettled(world);
    expect(await brokenOnHost(world)).toEqual([]);
  }

  async function stateOf(): Promise<Record<string, unknown>> {
    const { rows } = await world.test.database.asWorker((tx) =>
      sql<
        Record<string, unknown>
      >`select phase, release, settled_release as settled, refused_release as refused
        from workspaces where id = ${workspace}`.execute(tx),
    );
    return rows[0] ?? {};
  }

  async function releaseOnHost(): Promise<unknown> {
    return Object(await world.driver.observeTenant(workspace, { signal: AbortSignal.timeout(10_000) }))
      .release;
  }

  async function lastOperation(): Promise<string> {
    const { rows } = await world.test.database.asWorker((tx) =>
      sql<{ message: string }>`select message from operations where kind = 'workspace.upgrade'
        order by created_at desc, id desc limit 1`.execute(tx),
    );
    return rows[0]?.message ?? '';
  }
});

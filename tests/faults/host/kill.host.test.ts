import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { WorkspaceId } from '@hexabase/kernel/id.ts';
import { boundaries } from '@hexabase/reconcile/hooks.ts';
import {
  requestClone,
  requestOfWorkspace,
  requestWorkspace,
  requestWorkspaceDeletion,
  requestWorkspaceUpdate,
} from '@hexabase/testkit/given.ts';
import { ownHost } from '@hexabase/testkit/host-cluster.ts';
import { allCrashPoints, eachStepOnce, pointName, type CrashPoint } from '../crash-points.ts';
import { noGround } from '../registrations.ts';
import { rotatingSeed } from '../rotating-seed.ts';
import { crashWorker, letLeasesEnd, workUntilSettled } from '../workers.ts';
import { startHostStand } from './host-stand.ts';
import { brokenOnHost, hostRegistrations, makeHostWorld, type HostWorld } from './host-world.ts';

const given = ownHost();

/** Which boundary a step dies at in this run; five runs with a seed each see all of them. */
const seed = rotatingSeed(boundaries.length);

/** A workspace lives through these, and dies at another step of each in every life. */
const life = ['create', 'clone', 'update', 'sleep', 'wake', 'upgrade', 'delete'];

const points = chosenPoints();
const steps = new Set(points.map(({ workflow, step }) => `${workflow} ${step}`));

describe.skipIf(given === null)(`on a real host API, boundaries by HKS_TEST_SEED=${seed}`, () => {
  const stack = new AsyncDisposableStack();
  let world: HostWorld;
  let workspace: WorkspaceId | null = null;
  let upgraded: WorkspaceId | null = null;

  beforeAll(async () => {
    if (!given) return;
    world = stack.use(await makeHostWorld(stack.use(await startHostStand(given))));
  });
  afterAll(() => stack.disposeAsync());

  test('every step of every workflow of workspaces has its turn', () => {
    const all = allCrashPoints(hostRegistrations({ driver: world.driver, database: world.test.database }));
    expect(new Set(all.map(({ workflow }) => workflow))).toEqual(new Set(life));
    expect(steps).toEqual(new Set(all.map(({ workflow, step }) => `${workflow} ${step}`)));
  });

  test.each(points.map((point) => [pointName(point), point] as const))(
    'a kill at %s loses and leaks nothing',
    async (_name, point) => {
      await provoke(point.workflow);
      await crashWorker(world, point);
      await letLeasesEnd(world);
      await workUntilSettled(world);
      expect(await brokenOnHost(world)).toEqual([]);
      expect(await phaseOf(workspace)).toBe(phases[point.workflow] ?? 'active');
      if (point.workflow === 'delete') workspace = null;
    },
  );

  test('deleted, all of them leave nothing but the records of their fences', async () => {
    const { rows } = await world.test.database.asWorker((tx) =>
      sql<{ id: WorkspaceId }>`select id from workspaces where deleted_at is null`.execute(tx),
    );
    for (const { id } of rows) await requestWorkspaceDeletion(world.test.database, id);
    await workUntilSettled(world);
    expect(await brokenOnHost(world)).toEqual([]);
    expect(await world.driver.listTenants({ signal: AbortSignal.timeout(10_000) })).toEqual([]);
  });

  /** Asks for the work on the workspace of this life; a life that has no workspace yet begins with one that is ready. */
  async function provoke(workflow: string): Promise<void> {
    const { database } = world.test;
    const isNew = workflow === 'create' || (workflow === 'upgrade' && upgraded === workspace);
    if (workspace === null || isNew) {
      workspace = await requestWorkspace(database, world.organization);
      if (workflow === 'create') return;
      await workUntilSettled(world);
    }
    if (workflow === 'clone') {
      // The life goes on as the copy; the source stays until the end.
      workspace = await requestClone(database, workspace);
      return;
    }
    if (workflow === 'wake' && (await phaseOf(workspace)) !== 'asleep') {
      await requestOfWorkspace(database, workspace, 'sleep');
      await workUntilSettled(world);
    }
    if (workflow === 'update') return requestWorkspaceUpdate(database, workspace);
    if (workflow === 'delete') return requestWorkspaceDeletion(database, workspace);
    if (workflow === 'sleep' || workflow === 'wake') return requestOfWorkspace(database, workspace, workflow);
    upgraded = workspace;
    return requestOfWorkspace(database, workspace, { upgradeTo: '1.35' });
  }

  async function phaseOf(id: WorkspaceId | null): Promise<string> {
    const { rows } = await world.test.database.asWorker((tx) =>
      sql<{ phase: string }>`select case when deleted_at is null then phase else 'deleted' end as phase
        from workspaces where id = ${id}`.execute(tx),
    );
    return rows[0]?.phase ?? '';
  }
});

const phases: Readonly<Record<string, string>> = { sleep: 'asleep', delete: 'deleted' };

/** Each step of each workflow once, life by life. */
function chosenPoints(): CrashPoint[] {
  const all = allCrashPoints(hostRegistrations(noGround));
  const byWorkflow = life.map((workflow) => eachStepOnce(all, { workflow, seed }));
  const lives = Math.max(...byWorkflow.map((ofIt) => ofIt.length));
  return Array.from({ length: lives }, (_, index) => byWorkflow.flatMap((ofIt) => ofIt[index] ?? [])).flat();
}

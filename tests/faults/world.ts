import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { sql } from 'kysely';
import { systemClock } from '@hexabase/kernel/clock.ts';
import { newId, type OrganizationId, type WorkspaceId } from '@hexabase/kernel/id.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { startEngine } from '@hexabase/reconcile/engine.ts';
import type { BoundaryHook } from '@hexabase/reconcile/hooks.ts';
import {
  givenOrganization,
  requestOfWorkspace,
  requestProject,
  requestProjectDeletion,
  requestWorkspace,
  requestWorkspaceDeletion,
  requestWorkspaceUpdate,
  until,
} from '@hexabase/testkit/given.ts';
import { memoryCluster, type MemoryCluster } from '@hexabase/testkit/memory-cluster.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import type { CrashPoint } from './crash-points.ts';
import { productRegistrations, type Twist } from './registrations.ts';

/** A database and a cluster that outlive the workers on them. */
export interface World extends AsyncDisposable {
  test: TestDatabase;
  cluster: MemoryCluster;
  organization: OrganizationId;
}

export async function makeWorld(): Promise<World> {
  const test = await testDatabase();
  const cluster = await memoryCluster(test.admin);
  const organization = await givenOrganization(test.database);
  return {
    test,
    cluster,
    organization,
    async [Symbol.asyncDispose]() {
      await cluster[Symbol.asyncDispose]();
      await test.close();
    },
  };
}

/** Runs a worker in this process until nothing is left to do. */
export async function workUntilSettled(
  world: World,
  more: { boundary?: BoundaryHook; twist?: Twist } = {},
): Promise<void> {
  const { test, cluster } = world;
  await using _engine = await startEngine({
    database: test.database,
    registrations: productRegistrations(cluster.driver, more.twist),
    clock: systemClock,
    log: silentLogger,
    random: () => 0.001,
    ...(more.boundary ? { boundary: more.boundary } : {}),
  });
  await until(() => isSettled(world));
}

/** Nothing held, nothing failed, nothing due before the slow resync. */
async function isSettled({ test }: World): Promise<boolean> {
  const { rows } = await test.database.asWorker((tx) =>
    sql`select 1 from reconcile_queue where lease_owner is not null or attempts > 0 or due_at < now() + interval '1 minute' limit 1`.execute(
      tx,
    ),
  );
  return rows.length === 0;
}

/** Generous: on a machine that is busy otherwise a start alone takes seconds. */
const workerMsMax = 90_000;

/** Runs a worker process that dies at the given place. Throws when it ends in another way. */
export async function crashWorker(world: World, crash: CrashPoint): Promise<void> {
  const program = fileURLToPath(new URL('./worker-process.ts', import.meta.url));
  const child = spawn(process.execPath, [program, JSON.stringify({ admin: world.test.admin, crash })], {
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
  const late = setTimeout(() => child.kill('SIGTERM'), workerMsMax);
  const signal = await new Promise<NodeJS.Signals | null>((resolve) =>
    child.once('close', (_code, by) => resolve(by)),
  );
  clearTimeout(late);
  if (signal !== 'SIGKILL')
    throw new Error(`the worker did not reach ${JSON.stringify(crash)}: ${complaint}`);
}

/** The leases of a dead worker end after half a minute; here that time passes at once. */
export async function letLeasesEnd({ test }: World): Promise<void> {
  await test.database.asWorker((tx) =>
    sql`update reconcile_queue set lease_expires_at = now() where lease_owner is not null`.execute(tx),
  );
}

/** Brings about the situation in which a workflow runs: everything before it is settled, and it is asked for. */
export async function provoke(world: World, point: Pick<CrashPoint, 'kind' | 'workflow'>): Promise<void> {
  const { database } = world.test;
  switch (`${point.kind} ${point.workflow}`) {
    case 'workspace create':
      await requestWorkspace(database, world.organization);
      return;
    case 'workspace update':
      return requestWorkspaceUpdate(database, await activeWorkspace(world));
    case 'workspace sleep':
      return requestOfWorkspace(database, await activeWorkspace(world), 'sleep');
    case 'workspace wake': {
      const workspace = await activeWorkspace(world);
      await requestOfWorkspace(database, workspace, 'sleep');
      await workUntilSettled(world);
      return requestOfWorkspace(database, workspace, 'wake');
    }
    case 'workspace upgrade':
      return requestOfWorkspace(database, await activeWorkspace(world), { upgradeTo: '1.35' });
    case 'workspace delete': {
      const workspace = await activeWorkspace(world);
      await requestProject(database, workspace, 'shop');
      await workUntilSettled(world);
      return requestWorkspaceDeletion(database, workspace);
    }
    case 'pool refill':
      return wake(world, 'pool', 'refill');
    case 'pool-member keep':
      await workUntilSettled(world);
      await requestWorkspace(database, world.organization, 'the pool');
      return;
    case 'pool-member delete':
      await workUntilSettled(world);
      await addPoolMember(world);
      await workUntilSettled(world);
      return wake(world, 'pool', 'refill');
    case 'project create':
      await requestProject(database, await activeWorkspace(world), 'shop');
      return;
    case 'project update':
      return wake(world, 'project', await activeProject(world));
    case 'project delete':
      return requestProjectDeletion(database, await activeProject(world));
    case 'workspace-namespaces sync': {
      const workspace = await activeWorkspace(world);
      await makeNamespace(world, workspace);
      return wake(world, 'workspace-namespaces', workspace);
    }
    default:
      throw new Error(`tell here how ${point.kind} ${point.workflow} comes about`);
  }
}

async function activeWorkspace(world: World): Promise<WorkspaceId> {
  const workspace = await requestWorkspace(world.test.database, world.organization);
  await workUntilSettled(world);
  return workspace;
}

async function activeProject(world: World): Promise<string> {
  const project = await requestProject(world.test.database, await activeWorkspace(world), 'shop');
  await workUntilSettled(world);
  return project;
}

/** One more than there should be. */
async function addPoolMember({ test }: World): Promise<void> {
  const id = newId<'Workspace'>();
  await test.database.asWorker(async (tx) => {
    await sql`insert into pool_members (id, region, isolation, plan) values (${id}, 'local', 'shared', 'pro')`.execute(
      tx,
    );
    await sql`select hexabase.enqueue('pool-member', ${id})`.execute(tx);
  });
}

async function makeNamespace({ cluster }: World, workspace: WorkspaceId): Promise<void> {
  const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'lab' } };
  await cluster.kubectl(workspace, { method: 'POST', path: '/api/v1/namespaces', body });
}

async function wake({ test }: World, kind: string, key: string): Promise<void> {
  await test.database.asWorker((tx) => sql`select hexabase.enqueue(${kind}, ${key})`.execute(tx));
}

import { sql } from 'kysely';
import { agreePoolSizes } from '@hexabase/features/workspaces/reconcile/pool-store.ts';
import { newId, type OrganizationId, type WorkspaceId } from '@hexabase/kernel/id.ts';
import {
  givenOrganization,
  requestClone,
  requestOfWorkspace,
  requestProject,
  requestProjectDeletion,
  requestWorkspace,
  requestWorkspaceDeletion,
  requestWorkspaceUpdate,
} from '@hexabase/testkit/given.ts';
import { memoryCluster, type MemoryCluster } from '@hexabase/testkit/memory-cluster.ts';
import { testDatabase } from '@hexabase/testkit/test-database.ts';
import type { CrashPoint } from './crash-points.ts';
import { productRegistrations } from './registrations.ts';
import { workUntilSettled, type WorkPlace } from './workers.ts';

/** A database and a cluster that outlive the workers on them. */
export interface World extends WorkPlace, AsyncDisposable {
  cluster: MemoryCluster;
  organization: OrganizationId;
}

export async function makeWorld(): Promise<World> {
  const test = await testDatabase();
  const cluster = await memoryCluster(test.admin);
  const organization = await givenOrganization(test.database);
  await test.database.asWorker((tx) => agreePoolSizes(tx, { pro: 1 }));
  return {
    test,
    cluster,
    organization,
    registrations: (twist) =>
      productRegistrations({ driver: cluster.driver, database: test.database }, twist),
    workerProgram: new URL('./worker-process.ts', import.meta.url),
    orders: {},
    async [Symbol.asyncDispose]() {
      await cluster[Symbol.asyncDispose]();
      await test.close();
    },
  };
}

/** Brings about the situation in which a workflow runs: everything before it is settled, and it is asked for. */
export async function provoke(world: World, point: Pick<CrashPoint, 'kind' | 'workflow'>): Promise<void> {
  const { database } = world.test;
  switch (`${point.kind} ${point.workflow}`) {
    case 'workspace create':
      await requestWorkspace(database, world.organization);
      return;
    case 'workspace clone': {
      const workspace = await activeWorkspace(world);
      await makeNamespace(world, workspace);
      const body = {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'settings' },
        data: { of: workspace },
      };
      await world.cluster.kubectl(workspace, {
        method: 'POST',
        path: '/api/v1/namespaces/lab/configmaps',
        body,
      });
      await wake(world, 'workspace-namespaces', workspace);
      await workUntilSettled(world);
      await requestClone(database, workspace);
      return;
    }
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
      return wake(world, 'pool', 'refill');
    case 'project create':
      await requestProject(database, await activeWorkspace(world), 'shop');
      return;
    case 'project update':
      return wake(world, 'project', await activeProject(world));
    case 'project delete':
      return requestProjectDeletion(database, await activeProject(world));
    case 'workspace-access mirror': {
      const workspace = await activeWorkspace(world);
      await requestProject(database, workspace, 'shop');
      await workUntilSettled(world);
      return wake(world, 'workspace-access', workspace);
    }
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

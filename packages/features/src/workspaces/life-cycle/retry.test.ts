import { sql } from 'kysely';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { TenantConflictError } from '@hexabase/cluster/port.ts';
import type { Condition } from '@hexabase/kernel/conditions.ts';
import { systemClock } from '@hexabase/kernel/clock.ts';
import { createKeyVault } from '@hexabase/kernel/key-vault.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { startEngine } from '@hexabase/reconcile/engine.ts';
import { register } from '@hexabase/reconcile/registration.ts';
import {
  givenOrganization,
  requestWorkspace,
  requestWorkspaceUpdate,
  until,
} from '@hexabase/testkit/given.ts';
import { memoryCluster, type MemoryCluster } from '@hexabase/testkit/memory-cluster.ts';
import { testDatabase, type TestDatabase } from '@hexabase/testkit/test-database.ts';
import { workspaceReconciler } from '../reconcile/workspace-reconciler.ts';

let test1: TestDatabase;
let cluster: MemoryCluster;
let stack: AsyncDisposableStack;

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  test1 = stack.use(await testDatabase());
  cluster = stack.use(await memoryCluster(test1.admin));
  const { database, masterKey } = test1;
  const issuer = 'https://hexabase.example/oidc';
  const deps = { driver: cluster.driver, issuer, vault: createKeyVault(masterKey), database };
  const registrations = [register(workspaceReconciler(deps))];
  stack.use(await startEngine({ database, registrations, clock: systemClock, log: silentLogger }));
});
afterEach(() => stack.disposeAsync());

interface Row {
  phase: string;
  conditions: Condition[];
}

async function look(id: string): Promise<Row> {
  return test1.database.asWorker(async (tx) => {
    const found = await sql<Row>`select phase, conditions from workspaces where id = ${id}`.execute(tx);
    return found.rows[0] ?? { phase: 'gone', conditions: [] };
  });
}

const told = ({ conditions }: Row) =>
  Object.fromEntries(
    conditions
      .filter(({ type }) => ['Ready', 'Stalled', 'Synced'].includes(type))
      .map(({ type, status, reason }) => [type, `${status} ${reason}`]),
  );

test('a worker that tries again tells nothing of why it was given up, until it fails again', async () => {
  const cause = new TenantConflictError('There is no helm.', { reason: 'HelmUnusable' });
  const begun = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  let tries = 0;
  cluster.driver.ensureTenant = async () => {
    tries += 1;
    if (tries > 1) begun.resolve();
    if (tries === 2) await go.promise;
    throw cause;
  };
  const failed = { Ready: 'False HelmUnusable', Stalled: 'True HelmUnusable', Synced: 'False HelmUnusable' };
  const hasFailed = async (): Promise<Row | null> => {
    const row = await look(id);
    return row.phase === 'failed' ? row : null;
  };
  const id = await requestWorkspace(test1.database, await givenOrganization(test1.database));
  expect(told(await until(hasFailed))).toEqual(failed);
  await requestWorkspaceUpdate(test1.database, id);
  await begun.promise;
  const row = await look(id);
  expect(row.phase).toBe('provisioning');
  expect(told(row)).toEqual({
    Ready: 'Unknown Retrying',
    Stalled: 'False Retrying',
    Synced: 'Unknown Retrying',
  });
  expect(JSON.stringify(row)).not.toContain(cause.message);
  go.resolve();
  expect(told(await until(hasFailed))).toEqual(failed);
});

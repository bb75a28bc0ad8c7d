import { sql } from 'kysely';
import { expect, test } from 'vitest';
import type { ClusterDriver } from '@hexabase/cluster/port.ts';
import { systemClock } from '@hexabase/kernel/clock.ts';
import { findCondition, type Condition, type ConditionInput } from '@hexabase/kernel/conditions.ts';
import { createKeyVault } from '@hexabase/kernel/key-vault.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { startEngine } from '@hexabase/reconcile/engine.ts';
import { register } from '@hexabase/reconcile/registration.ts';
import { givenOrganization, requestOfWorkspace, requestWorkspace, until } from '@hexabase/testkit/given.ts';
import { memoryCluster } from '@hexabase/testkit/memory-cluster.ts';
import { testDatabase } from '@hexabase/testkit/test-database.ts';
import { workspaceReconciler } from './workspace-reconciler.ts';

test('pods in trouble are told beside a workspace that is ready, hold up no upgrade, and are told anew when somebody asks to look', async () => {
  await using stack = new AsyncDisposableStack();
  const { database, admin, masterKey } = stack.use(await testDatabase());
  const cluster = stack.use(await memoryCluster(admin));
  const type = 'WorkloadsRunning';
  let workloads: ConditionInput = {
    type,
    status: 'False',
    reason: 'InTrouble',
    message: 'No node takes 1 pod.',
  };
  const driver: ClusterDriver = {
    ...cluster.driver,
    async observeTenant(id, call) {
      const state = await cluster.driver.observeTenant(id, call);
      return state.kind === 'present' && state.ready ? { ...state, workloads } : state;
    },
  };
  const issuer = 'https://hexabase.example/oidc';
  const deps = { driver, issuer, vault: createKeyVault(masterKey), database };
  const registrations = [register(workspaceReconciler(deps))];
  stack.use(await startEngine({ database, registrations, clock: systemClock, log: silentLogger }));
  const id = await requestWorkspace(database, await givenOrganization(database));
  const told = (phase: string, status: string) =>
    until(() =>
      database.asWorker(async (tx) => {
        const found = await sql<{ version: string; conditions: Condition[] }>`
          select running_version as version, conditions from workspaces
          where id = ${id} and phase = ${phase} and observed_generation = generation`.execute(tx);
        const [row] = found.rows;
        return row && findCondition(row.conditions, type)?.status === status ? row : null;
      }),
    );
  const first = await told('active', 'False');
  expect(findCondition(first.conditions, 'Ready')).toMatchObject({ status: 'True' });
  expect(findCondition(first.conditions, type)).toMatchObject(workloads);

  expect(first.version).toBe('v1.34.0');
  await requestOfWorkspace(database, id, { upgradeTo: '1.35' });
  const upgraded = await told('active', 'False');
  expect(upgraded.version).toBe('v1.35.0');
  expect(findCondition(upgraded.conditions, 'Upgraded')).toMatchObject({ status: 'True' });

  workloads = { type, status: 'True', reason: 'NoTrouble', message: '' };
  await database.asWorker(async (tx) => sql`select hexabase.enqueue('workspace', ${id})`.execute(tx));
  await told('active', 'True');
});

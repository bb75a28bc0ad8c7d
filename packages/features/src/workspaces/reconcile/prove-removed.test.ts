import { driverByPlacement } from '@hexabase/cluster/drivers/by-placement.ts';
import type { ClusterDriver } from '@hexabase/cluster/port.ts';
import { newId, type WorkspaceId } from '@hexabase/kernel/id.ts';
import { memoryCluster } from '@hexabase/testkit/memory-cluster.ts';
import { testDatabase } from '@hexabase/testkit/test-database.ts';
import { expect, test } from 'vitest';
import { proveRemovedStep } from './tenant.ts';

/** Two host clusters, of which the second is lost while it is listed, and what is said of a workspace on each. */
async function sceneWith(stack: AsyncDisposableStack) {
  const { admin } = stack.use(await testDatabase());
  const { driver: healthy } = stack.use(await memoryCluster(admin));
  const lost: ClusterDriver = {
    ...healthy,
    listTenants: () => Promise.reject(new Error('no route to host')),
  };
  const places = new Map<WorkspaceId, string>();
  const hosts = new Map<string, ClusterDriver>([
    ['fra', healthy],
    ['nyc', lost],
  ]);
  const driver = driverByPlacement({
    builtIn: healthy,
    driverOf: (name) => hosts.get(name) ?? null,
    names: () => [...hosts.keys()],
    placementOf: async (id) => places.get(id) ?? null,
  });
  const step = proveRemovedStep({ driver, issuer: 'https://hexabase.example/oidc' });
  return async (host: string | null) => {
    const id = newId<'Workspace'>();
    if (host !== null) places.set(id, host);
    const plain = { organizationId: 'org', generation: 2, observedGeneration: 1, conditions: [] };
    const subject = { id, ...plain, operationId: null };
    return step.run?.({ subject, fence: 1, signal: AbortSignal.timeout(10_000) });
  };
}

test('a host cluster that is down holds up no deletion on the others, and proves none of its own', async () => {
  await using stack = new AsyncDisposableStack();
  const lookFor = await sceneWith(stack);
  for (const host of [null, 'fra'])
    expect(await lookFor(host)).toMatchObject({ kind: 'done', released: 'all' });
  expect(await lookFor('nyc')).toMatchObject({
    kind: 'wait',
    condition: { status: 'Unknown', message: expect.stringContaining('cannot be asked right now') },
  });
});

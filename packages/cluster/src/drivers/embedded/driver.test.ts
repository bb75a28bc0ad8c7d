import { afterAll, describe, expect, it } from 'vitest';
import { newId } from '@hexabase/kernel/id.ts';
import { openKubernetes } from '@hexabase/kubernetes/open-kubernetes.ts';
import { storeMigrations } from '@hexabase/kubernetes/store/migrations.ts';
import { createMemoryPersistence } from '@hexabase/kubernetes/store/persistence-memory.ts';
import { createPostgresPersistence } from '@hexabase/kubernetes/store/persistence-postgres.ts';
import type { Persistence } from '@hexabase/kubernetes/store/persistence.ts';
import type { UserInfo } from '@hexabase/kubernetes/types.ts';
import { testDatabase } from '@hexabase/testkit/test-database.ts';
import { driverConformance } from '../../conformance/driver-conformance.ts';
import type { DriverUnderTest, TestUser } from '../../conformance/driver-under-test.ts';
import { tenantSpec } from '../../conformance/scene.ts';
import { embeddedDriver } from './driver.ts';

/** Stands for the issuer of tokens: whoever it made a token for, in that workspace alone. */
function testTokens() {
  const users = new Map<string, UserInfo>();
  return {
    make(workspaceId: string, user: TestUser): string {
      const token = newId();
      users.set(`${workspaceId} Bearer ${token}`, user);
      return token;
    },
    find: (workspaceId: string, authorization: string | undefined) =>
      users.get(`${workspaceId} ${authorization}`) ?? null,
  };
}

function start(persistence: Persistence, tokens: ReturnType<typeof testTokens>) {
  const kubernetes = openKubernetes({
    persistence,
    authenticatorOf: (id) => async (request) => tokens.find(id, request.headers.authorization),
  });
  return {
    kubernetes,
    driver: embeddedDriver(kubernetes),
    [Symbol.asyncDispose]: () => kubernetes[Symbol.asyncDispose](),
  };
}

async function underTest(persistence: Persistence, close: () => Promise<void>): Promise<DriverUnderTest> {
  const tokens = testTokens();
  let running = start(persistence, tokens);
  return {
    driver: () => running.driver,
    tokenFor: async (workspaceId, user) => tokens.make(workspaceId, user),
    async restart() {
      await running[Symbol.asyncDispose]();
      running = start(persistence, tokens);
    },
    async [Symbol.asyncDispose]() {
      await running[Symbol.asyncDispose]();
      await close();
    },
  };
}

driverConformance('embedded in memory', {
  make: () => underTest(createMemoryPersistence(), async () => undefined),
});

driverConformance('embedded on PostgreSQL', {
  async make() {
    const test = await testDatabase({ migrations: storeMigrations });
    return underTest(createPostgresPersistence(test.database.openPool('hexabase_kube', 4)), () =>
      test.close(),
    );
  },
});

describe('two processes on one database', () => {
  const stack = new AsyncDisposableStack();
  afterAll(() => stack.disposeAsync());

  it('keep each other’s fences, however their calls cross', async () => {
    const test = stack.use(await testDatabase({ migrations: storeMigrations }));
    const [old, young] = [1, 2].map(() =>
      stack.use(start(createPostgresPersistence(test.database.openPool('hexabase_kube', 4)), testTokens())),
    );
    const call = { signal: AbortSignal.timeout(20_000) };
    const specs = Array.from({ length: 20 }, () => tenantSpec({ fence: 1 }));
    await Promise.allSettled(
      specs.flatMap((spec) => [
        old?.driver.ensureTenant(spec, call),
        young?.driver.removeTenant(spec.workspaceId, 2, call),
        old?.driver.ensureTenant(spec, call),
      ]),
    );
    expect(await young?.driver.listTenants(call)).toEqual([]);
  });
});

describe('a repeated ensure', () => {
  it('by the next owner leaves a cluster at rest unloaded', async () => {
    const persistence = createMemoryPersistence();
    const call = { signal: AbortSignal.timeout(20_000) };
    const spec = tenantSpec();
    await using first = start(persistence, testTokens());
    await first.driver.ensureTenant(spec, call);
    expect(first.kubernetes.stats().loadedClusters).toBe(1);
    await using second = start(persistence, testTokens());
    await second.driver.ensureTenant({ ...spec, fence: spec.fence + 1 }, call);
    expect(second.kubernetes.stats().loadedClusters).toBe(0);
  });
});

import { systemClock } from '@hexabase/kernel/clock.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import { baseObjects } from '@hexabase/kubernetes/bootstrap/objects.ts';
import { createKubernetes } from '@hexabase/kubernetes/kubernetes.ts';
import { createMemoryPersistence } from '@hexabase/kubernetes/store/persistence-memory.ts';
import { createStores } from '@hexabase/kubernetes/store/stores.ts';
import type { TenantApis } from '../../faults/host/tenants.ts';

const token = 'administrator';

/** A Kubernetes for each tenant: the one of the embedded driver, in this process and in memory, without controllers. */
export function ownTenantApis(): TenantApis {
  const stores = createStores({
    persistence: createMemoryPersistence(),
    clock: systemClock,
    log: silentLogger,
    base: baseObjects(),
  });
  const kubernetes = createKubernetes({
    stores,
    clock: systemClock,
    log: silentLogger,
    controllers: false,
    authenticatorOf: () => async (request) =>
      request.headers.authorization === `Bearer ${token}`
        ? { username: token, groups: ['system:masters', 'system:authenticated'] }
        : null,
  });
  const made = new Map<string, Promise<unknown>>();
  return {
    token,
    async answer(tenant, incoming, outgoing) {
      const config = { authorization: 'RBAC', nodes: [], basePath: '' } as const;
      const making = made.get(tenant) ?? kubernetes.ensureCluster(tenant, config);
      made.set(tenant, making);
      await making;
      kubernetes.handle(tenant, incoming, outgoing);
    },
    async [Symbol.asyncDispose]() {
      await kubernetes[Symbol.asyncDispose]();
      await stores[Symbol.asyncDispose]();
    },
  };
}

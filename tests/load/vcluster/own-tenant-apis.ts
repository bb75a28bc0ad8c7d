import { openKubernetes } from '@hexabase/kubernetes/open-kubernetes.ts';
import { tokenAuthenticator } from '@hexabase/kubernetes/serve.ts';
import type { TenantApis } from '../../faults/host/tenants.ts';

const token = 'administrator';

/** A Kubernetes for each tenant: the one of the embedded driver, in this process and in memory, without controllers. */
export function ownTenantApis(): TenantApis {
  const authenticate = tokenAuthenticator({ token });
  const kubernetes = openKubernetes({ controllers: false, authenticatorOf: () => authenticate });
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
    [Symbol.asyncDispose]: () => kubernetes[Symbol.asyncDispose](),
  };
}

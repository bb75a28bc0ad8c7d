import { Agent } from 'node:https';
import type { OwnHost } from '@hexabase/testkit/host-cluster.ts';
import { startKubeApiServer } from '@hexabase/testkit/kube-api-server.ts';
import { giveBack, passOn } from './fault-proxy.ts';
import type { TenantApis } from './tenants.ts';

const administrator = { token: 'administrator', name: 'administrator', groups: ['system:masters'] };

/** One real kube-apiserver for all tenants: what one of them stores, the others see. */
export async function startSharedTenantApi({ binaries }: Pick<OwnHost, 'binaries'>): Promise<TenantApis> {
  const api = await startKubeApiServer(binaries, [administrator]);
  const agent = new Agent({ ca: api.certificateAuthority, keepAlive: true });
  return {
    token: administrator.token,
    async answer(_tenant, incoming, outgoing) {
      await passOn(incoming, { url: api.url, agent }).then(
        (answered) => giveBack(answered, outgoing),
        () => outgoing.destroy(),
      );
    },
    async [Symbol.asyncDispose]() {
      agent.destroy();
      await api[Symbol.asyncDispose]();
    },
  };
}

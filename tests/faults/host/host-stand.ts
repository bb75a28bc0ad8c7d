import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { vclusterDriver } from '@hexabase/cluster/drivers/vcluster/driver.ts';
import { fieldOf, textOf } from '@hexabase/cluster/drivers/vcluster/host/objects.ts';
import { fenceNamespace, hostAccount } from '@hexabase/cluster/drivers/vcluster/names.ts';
import { defaultImages } from '@hexabase/cluster/drivers/vcluster/options.ts';
import { ensureHostPolicies } from '@hexabase/cluster/drivers/vcluster/policies/ensure-host-policies.ts';
import { hostRbac } from '@hexabase/cluster/drivers/vcluster/policies/host-rbac.ts';
import { applyObject } from '@hexabase/cluster/kube-api/apply.ts';
import { createKubeClient, type KubeClient } from '@hexabase/cluster/kube-api/client.ts';
import { resourcePath } from '@hexabase/cluster/kube-api/resource-path.ts';
import type { ClusterDriver } from '@hexabase/cluster/port.ts';
import { systemClock } from '@hexabase/kernel/clock.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import type { OwnHost } from '@hexabase/testkit/host-cluster.ts';
import { startKubeApiServer } from '@hexabase/testkit/kube-api-server.ts';
import { startFaultProxy, type FaultProxy } from './fault-proxy.ts';
import { startSharedTenantApi } from './shared-tenant-api.ts';
import { startTenants, type TenantApis } from './tenants.ts';

/**
 * A host cluster of this suite's own: a real kube-apiserver with etcd and the real controllers, our admission policies,
 * and an account with the rights that the documents ask for and no others. Nodes and what runs in pods are stand-ins
 * (see `tenants.ts`); the tenants' APIs are all one real kube-apiserver, unless others are given.
 */
export interface HostStand extends AsyncDisposable {
  administrator: KubeClient;
  /** With the rights of the product and nothing in between. */
  account: KubeClient;
  /** Between the product and the host. */
  proxy: FaultProxy;
  /** What a process needs to work on it. */
  orders: HostOrders;
}

/** Can be told to another process. */
export interface HostOrders {
  server: string;
  certificateAuthority: string;
  token: string;
  tenantPort: number;
  chart: string;
  helm: string;
  chartDigest?: string;
  /** Where tenants find the issuer's document, when not at the issuer itself. */
  discoveryUrl?: string;
  callTimeoutMs?: number;
  /** How far the clock is ahead by which workspaces are patient. */
  aheadMs?: number;
}

const administrator = { token: 'administrator', name: 'administrator', groups: ['system:masters'] };
export const hostName = 'stand';

export async function startHostStand(
  { binaries, chart, helm }: OwnHost,
  tenancy: { apis?: TenantApis; lookMs?: number } = {},
): Promise<HostStand> {
  const stack = new AsyncDisposableStack();
  try {
    const [host, apis] = await Promise.all([
      startKubeApiServer(binaries, [administrator], { controllers: true }).then((one) => stack.use(one)),
      tenancy.apis ?? startSharedTenantApi({ binaries }).then((one) => stack.use(one)),
    ]);
    const { url: server, certificateAuthority } = host;
    const client = stack.use(
      createKubeClient({
        server,
        certificateAuthority,
        credentials: { kind: 'token', token: administrator.token },
      }),
    );
    const token = await givenAccount(client);
    const account = stack.use(
      createKubeClient({ server, certificateAuthority, credentials: { kind: 'token', token } }),
    );
    await ensureHostPolicies(client);
    const tenants = stack.use(await startTenants(client, apis, tenancy));
    const proxy = stack.use(await startFaultProxy(host));
    const { server: proxied, certificateAuthority: authority } = proxy;
    const orders = {
      server: proxied,
      certificateAuthority: authority,
      token,
      tenantPort: tenants.port,
      chart,
      helm,
    };
    const parts = stack.move();
    return {
      administrator: client,
      account,
      proxy,
      orders,
      [Symbol.asyncDispose]: () => parts.disposeAsync(),
    };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

/** What an administrator of a host applies once; answers the account's token. */
async function givenAccount(client: KubeClient): Promise<string> {
  for (const object of hostRbac())
    await applyObject(client, object, { fieldManager: 'administrator', force: true });
  const path = resourcePath('v1', 'Secret', { namespace: fenceNamespace, name: `${hostAccount}-token` });
  for (;;) {
    const { body } = await client.request({ method: 'GET', path });
    const token = textOf(fieldOf(body, 'data', 'token'));
    if (token !== '') return Buffer.from(token, 'base64').toString('utf8');
    await sleep(50);
  }
}

/** The product's driver on it, in any process. */
export function driverOn(orders: HostOrders): ClusterDriver & AsyncDisposable {
  const { server, certificateAuthority, token, callTimeoutMs = 10_000 } = orders;
  const host = createKubeClient(
    { server, certificateAuthority, credentials: { kind: 'token', token } },
    { callTimeoutMs },
  );
  const driver = vclusterDriver({
    host,
    hostName,
    chart: { source: { location: orders.chart, digest: orders.chartDigest ?? null }, helm: orders.helm },
    images: defaultImages,
    kubernetesVersions: ['v1.34.4', 'v1.35.2'],
    issuerAuthority: null,
    ...(orders.discoveryUrl !== undefined && { discoveryUrl: orders.discoveryUrl }),
    reach: async () => connect(orders.tenantPort, '127.0.0.1'),
    clock: systemClock,
    log: silentLogger,
  });
  return {
    ...driver,
    async [Symbol.asyncDispose]() {
      await driver[Symbol.asyncDispose]();
      host[Symbol.dispose]();
    },
  };
}

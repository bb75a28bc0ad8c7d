import { once } from 'node:events';
import { createServer } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { tenantSpec } from '@hexabase/cluster/conformance/scene.ts';
import { vclusterDriver } from '@hexabase/cluster/drivers/vcluster/driver.ts';
import { hostUnderTest } from '@hexabase/testkit/vcluster-under-test.ts';
import type { ClusterDriver, TenantClient } from '@hexabase/cluster/port.ts';
import { createGateway } from '@hexabase/gateway/gateway.ts';
import { makeAuthority, signServer } from '@hexabase/kernel/certificates/sign-certificates.ts';
import { systemClock } from '@hexabase/kernel/clock.ts';
import { AppError } from '@hexabase/kernel/errors.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import type { WorkspaceId } from '@hexabase/kernel/id.ts';
import type { KubeAccess } from '@hexabase/oidc/kube-access.ts';
import type { HostCluster } from '@hexabase/testkit/host-cluster.ts';

/** One real vCluster behind two gateways that differ only in their way to it, and an administrator's token for it. */
export interface TenantGateway extends AsyncDisposable {
  workspaceId: WorkspaceId;
  token: string;
  /** Server addresses for kubectl: the API itself, a gateway that dials its service, a gateway that uses a tunnel. */
  urls: { direct: string; service: string; tunnel: string };
  /** PEM of the authorities of the gateways and of the API itself, by the same names. */
  authorities: { direct: string; gateway: string };
  tenant: TenantClient;
}

const group = 'hexabase:ws-admins';
const address = '127.0.0.1';

/** Makes the tenant, which takes some 20 s, and removes it at the end. */
export async function openTenantGateway(given: HostCluster): Promise<TenantGateway> {
  await using opening = new AsyncDisposableStack();
  const under = opening.use(await hostUnderTest(given));
  const spec = tenantSpec({});
  const { workspaceId } = spec;
  const driver = under.driver();
  await readyTenant(driver, spec);
  const tenant = driver.tenantClient(workspaceId);
  await letAdministratorsIn(tenant);
  const token = under.issuer.tokenFor(workspaceId, {
    username: 'hexabase:ada@example.test',
    groups: [group],
  });
  const tunnelled = opening.use(vclusterDriver({ ...under.options, reach: 'tunnel' }));
  const authority = makeAuthority([address], Date.now());
  const open = async (through: ClusterDriver): Promise<string> => {
    const gateway = opening.use(
      await createGateway({
        access: accessWith(token),
        driver: through,
        audit: { write: async () => undefined },
        clock: systemClock,
        log: silentLogger,
      }),
    );
    const certificate = signServer(authority, [address], Date.now());
    const server = createServer({
      cert: certificate.certPem,
      key: certificate.keyPem,
      shouldUpgradeCallback: gateway.upgrades,
    });
    server.on('request', (request, response) => gateway.handle(request, response));
    server.on('upgrade', (request, socket, head) => gateway.upgrade(request, socket, head));
    server.listen(0, address);
    await once(server, 'listening');
    opening.defer(() => {
      server.closeAllConnections();
      server.close();
    });
    const bound = server.address();
    const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
    return `https://${address}:${port}/k8s/workspaces/${workspaceId}`;
  };
  const direct = await driver.upstream(workspaceId);
  if (direct.kind !== 'url') throw new Error('the tenant has no address');
  const urls = { direct: direct.url, service: await open(driver), tunnel: await open(tunnelled) };
  const opened = opening.move();
  return {
    workspaceId,
    token,
    urls,
    authorities: { direct: direct.certificateAuthority, gateway: authority.certPem },
    tenant,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

async function readyTenant(driver: ClusterDriver, spec: ReturnType<typeof tenantSpec>): Promise<void> {
  const signal = AbortSignal.timeout(240_000);
  await driver.ensureTenant(spec, { signal });
  for (;;) {
    const state = await driver.observeTenant(spec.workspaceId, { signal });
    if (state.kind === 'present' && state.ready) return;
    await sleep(500, undefined, { signal });
  }
}

async function letAdministratorsIn(tenant: TenantClient): Promise<void> {
  const { status } = await tenant.request({
    method: 'POST',
    path: '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings',
    body: {
      metadata: { name: 'administrators' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: group }],
    },
  });
  if (status !== 201) throw new Error(`the binding was answered with ${status}`);
}

/** Sessions are PostgreSQL's business and tested there; here one token is good. */
function accessWith(token: string): KubeAccess {
  const nothing = async () => ({ [Symbol.asyncDispose]: async () => undefined });
  return {
    async verify(given, id) {
      if (given !== token) throw new AppError('unauthenticated');
      const now = Math.floor(Date.now() / 1000);
      return {
        sub: 'ada',
        sid: 's',
        email: 'ada@example.test',
        email_verified: true,
        groups: [group],
        iss: 'i',
        aud: `ws:${id}`,
        typ: 'kube',
        iat: now,
        exp: now + 900,
        jti: 'j',
        ep: 0,
      };
    },
    session: async () => ({ epoch: 0, withheld: [] }),
    findWorkspace: async (id) => ({ id, organizationId: 'acme', servable: true, asleep: false }),
    onWorkspaceChange: nothing,
    onRevocation: nothing,
    noteUse: async () => undefined,
  };
}

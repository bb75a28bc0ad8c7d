import { readFileSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '@hexabase/kernel/clock.ts';
import type { WorkspaceId } from '@hexabase/kernel/id.ts';
import { silentLogger } from '@hexabase/kernel/log.ts';
import type { HostCluster } from './host-cluster.ts';
import { testIssuer, type TestIssuer } from './test-issuer.ts';
import type { DriverUnderTest } from '@hexabase/cluster/conformance/driver-under-test.ts';
import { applyObject } from '@hexabase/cluster/kube-api/apply.ts';
import { createKubeClient, type KubeClient } from '@hexabase/cluster/kube-api/client.ts';
import { parseKubeconfig } from '@hexabase/cluster/kube-api/endpoint.ts';
import { resourcePath } from '@hexabase/cluster/kube-api/resource-path.ts';
import type { ClusterDriver } from '@hexabase/cluster/port.ts';
import { vclusterDriver } from '@hexabase/cluster/drivers/vcluster/driver.ts';
import { fieldOf, listOf, textOf } from '@hexabase/cluster/drivers/vcluster/host/objects.ts';
import { fenceNameOf, fenceNamespace, namesOf } from '@hexabase/cluster/drivers/vcluster/names.ts';
import { defaultImages, type VclusterDriverOptions } from '@hexabase/cluster/drivers/vcluster/options.ts';

/** The driver on a host cluster that others use too: everything that was made goes again. */
export interface HostUnderTest extends DriverUnderTest {
  host: KubeClient;
  options: VclusterDriverOptions;
  issuer: TestIssuer;
  /** Begins to remove every tenant that was made so far. */
  removeMade(): void;
}

const newestFence = Number.MAX_SAFE_INTEGER;

export async function hostUnderTest(
  given: HostCluster,
  changes: Partial<VclusterDriverOptions> = {},
): Promise<HostUnderTest> {
  const issuer = await testIssuer(given.issuerAddress ?? '127.0.0.1');
  const host = createKubeClient(parseKubeconfig(readFileSync(given.kubeconfig, 'utf8')));
  const optionsNow = () => ({ ...optionsFor(given, { host, issuer }), ...changes });
  let driver = vclusterDriver(optionsNow());
  const made = madeTenants(host, () => driver);
  const letIn = async (workspaceId: WorkspaceId): Promise<void> => {
    const { reach } = optionsNow();
    if (reach === 'service' && given.issuerAddress)
      await letMachineIn(host, workspaceId, given.issuerAddress);
  };
  return {
    host,
    options: optionsNow(),
    issuer,
    removeMade: made.remove,
    // The suite's issuer is nowhere; tokens come from the one that runs here.
    driver: () => made.noted(driver, issuer.issuer, letIn),
    tokenFor: async (workspaceId, user) => issuer.tokenFor(workspaceId, user),
    async restart() {
      await driver[Symbol.asyncDispose]();
      driver = vclusterDriver(optionsNow());
    },
    async [Symbol.asyncDispose]() {
      made.remove();
      await made.gone();
      await driver[Symbol.asyncDispose]();
      await issuer[Symbol.asyncDispose]();
      host[Symbol.dispose]();
    },
  };
}

function optionsFor(
  { chart, helm, tenantKubernetesVersion }: HostCluster,
  { host, issuer }: { host: KubeClient; issuer: TestIssuer },
): VclusterDriverOptions {
  if (chart === null || helm === null) throw new Error('the host cluster comes without chart or helm');
  return {
    host,
    hostName: 'under-test',
    chart: { source: { location: chart, digest: null }, helm },
    images: { ...defaultImages, coreDns: 'docker.io/coredns/coredns:1.14.7' },
    kubernetesVersions: [tenantKubernetesVersion ?? 'v1.34.4'],
    issuerAuthority: issuer.certificateAuthority,
    reach: 'service',
    clock: systemClock,
    log: silentLogger,
  };
}

/**
 * A driver that reaches services runs in a pod of the host, whose namespace is let in. Here it runs beside: an administrator
 * lets the addresses in by which it comes, which are those of nodes where one leads to a pod on another.
 */
async function letMachineIn(host: KubeClient, workspaceId: WorkspaceId, machine: string): Promise<void> {
  const { namespace } = namesOf(workspaceId);
  const nodes = listOf(fieldOf((await host.request({ method: 'GET', path: '/api/v1/nodes' })).body, 'items'))
    .flatMap((node) => listOf(fieldOf(node, 'status', 'addresses')))
    .filter(({ type }) => type === 'InternalIP')
    .map(({ address }) => textOf(address))
    .filter(isIPv4);
  const from = [machine, ...nodes].map((address) => ({ ipBlock: { cidr: `${address}/32` } }));
  const policy = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'this-machine', namespace },
    spec: { podSelector: {}, ingress: [{ from }] },
  };
  await applyObject(host, policy, { fieldManager: 'test' });
}

/** Remembers whatever may have been made. */
function madeTenants(host: KubeClient, current: () => ClusterDriver) {
  const made = new Set<WorkspaceId>();
  const removals: Promise<void>[] = [];

  async function removeOne(workspaceId: WorkspaceId): Promise<void> {
    const call = { signal: AbortSignal.timeout(180_000) };
    while ((await current().removeTenant(workspaceId, newestFence, call)).left.length > 0) await sleep(500);
    // Refused where the policies are installed: there it stays, as it does for everybody.
    const record = { namespace: fenceNamespace, name: fenceNameOf(workspaceId) };
    await host.request({ method: 'DELETE', path: resourcePath('v1', 'ConfigMap', record) });
  }

  return {
    remove(): void {
      for (const id of made) removals.push(removeOne(id));
      made.clear();
    },
    gone: () => Promise.all(removals),
    noted: (
      driver: ClusterDriver,
      issuer: string,
      letIn: (workspaceId: WorkspaceId) => Promise<void>,
    ): ClusterDriver => ({
      ...driver,
      async ensureTenant(spec, call) {
        made.add(spec.workspaceId);
        await driver.ensureTenant({ ...spec, identity: { ...spec.identity, issuer } }, call);
        await letIn(spec.workspaceId);
      },
      removeTenant(workspaceId, fence, call) {
        made.add(workspaceId);
        return driver.removeTenant(workspaceId, fence, call);
      },
    }),
  };
}

import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { HostCluster } from '@hexabase/testkit/host-cluster.ts';
import { startProduct, type Product } from './product.ts';
import { kubectls } from './programs.ts';

/** As it is imported on the host; it has a shell and a web server, and runs as anybody. */
export const hostImage = 'docker.io/library/busybox:1.35';

/** The product of `hks up --host-kubeconfig`, at an address that the host's pods reach. */
export async function startOnHost(
  host: HostCluster | null,
  settings: NodeJS.ProcessEnv = {},
): Promise<Product> {
  const address = host?.issuerAddress ?? '';
  const port = String(await freePort(address));
  const flags = ['--listen', '0.0.0.0', '--https-port', port, '--public-url', `https://${address}:${port}`];
  return startProduct(['--host-kubeconfig', host?.kubeconfig ?? '', ...flags], {
    ...hostSettings(host),
    ...settings,
  });
}

/** The oldest and the newest of those that the plain run tests with; else the one that was built with the host. */
export function hostKubectls(host: HostCluster | null): Record<string, string> {
  const known = Object.entries(kubectls());
  if (known.length > 0) return Object.fromEntries([...known.slice(0, 1), ...known.slice(-1)]);
  const built = host?.binaries ? join(host.binaries, 'kubectl') : '';
  return existsSync(built) ? { built } : {};
}

/** What the suites of a host cluster are told, as an operator of a host without internet sets it. */
function hostSettings(host: HostCluster | null): NodeJS.ProcessEnv {
  return {
    ...(host?.chart && { HKS_VCLUSTER_CHART: host.chart }),
    ...(host?.helm && { HKS_HELM: host.helm }),
    ...(host?.tenantKubernetesVersion && { HKS_TENANT_KUBERNETES_VERSION: host.tenantKubernetesVersion }),
    ...Object.fromEntries(
      ['HKS_VCLUSTER_IMAGE', 'HKS_KUBERNETES_IMAGE', 'HKS_COREDNS_IMAGE', 'HKS_IMAGE_PULL_POLICY'].flatMap(
        (name) => (process.env[name] ? [[name, process.env[name]]] : []),
      ),
    ),
  };
}

function freePort(address: string): Promise<number> {
  const server = createServer();
  return new Promise((done, fail) => {
    server.once('error', fail);
    server.listen(0, address, () => {
      const bound = server.address();
      server.close(() => done(typeof bound === 'object' && bound ? bound.port : 0));
    });
  });
}

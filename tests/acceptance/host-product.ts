import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '@hexabase/testkit/free-port.ts';
import type { HostCluster } from '@hexabase/testkit/host-cluster.ts';
import { startProduct, type Product } from './product.ts';
import { kubectls } from './programs.ts';

/** As it is imported on the host; it has a shell and a web server, and runs as anybody. */
export const hostImage = 'docker.io/library/busybox:1.35';

/** What a container of it does that only has to be there; it ends when it is asked to. */
export const idling = ['--', 'sh', '-c', 'trap exit TERM; while true; do sleep 1; done'];

/** The product of `hks up --host-kubeconfig`, at an address that the host's pods reach. */
export async function startOnHost(
  host: HostCluster | null,
  settings: NodeJS.ProcessEnv = {},
): Promise<Product> {
  return startProduct(await hostFlags(host), {
    ...hostSettings(host),
    // An address that others reach takes no passwords by itself, nor adds strangers; those of the people in these suites are.
    HKS_PASSWORDS: 'on',
    HKS_ADD_MEMBERS: 'anybody',
    ...settings,
  });
}

/** What `hks up` is started with then; the port stays with them, so that a start may be repeated. */
export async function hostFlags(host: HostCluster | null): Promise<string[]> {
  const address = host?.issuerAddress ?? '';
  const port = String(await freePort(address));
  const reached = ['--listen', '0.0.0.0', '--https-port', port, '--public-url', `https://${address}:${port}`];
  return ['--host-kubeconfig', host?.kubeconfig ?? '', ...reached];
}

/** The oldest and the newest of those that the plain run tests with; else the one that was built with the host. */
export function hostKubectls(host: HostCluster | null): Record<string, string> {
  const known = Object.entries(kubectls());
  if (known.length > 0) return Object.fromEntries([...known.slice(0, 1), ...known.slice(-1)]);
  const built = host?.binaries ? join(host.binaries, 'kubectl') : '';
  return existsSync(built) ? { built } : {};
}

/** What the suites of a host cluster are told, as an operator of a host without internet sets it. */
export function hostSettings(host: HostCluster | null): NodeJS.ProcessEnv {
  return {
    // The static shell of the test image crashes on https: it brings a program of its own.
    ...(host?.binaries && { HKS_CHECK_COMMAND: '/bin/netcheck get "$URL"' }),
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

/** The first answer that is something. Throws after so many seconds without one. */
export async function until<T>(look: () => Promise<T | undefined | false | ''>, seconds = 240): Promise<T> {
  const end = performance.now() + seconds * 1_000;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false && found !== '') return found;
    if (performance.now() > end) throw new Error(`nothing came of it within ${seconds} s`);
    await sleep(1_000);
  }
}

/** How much of a host cluster is real; each level holds the ones before it. */
export type HostLevel = (typeof hostLevels)[number];

/**
 * `kwok`: the control plane is real, nodes and pods are not. `node`: real kubelets, containers, services, volumes and
 * metrics as well. `tenant`: and the images and the chart of a vCluster.
 */
export const hostLevels = ['kwok', 'node', 'tenant'] as const;

/** The host cluster that `./hks test host` has started, or the one that `HKS_TEST_HOST_KUBECONFIG` names. */
export interface HostCluster {
  level: HostLevel;
  /** Path of a kubeconfig with administrator's rights. */
  kubeconfig: string;
  /** Folder with kube-apiserver, etcd, kubectl, …; null on a cluster that somebody else has built. */
  binaries: string | null;
  /** Folder, `.tgz` or address of the vCluster chart; null for the product's default. */
  chart: string | null;
  /** Path of helm; null for the product's default. */
  helm: string | null;
  /** Kubernetes of the tenants, `v1.34.4`; null for the product's default. */
  tenantKubernetesVersion: string | null;
  /** One minor below, `v1.33.13`, with an image on the host; null where there is none to upgrade from. */
  earlierKubernetesVersion: string | null;
  /** An address of this machine that pods reach: an issuer or our own server listens there. */
  issuerAddress: string | null;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The host cluster of this test run when it is at least of this level, null when there is none: the suite is skipped
 * then, `describe.skipIf(hostCluster('tenant') === null)`.
 */
export function hostCluster(level: HostLevel, environment: Environment = process.env): HostCluster | null {
  const setting = (name: string): string | null => environment[name] || null;
  const kubeconfig = setting('HKS_TEST_HOST_KUBECONFIG');
  const given = hostLevels.find((known) => known === setting('HKS_TEST_HOST_LEVEL'));
  if (kubeconfig === null || given === undefined) return null;
  if (hostLevels.indexOf(given) < hostLevels.indexOf(level)) return null;
  return {
    level: given,
    kubeconfig,
    binaries: kubeBinaries(environment),
    chart: setting('HKS_VCLUSTER_CHART'),
    helm: setting('HKS_HELM'),
    tenantKubernetesVersion: setting('HKS_TENANT_KUBERNETES_VERSION'),
    earlierKubernetesVersion: setting('HKS_TEST_EARLIER_KUBERNETES_VERSION'),
    issuerAddress: setting('HKS_TEST_HOST_ISSUER_ADDRESS'),
  };
}

/** Folder of the binaries for suites that start a control plane of their own and need no host cluster; or null. */
export function kubeBinaries(environment: Environment = process.env): string | null {
  return environment['HKS_KUBE_BIN'] || null;
}

/** What a suite needs that starts a host of its own with stand-ins for its nodes. */
export interface OwnHost {
  binaries: string;
  chart: string;
  helm: string;
}

/** Null where one of it is missing: such suites are skipped then. */
export function ownHost(environment: Environment = process.env): OwnHost | null {
  const { HKS_VCLUSTER_CHART: chart, HKS_HELM: helm } = environment;
  const binaries = kubeBinaries(environment);
  return binaries && chart && helm ? { binaries, chart, helm } : null;
}

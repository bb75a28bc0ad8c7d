import { join, resolve } from 'node:path';

/** Where everything lies, what addresses it has and which versions it is. One host cluster at a time in a checkout. */
export const checkout = resolve(import.meta.dirname, '../..');

const base = join(checkout, '.hks/hostcluster');

export const folders = {
  modules: join(import.meta.dirname, 'modules'),
  /** Kept between runs: what takes long to make. */
  binaries: join(base, 'bin'),
  chart: join(base, 'chart'),
  images: join(base, 'images'),
  /** What containerd has imported, by node. */
  containerd: join(base, 'containerd'),
  /** Made anew by every start. */
  run: join(base, 'run'),
  logs: join(base, 'logs'),
} as const;

export const versions = {
  kubernetes: '1.34.4',
  /** One minor before, for suites that upgrade. */
  kubernetesEarlier: '1.33.13',
  vcluster: '0.36.1',
  coredns: '1.14.7',
  kubeRouter: '2.1.0',
  kyverno: '1.19.1',
  oauth2Proxy: '7.6.0',
  busybox: '1.35',
} as const;

/**
 * A link of our own between this machine and the nodes, each of which is a network namespace. The addresses are private
 * ones that neither the usual defaults of Kubernetes (10.96, 10.244) nor those of k3s (10.42, 10.43) use.
 */
export const network = {
  bridge: 'hks-host',
  /** This machine: the API server listens here, and issuers and servers of tests that pods must reach. */
  machine: '10.246.0.1',
  prefix: 24,
  apiPort: 6443,
  podCidr: '10.230.0.0/16',
  serviceCidr: '10.231.0.0/16',
  kubernetesService: '10.231.0.1',
  dnsService: '10.231.0.10',
  fakePodCidr: '10.232.0.0/16',
} as const;

/** A real node. Addresses follow from the number, which begins with 1. */
export interface NodePlan {
  number: number;
  name: string;
  address: string;
  podCidr: string;
  /** The end of the cable on this machine; at most 15 characters. */
  link: string;
  cgroup: string;
  labels: Readonly<Record<string, string>>;
  taints: readonly { key: string; value: string; effect: string }[];
}

/**
 * The first node takes everything. Each further one is for suites about nodes of one's own: nothing lands on it without
 * tolerating its taint; such a suite puts its own labels and taints there and takes them off again.
 */
export function nodePlan(number: number): NodePlan {
  const extra = number > 1;
  return {
    number,
    name: `node${number}`,
    address: `10.246.0.${10 + number}`,
    podCidr: `10.230.${number}.0/24`,
    link: `hks-node${number}`,
    cgroup: `hks-node${number}`,
    labels: { 'hexabase.test/node': extra ? 'extra' : 'first' },
    taints: extra ? [{ key: 'hexabase.test/node', value: 'extra', effect: 'NoSchedule' }] : [],
  };
}

/** Image names as upstream's charts and manifests write them; the contents are built from Go modules. */
export const imageNames = {
  pause: 'registry.k8s.io/pause:3.10',
  busybox: `docker.io/library/busybox:${versions.busybox}`,
  exampleJob: 'docker.io/library/busybox:1.36',
  exampleWeb: 'docker.io/nginxinc/nginx-unprivileged:1.27',
  coredns: `docker.io/coredns/coredns:${versions.coredns}`,
  kubernetes: `ghcr.io/loft-sh/kubernetes:v${versions.kubernetes}`,
  kubernetesEarlier: `ghcr.io/loft-sh/kubernetes:v${versions.kubernetesEarlier}`,
  vcluster: `ghcr.io/loft-sh/vcluster-oss:${versions.vcluster}`,
} as const;

import { hostLevels, type HostLevel } from '@hexabase/testkit/host-cluster.ts';
import { earlierBuilds } from '../earlier-kubernetes.ts';
import { versions } from '../settings.ts';

/** One call of `go build`: programs of one module. */
export interface Build {
  /** Folder below `modules/`. */
  module: string;
  /** Name of the binary to the package of its main function. */
  programs: Readonly<Record<string, string>>;
  /** `-X` settings of the linker. */
  variables: Readonly<Record<string, string>>;
  level: HostLevel;
}

const kubernetes = (level: HostLevel, ...names: string[]): Build => ({
  module: 'kube',
  programs: Object.fromEntries(names.map((name) => [name, `k8s.io/kubernetes/cmd/${name}`])),
  variables: versionVariables(versions.kubernetes),
  level,
});

/** What upstream's release scripts stamp: clients compare versions. */
function versionVariables(version: string): Record<string, string> {
  return Object.fromEntries(
    ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'].flatMap((path) => [
      [`${path}.gitVersion`, `v${version}`],
      [`${path}.gitMajor`, '1'],
      [`${path}.gitMinor`, version.split('.')[1] ?? ''],
      [`${path}.gitTreeState`, 'clean'],
      [`${path}.buildDate`, '2026-01-01T00:00:00Z'],
    ]),
  );
}

const single = (level: HostLevel, name: string, path = '.', variables = {}): Build => ({
  module: name,
  programs: { [name]: path },
  variables,
  level,
});

/** Its admission controller. */
export const kyvernoBuild = single('kwok', 'kyverno', 'github.com/kyverno/kyverno/cmd/kyverno');

/** Clients that sign people in with the product. Argo CD's server and its command line are one binary. */
const clientBuilds = [
  single('kwok', 'argocd', 'github.com/argoproj/argo-cd/v3/cmd'),
  single('kwok', 'kubelogin', 'github.com/int128/kubelogin'),
  single('kwok', 'oauth2-proxy', 'github.com/oauth2-proxy/oauth2-proxy/v7', {
    'main.VERSION': `v${versions.oauth2Proxy}`,
  }),
];

/** In the order of building. */
const builds: readonly Build[] = [
  kubernetes('kwok', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubectl'),
  single('kwok', 'etcd'),
  single('kwok', 'kwok', 'sigs.k8s.io/kwok/cmd/kwok'),
  single('kwok', 'helm', 'helm.sh/helm/v3/cmd/helm'),
  kubernetes('node', 'kubelet', 'kube-proxy'),
  single('node', 'kube-router', 'github.com/cloudnativelabs/kube-router/v2/cmd/kube-router', {
    'github.com/cloudnativelabs/kube-router/v2/pkg/version.Version': `v${versions.kubeRouter}`,
  }),
  single('node', 'coredns', 'github.com/coredns/coredns'),
  single('node', 'pause'),
  single('node', 'netcheck'),
  single('node', 'local-path-provisioner', 'github.com/rancher/local-path-provisioner'),
  single('node', 'metrics-server', 'sigs.k8s.io/metrics-server/cmd/metrics-server'),
  single('tenant', 'kine', 'github.com/k3s-io/kine'),
  // A version of `dev` keeps its usage reports off; the driver turns them off as well.
  single('tenant', 'vcluster', 'github.com/loft-sh/vcluster/cmd/vcluster', {
    'github.com/loft-sh/vcluster/pkg/telemetry.SyncerVersion': 'dev',
  }),
];

/** What only some suites need and takes long to build: none of it is built unless it is asked for. */
export interface Extras {
  /** The Kubernetes that tenants are upgraded from. */
  upgrade?: boolean | undefined;
  /** Kyverno, in which the other form of the host's policies is tried. */
  kyverno?: boolean | undefined;
  /** Argo CD, kubelogin and oauth2-proxy, which sign people in with the product. */
  argocd?: boolean | undefined;
}

/** What a level needs, lower levels included. */
export function buildsOf(level: HostLevel, { upgrade, kyverno, argocd }: Extras = {}): readonly Build[] {
  const all = [
    ...builds,
    ...(upgrade === true ? earlierBuilds(versionVariables) : []),
    ...(kyverno === true ? [kyvernoBuild] : []),
    ...(argocd === true ? clientBuilds : []),
  ];
  return all.filter((build) => hostLevels.indexOf(build.level) <= hostLevels.indexOf(level));
}

/** Arguments of `go` for a build, run in the module's folder. */
export function buildArguments(build: Build, outputFolder: string): readonly string[] {
  const settings = Object.entries(build.variables).map(([name, value]) => `-X ${name}=${value}`);
  const packages = Object.values(build.programs);
  const [only] = Object.keys(build.programs);
  const output = packages.length === 1 ? `${outputFolder}/${only}` : `${outputFolder}/`;
  return ['build', '-trimpath', '-ldflags', ['-s', '-w', ...settings].join(' '), '-o', output, ...packages];
}

import type { LocalBinaries } from './binaries.ts';
import type { TenantPaths, TenantPorts } from './tenant-folder.ts';
import { serviceRange, trustFiles } from './trust.ts';

/** In the order in which they start; they stop the other way round. */
export const componentNames = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kwok',
] as const;

/** A hundred years. */
const graceHours = 876_000;

export type ComponentName = (typeof componentNames)[number];

export interface Component {
  name: ComponentName;
  program: string;
  arguments: string[];
}

/** The programs of one tenant, each with a path of the tenant's folder in its command line. */
export function componentsOf(paths: TenantPaths, ports: TenantPorts, binaries: LocalBinaries): Component[] {
  const files = trustFiles(paths);
  return [
    { name: 'etcd', program: binaries.etcd, arguments: etcdArguments(paths, ports) },
    { name: 'kube-apiserver', program: binaries.kubeApiserver, arguments: apiArguments(paths, ports) },
    {
      name: 'kube-controller-manager',
      program: binaries.kubeControllerManager,
      arguments: [
        `--kubeconfig=${files.kubeconfig('kube-controller-manager')}`,
        // Nobody asks it anything, so it listens nowhere.
        '--secure-port=0',
        '--leader-elect=false',
        '--use-service-account-credentials=true',
        `--service-account-private-key-file=${files.serviceAccountKey}`,
        `--root-ca-file=${files.certificateAuthority}`,
        `--cluster-signing-cert-file=${files.certificateAuthority}`,
        `--cluster-signing-key-file=${files.certificateAuthorityKey}`,
        `--service-cluster-ip-range=${serviceRange}`,
        // Simulated nodes tell nobody that they are alive, and pods of a node that was silent are never ready again.
        `--node-monitor-grace-period=${graceHours}h`,
        `--node-startup-grace-period=${graceHours}h`,
      ],
    },
    {
      name: 'kube-scheduler',
      program: binaries.kubeScheduler,
      arguments: [
        `--kubeconfig=${files.kubeconfig('kube-scheduler')}`,
        '--secure-port=0',
        '--leader-elect=false',
      ],
    },
    ...(binaries.kwok === null
      ? []
      : [
          {
            name: 'kwok' as const,
            program: binaries.kwok,
            arguments: [
              `--kubeconfig=${files.kubeconfig('kwok')}`,
              `--config=${paths.stages}`,
              '--manage-all-nodes=false',
              '--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake',
              '--cidr=10.244.0.0/16',
              '--node-ip=127.0.0.1',
            ],
          },
        ]),
  ];
}

function etcdArguments(paths: TenantPaths, ports: TenantPorts): string[] {
  const files = trustFiles(paths);
  const client = `https://127.0.0.1:${ports.etcd}`;
  const peer = `https://127.0.0.1:${ports.etcdPeer}`;
  return [
    '--name=local',
    `--data-dir=${paths.data}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=local=${peer}`,
    // One port of this machine is open to all its users: only the API server's certificate opens the data.
    '--client-cert-auth',
    `--trusted-ca-file=${files.etcdAuthority}`,
    `--cert-file=${files.etcdServer.cert}`,
    `--key-file=${files.etcdServer.key}`,
    '--peer-client-cert-auth',
    `--peer-trusted-ca-file=${files.etcdAuthority}`,
    `--peer-cert-file=${files.etcdServer.cert}`,
    `--peer-key-file=${files.etcdServer.key}`,
    // It would call etcd with the server's certificate, which is none for clients.
    '--enable-grpc-gateway=false',
    '--log-level=warn',
  ];
}

function apiArguments(paths: TenantPaths, ports: TenantPorts): string[] {
  const files = trustFiles(paths);
  return [
    `--etcd-servers=https://127.0.0.1:${ports.etcd}`,
    `--etcd-cafile=${files.etcdAuthority}`,
    `--etcd-certfile=${files.etcdClient.cert}`,
    `--etcd-keyfile=${files.etcdClient.key}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    `--secure-port=${ports.api}`,
    '--endpoint-reconciler-type=none',
    `--service-cluster-ip-range=${serviceRange}`,
    `--tls-cert-file=${files.apiServer.cert}`,
    `--tls-private-key-file=${files.apiServer.key}`,
    `--client-ca-file=${files.certificateAuthority}`,
    '--anonymous-auth=false',
    `--authentication-config=${paths.authentication}`,
    '--authorization-mode=RBAC',
    '--allow-privileged=true',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${files.serviceAccountKey}`,
    `--service-account-signing-key-file=${files.serviceAccountKey}`,
    '--profiling=false',
  ];
}

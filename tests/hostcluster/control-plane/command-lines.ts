import { join } from 'node:path';
import { folders, network } from '../settings.ts';

/** Where the control plane listens. */
export interface ControlPlaneAddresses {
  /** Of the API server. */
  address: string;
  apiPort: number;
  etcdPort: number;
  etcdPeerPort: number;
  /** Whether real nodes will join. */
  nodes: boolean;
}

const binary = (name: string): string => join(folders.binaries, name);

export function etcdCommand({ etcdPort, etcdPeerPort }: ControlPlaneAddresses): readonly string[] {
  const clients = `http://127.0.0.1:${etcdPort}`;
  const peers = `http://127.0.0.1:${etcdPeerPort}`;
  return [
    binary('etcd'),
    '--name=host',
    `--data-dir=${folders.run}/etcd`,
    `--listen-client-urls=${clients}`,
    `--advertise-client-urls=${clients}`,
    `--listen-peer-urls=${peers}`,
    `--initial-advertise-peer-urls=${peers}`,
    `--initial-cluster=host=${peers}`,
    // What it holds need not outlive the machine.
    '--unsafe-no-fsync',
    '--log-level=warn',
  ];
}

export function apiServerCommand(addresses: ControlPlaneAddresses, pki: string): readonly string[] {
  const { address, apiPort, etcdPort, nodes } = addresses;
  return [
    binary('kube-apiserver'),
    `--etcd-servers=http://127.0.0.1:${etcdPort}`,
    `--bind-address=${address}`,
    `--secure-port=${apiPort}`,
    `--advertise-address=${address}`,
    `--service-cluster-ip-range=${network.serviceCidr}`,
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    '--allow-privileged=true',
    `--client-ca-file=${pki}/ca.crt`,
    `--tls-cert-file=${pki}/apiserver.crt`,
    `--tls-private-key-file=${pki}/apiserver.key`,
    `--service-account-key-file=${pki}/service-accounts.pub`,
    `--service-account-signing-key-file=${pki}/service-accounts.key`,
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    `--requestheader-client-ca-file=${pki}/front-proxy-ca.crt`,
    '--requestheader-allowed-names=front-proxy-client',
    '--requestheader-username-headers=X-Remote-User',
    '--requestheader-group-headers=X-Remote-Group',
    '--requestheader-extra-headers-prefix=X-Remote-Extra-',
    `--proxy-client-cert-file=${pki}/front-proxy-client.crt`,
    `--proxy-client-key-file=${pki}/front-proxy-client.key`,
    ...(nodes
      ? [
          `--kubelet-client-certificate=${pki}/apiserver-kubelet-client.crt`,
          `--kubelet-client-key=${pki}/apiserver-kubelet-client.key`,
          `--kubelet-certificate-authority=${pki}/ca.crt`,
          '--kubelet-preferred-address-types=InternalIP',
        ]
      : // A loopback address may not be an endpoint of the `kubernetes` service.
        ['--endpoint-reconciler-type=none']),
  ];
}

export function controllerManagerCommand(pki: string): readonly string[] {
  return [
    binary('kube-controller-manager'),
    ...kubeconfigFlags('kube-controller-manager', pki),
    '--use-service-account-credentials=true',
    `--service-account-private-key-file=${pki}/service-accounts.key`,
    `--root-ca-file=${pki}/ca.crt`,
    `--cluster-signing-cert-file=${pki}/ca.crt`,
    `--cluster-signing-key-file=${pki}/ca.key`,
    `--service-cluster-ip-range=${network.serviceCidr}`,
    `--cluster-cidr=${network.podCidr}`,
    // Which node has which addresses is ours to say: see nodePlan.
    '--allocate-node-cidrs=false',
  ];
}

export function schedulerCommand(pki: string): readonly string[] {
  return [binary('kube-scheduler'), ...kubeconfigFlags('kube-scheduler', pki)];
}

export function kwokCommand(pki: string, stages: string): readonly string[] {
  return [
    binary('kwok'),
    `--kubeconfig=${pki}/admin.kubeconfig`,
    '--manage-all-nodes=false',
    '--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake',
    `--config=${stages}`,
    `--cidr=${network.fakePodCidr}`,
    '--node-ip=127.0.0.1',
  ];
}

function kubeconfigFlags(component: string, pki: string): readonly string[] {
  const kubeconfig = `${pki}/${component}.kubeconfig`;
  return [
    `--kubeconfig=${kubeconfig}`,
    `--authentication-kubeconfig=${kubeconfig}`,
    `--authorization-kubeconfig=${kubeconfig}`,
    // Nobody asks for its metrics, and fixed ports would meet those of another cluster on this machine.
    '--secure-port=0',
    '--leader-elect=false',
  ];
}

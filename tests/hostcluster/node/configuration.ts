import { join } from 'node:path';
import { folders, imageNames, network, type NodePlan } from '../settings.ts';

/** What the files of a node need to know. `etc`: its folder of settings. */
export interface NodeFiles {
  plan: NodePlan;
  etc: string;
  pki: string;
  snapshotter: 'overlayfs' | 'native';
}

/** containerd 1.6 (TOML). Everything but its store of images is at default paths of the node's own mount namespace. */
export function containerdToml({ plan, etc, snapshotter }: NodeFiles): string {
  const unused = [
    ...['aufs', 'btrfs', 'devmapper', 'zfs'].map((name) => `io.containerd.snapshotter.v1.${name}`),
    'io.containerd.internal.v1.tracing',
    'io.containerd.tracing.processor.v1.otlp',
  ];
  return `version = 2
root = "${join(folders.containerd, plan.name)}"
state = "/run/containerd"
oom_score = 0
disabled_plugins = ${JSON.stringify(unused)}
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${imageNames.pause}"
  restrict_oom_score_adj = true
  disable_tcp_service = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "${snapshotter}"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${etc}/cni"
`;
}

/** Pod network of a node: a bridge inside it. No masquerading: a pod's address is good on all nodes. */
export function cniConfiguration({ plan }: NodeFiles): object {
  return {
    cniVersion: '0.4.0',
    name: 'pods',
    plugins: [
      {
        type: 'bridge',
        bridge: 'pods',
        isGateway: true,
        ipMasq: false,
        hairpinMode: true,
        ipam: {
          type: 'host-local',
          dataDir: join(folders.run, plan.name, 'cni'),
          ranges: [[{ subnet: plan.podCidr }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  };
}

/** KubeletConfiguration v1beta1. */
export function kubeletConfiguration({ plan, etc, pki }: NodeFiles): object {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address: plan.address,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: `${pki}/ca.crt` },
    },
    authorization: { mode: 'Webhook' },
    tlsCertFile: `${pki}/${plan.name}.crt`,
    tlsPrivateKeyFile: `${pki}/${plan.name}.key`,
    containerRuntimeEndpoint: 'unix:///run/containerd/containerd.sock',
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${plan.cgroup}`,
    failCgroupV1: false,
    failSwapOn: false,
    protectKernelDefaults: false,
    // Less than 0 takes a right (CAP_SYS_RESOURCE) that root may not have.
    oomScoreAdj: 0,
    clusterDomain: 'cluster.local',
    clusterDNS: [network.dnsService],
    // Empty: names from outside are not resolved.
    resolvConf: `${etc}/resolv.conf`,
    registerWithTaints: plan.taints,
    // An image that is deleted to make room cannot be pulled again.
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    evictionHard: {
      'memory.available': '100Mi',
      'nodefs.available': '1%',
      'nodefs.inodesFree': '1%',
      'imagefs.available': '1%',
    },
    maxPods: 110,
    maxOpenFiles: 20_000,
    syncFrequency: '10s',
    serializeImagePulls: false,
  };
}

/** KubeProxyConfiguration v1alpha1. It ends itself when this file is written again, even with the same bytes. */
export function proxyConfiguration({ plan, pki }: NodeFiles): object {
  return {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    clientConnection: { kubeconfig: `${pki}/kube-proxy.kubeconfig` },
    hostnameOverride: plan.name,
    mode: 'nftables',
    clusterCIDR: network.podCidr,
    bindAddress: plan.address,
    nodePortAddresses: [`${plan.address}/32`],
    oomScoreAdj: 0,
    // Zero: the kernel's settings are not ours.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
  };
}

/**
 * Enforces NetworkPolicies: the controller that K3s carries. It knows a service by where it leads to, not by its own
 * address, since kube-proxy has put the one in place of the other when its rules are asked.
 */
export function networkPolicyCommand({ plan, pki }: NodeFiles): readonly string[] {
  return [
    join(folders.binaries, 'kube-router'),
    '--run-firewall=true',
    '--run-router=false',
    '--run-service-proxy=false',
    `--kubeconfig=${pki}/admin.kubeconfig`,
    `--hostname-override=${plan.name}`,
    `--service-cluster-ip-range=${network.serviceCidr}`,
    '--health-port=0',
  ];
}

export function kubeletCommand({ plan, etc, pki }: NodeFiles): readonly string[] {
  const labels = Object.entries(plan.labels).map(([key, value]) => `${key}=${value}`);
  return [
    join(folders.binaries, 'kubelet'),
    `--config=${etc}/kubelet.json`,
    `--kubeconfig=${pki}/${plan.name}.kubeconfig`,
    `--hostname-override=${plan.name}`,
    `--node-ip=${plan.address}`,
    `--node-labels=${labels.join(',')}`,
  ];
}

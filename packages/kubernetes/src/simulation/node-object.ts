import type { Node } from '../objects.ts';
import type { SimulatedNode } from '../types.ts';
import { timestamp } from '../controllers/shared/times.ts';
import { ANNOTATION_PREFIX } from './behaviour.ts';

/** Says on every node and metric that nothing real is behind it. */
export const SIMULATED_LABEL = `${ANNOTATION_PREFIX}node`;
export const SIMULATED_ANNOTATION = `${ANNOTATION_PREFIX}notice`;
export const SIMULATED_NOTICE = 'This node is simulated: pods get a status, but no container runs.';

const VERSION = 'v1.36.0';

export function isSimulated(node: Node): boolean {
  return node.metadata.labels?.[SIMULATED_LABEL] === 'simulated';
}

/** The parts of a node that follow from the configuration; users may add labels, taints and `unschedulable`. */
export function nodeLabels(node: SimulatedNode): Record<string, string> {
  return {
    'beta.kubernetes.io/arch': 'amd64',
    'beta.kubernetes.io/os': 'linux',
    'kubernetes.io/arch': 'amd64',
    'kubernetes.io/os': 'linux',
    'kubernetes.io/hostname': node.name,
    [SIMULATED_LABEL]: 'simulated',
    ...node.labels,
  };
}

/** Status of a healthy node. Nothing renews it, so nothing is written while the cluster is idle. */
export function nodeStatus(node: SimulatedNode, index: number, nowMs: number): NonNullable<Node['status']> {
  const now = timestamp(nowMs);
  const resources = {
    cpu: node.cpuMilli % 1000 === 0 ? String(node.cpuMilli / 1000) : `${node.cpuMilli}m`,
    'ephemeral-storage': '100Gi',
    'hugepages-1Gi': '0',
    'hugepages-2Mi': '0',
    memory: `${node.memoryMib}Mi`,
    pods: String(node.pods),
  };
  const fine = (type: string, reason: string, message: string) => ({
    type,
    status: type === 'Ready' ? ('True' as const) : ('False' as const),
    lastHeartbeatTime: now,
    lastTransitionTime: now,
    reason,
    message,
  });
  return {
    capacity: resources,
    allocatable: resources,
    conditions: [
      fine(
        'MemoryPressure',
        'KubeletHasSufficientMemory',
        'simulated kubelet has sufficient memory available',
      ),
      fine('DiskPressure', 'KubeletHasNoDiskPressure', 'simulated kubelet has no disk pressure'),
      fine('PIDPressure', 'KubeletHasSufficientPID', 'simulated kubelet has sufficient PID available'),
      fine('Ready', 'KubeletReady', 'simulated kubelet is posting ready status'),
    ],
    addresses: [
      { type: 'InternalIP', address: `10.89.${Math.floor(index / 250)}.${(index % 250) + 2}` },
      { type: 'Hostname', address: node.name },
    ],
    nodeInfo: {
      architecture: 'amd64',
      bootID: '',
      containerRuntimeVersion: 'simulated://1.0',
      kernelVersion: 'simulated',
      kubeProxyVersion: '',
      kubeletVersion: `${VERSION}+simulated`,
      machineID: '',
      operatingSystem: 'linux',
      osImage: 'Simulated',
      systemUUID: '',
    },
  };
}

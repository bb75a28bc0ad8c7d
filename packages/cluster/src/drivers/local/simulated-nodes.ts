import type { ApplicableObject } from '../../kube-api/apply.ts';
import { applyObject } from '../../kube-api/apply.ts';
import type { TenantClient, TenantSize } from '../../port.ts';

/** Says on every node that nothing real is behind it. */
const simulatedLabel = 'hexabase.ai/node';
const noticeAnnotation = 'hexabase.ai/notice';
const notice = 'This node is simulated: pods get a status, but no container runs.';

const nodeNames = ['simulated-node-1', 'simulated-node-2'];
const podsPerNode = '110';

/** Makes the nodes of a workspace, or gives them another size. Together they are as large as its plan. */
export async function applySimulatedNodes(
  client: TenantClient,
  size: TenantSize,
  signal: AbortSignal,
): Promise<void> {
  const options = { fieldManager: 'hexabase-local-driver', force: true, signal };
  for (const name of nodeNames) {
    const node = nodeOf(name, size);
    await applyObject(client, node, options);
    // A node that is there already changes its status only by itself, as a kubelet would.
    await client.request({
      method: 'PATCH',
      path: `/api/v1/nodes/${name}/status?fieldManager=${options.fieldManager}&force=true`,
      contentType: 'application/apply-patch+yaml',
      body: { apiVersion: 'v1', kind: 'Node', metadata: { name }, status: node['status'] },
      signal,
    });
  }
}

function nodeOf(name: string, size: TenantSize): ApplicableObject {
  const share = (whole: number) => Math.floor(whole / nodeNames.length);
  const resources = {
    cpu: `${share(size.cpuMilli)}m`,
    memory: `${share(size.memoryMib)}Mi`,
    pods: podsPerNode,
    'ephemeral-storage': '100Gi',
  };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      labels: {
        'kubernetes.io/hostname': name,
        'kubernetes.io/os': 'linux',
        'kubernetes.io/arch': 'amd64',
        [simulatedLabel]: 'simulated',
      },
      annotations: { 'kwok.x-k8s.io/node': 'fake', [noticeAnnotation]: notice },
    },
    status: {
      capacity: resources,
      allocatable: resources,
      nodeInfo: {
        architecture: 'amd64',
        operatingSystem: 'linux',
        osImage: 'Simulated',
        kernelVersion: 'simulated',
        containerRuntimeVersion: 'simulated://1.0',
        kubeletVersion: 'simulated',
        kubeProxyVersion: '',
        bootID: '',
        machineID: '',
        systemUUID: '',
      },
    },
  };
}

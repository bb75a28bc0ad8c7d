import type { SimulatedNode } from '@hexabase/kubernetes/types.ts';
import type { TenantSize } from '../../port.ts';

const podsPerNode = 110;
const nodeNames = ['simulated-node-1', 'simulated-node-2'];

/**
 * The simulated nodes of a workspace. Together they are as large as its plan, so that all projects together stay within
 * it however the quotas of single projects are set; there are two, so that spreading and draining can be seen.
 */
export function nodesFor(size: TenantSize): SimulatedNode[] {
  return nodeNames.map((name) => ({
    name,
    cpuMilli: Math.floor(size.cpuMilli / nodeNames.length),
    memoryMib: Math.floor(size.memoryMib / nodeNames.length),
    pods: podsPerNode,
  }));
}

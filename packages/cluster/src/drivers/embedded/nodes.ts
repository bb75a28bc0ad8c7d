import type { SimulatedNode } from '@hexabase/kubernetes/types.ts';
import type { TenantSize } from '../../port.ts';

const podsPerNode = 110;

/**
 * The simulated nodes of a workspace. Two nodes of the workspace's own size: its quota bounds `requests.*` by that size
 * and `limits.*` by twice as much, so whatever the quota lets in also finds room, and spreading can be seen.
 */
export function nodesFor(size: TenantSize): SimulatedNode[] {
  return ['simulated-node-1', 'simulated-node-2'].map((name) => ({
    name,
    cpuMilli: size.cpuMilli,
    memoryMib: size.memoryMib,
    pods: podsPerNode,
  }));
}

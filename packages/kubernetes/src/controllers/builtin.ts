import { kubelet } from '../simulation/kubelet.ts';
import { nodesController } from '../simulation/nodes.ts';
import { scheduler } from '../scheduler/scheduler.ts';
import type { Controller } from './controller.ts';
import { deploymentController } from './workloads/deployment.ts';
import { replicaSetController, replicationController } from './workloads/replicaset.ts';

/** Everything that runs in a cluster, by default. */
export const builtinControllers: readonly Controller[] = [
  nodesController,
  scheduler,
  kubelet,
  deploymentController,
  replicaSetController,
  replicationController,
];

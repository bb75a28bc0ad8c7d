import { kubelet } from '../simulation/kubelet.ts';
import { nodesController } from '../simulation/nodes.ts';
import { scheduler } from '../scheduler/scheduler.ts';
import type { Controller } from './controller.ts';
import { cronJobController } from './jobs/cronjob.ts';
import { jobController, ttlController } from './jobs/job.ts';
import { garbageCollector } from './lifecycle/garbage.ts';
import { namespaceController } from './lifecycle/namespace.ts';
import { serviceAccountController } from './lifecycle/service-account.ts';
import { claimProtection, volumeProtection } from './lifecycle/storage-protection.ts';
import { daemonSetController } from './workloads/daemonset.ts';
import { deploymentController } from './workloads/deployment.ts';
import { replicaSetController, replicationController } from './workloads/replicaset.ts';
import { statefulSetController } from './workloads/statefulset.ts';

/** Everything that runs in a cluster, by default. */
export const builtinControllers: readonly Controller[] = [
  nodesController,
  scheduler,
  kubelet,
  namespaceController,
  garbageCollector,
  serviceAccountController,
  claimProtection,
  volumeProtection,
  deploymentController,
  replicaSetController,
  replicationController,
  statefulSetController,
  daemonSetController,
  jobController,
  ttlController,
  cronJobController,
];

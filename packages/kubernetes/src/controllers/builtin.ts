import { kubelet } from '../simulation/kubelet.ts';
import { nodesController } from '../simulation/nodes.ts';
import { scheduler } from '../scheduler/scheduler.ts';
import type { Controller } from './controller.ts';
import { cronJobController } from './jobs/cronjob.ts';
import { jobController, ttlController } from './jobs/job.ts';
import { disruptionController } from './lifecycle/disruption.ts';
import { eventExpiry } from './lifecycle/event-expiry.ts';
import { garbageCollector } from './lifecycle/garbage.ts';
import { namespaceController } from './lifecycle/namespace.ts';
import { quotaController } from './lifecycle/quota.ts';
import { serviceAccountController } from './lifecycle/service-account.ts';
import { claimProtection, volumeProtection } from './lifecycle/storage-protection.ts';
import { endpointsController, ingressController, loadBalancerController } from './network/services.ts';
import { claimBinder, volumeReclaimer } from './storage/binder.ts';
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
  eventExpiry,
  quotaController,
  disruptionController,
  endpointsController,
  loadBalancerController,
  ingressController,
  claimBinder,
  volumeReclaimer,
  deploymentController,
  replicaSetController,
  replicationController,
  statefulSetController,
  daemonSetController,
  jobController,
  ttlController,
  cronJobController,
];

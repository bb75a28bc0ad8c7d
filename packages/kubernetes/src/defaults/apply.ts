import type { Json } from '../schema/json.ts';
import { defaultCronJob, defaultJob } from './batch.ts';
import {
  defaultEndpoints,
  defaultLimitRange,
  defaultNamespace,
  defaultNodeStatus,
  defaultReplicationController,
  defaultSecret,
} from './core.ts';
import { defaultEndpointSlice, defaultIngressClass, defaultNetworkPolicy } from './network.ts';
import { defaultPod } from './pod.ts';
import { defaultPodTemplate } from './pod-spec.ts';
import { defaultRoleBinding } from './rbac.ts';
import { defaultService } from './service.ts';
import { defaultPersistentVolume, defaultPersistentVolumeClaim, defaultStorageClass } from './storage.ts';
import { defaultDaemonSet, defaultDeployment, defaultReplicaSet, defaultStatefulSet } from './workloads.ts';

/**
 * Fills in, in place, what upstream's versioned defaults (k8s.io/kubernetes pkg/apis/.../defaults.go) would. Safe to repeat.
 * What the registry generates (cluster IPs, a Job's selector) and what admission adds is not part of it.
 */
export function applyDefaults(object: { apiVersion: string; kind: string; [field: string]: unknown }): void {
  DEFAULTS.get(`${object.apiVersion} ${object.kind}`)?.(object);
}

const DEFAULTS: ReadonlyMap<string, (object: Json) => void> = new Map([
  ['v1 Pod', defaultPod],
  ['v1 PodTemplate', (object: Json) => defaultPodTemplate(object['template'])],
  ['v1 ReplicationController', defaultReplicationController],
  ['v1 Namespace', defaultNamespace],
  ['v1 Node', defaultNodeStatus],
  ['v1 Secret', defaultSecret],
  ['v1 Service', defaultService],
  ['v1 Endpoints', defaultEndpoints],
  ['v1 LimitRange', defaultLimitRange],
  ['v1 PersistentVolume', defaultPersistentVolume],
  ['v1 PersistentVolumeClaim', defaultPersistentVolumeClaim],
  ['apps/v1 Deployment', defaultDeployment],
  ['apps/v1 ReplicaSet', defaultReplicaSet],
  ['apps/v1 StatefulSet', defaultStatefulSet],
  ['apps/v1 DaemonSet', defaultDaemonSet],
  ['batch/v1 Job', defaultJob],
  ['batch/v1 CronJob', defaultCronJob],
  ['networking.k8s.io/v1 NetworkPolicy', defaultNetworkPolicy],
  ['networking.k8s.io/v1 IngressClass', defaultIngressClass],
  ['discovery.k8s.io/v1 EndpointSlice', defaultEndpointSlice],
  ['storage.k8s.io/v1 StorageClass', defaultStorageClass],
  [
    'scheduling.k8s.io/v1 PriorityClass',
    (object: Json) => void (object['preemptionPolicy'] ??= 'PreemptLowerPriority'),
  ],
  ['rbac.authorization.k8s.io/v1 RoleBinding', defaultRoleBinding],
  ['rbac.authorization.k8s.io/v1 ClusterRoleBinding', defaultRoleBinding],
]);

import type { StatusCause } from '../api/status-error.ts';
import { asJson } from '../schema/json.ts';
import type { Json } from '../schema/json.ts';
import type { KubeObject, ResourceInfo } from '../types.ts';
import { checkCronJob, checkJob, checkJobUpdate } from './kinds/batch.ts';
import { checkConfigMap, checkConfigMapUpdate, checkSecret, checkSecretUpdate } from './kinds/config.ts';
import { checkIngress, checkNetworkPolicy } from './kinds/network.ts';
import { checkDisruptionBudget, checkPriorityClass, checkPriorityClassUpdate } from './kinds/policy.ts';
import { checkLimitRange, checkResourceQuota, checkResourceQuotaUpdate } from './kinds/quota.ts';
import { checkBinding, checkBindingUpdate, checkRole } from './kinds/rbac.ts';
import { checkService, checkServiceUpdate } from './kinds/service.ts';
import {
  checkClaim,
  checkClaimUpdate,
  checkStorageClass,
  checkStorageClassUpdate,
  checkVolume,
} from './kinds/storage.ts';
import {
  checkDaemonSet,
  checkDeployment,
  checkReplicaSet,
  checkReplicationController,
  checkSelectorUpdate,
  checkStatefulSet,
  checkStatefulSetUpdate,
} from './kinds/workloads.ts';
import { checkMetadata, checkMetadataUpdate } from './metadata.ts';
import { checkPod, checkPodTemplateObject } from './pod/pod.ts';
import { checkPodUpdate } from './pod/update.ts';
import { collectProblems } from './problems.ts';
import type { Problems } from './problems.ts';

/** Upstream's rules for a new object that has its defaults. Empty when it is valid; otherwise the causes of a 422. */
export function validateCreate(info: ResourceInfo, object: KubeObject): StatusCause[] {
  // Reviews are questions that nobody stores, so they need no name.
  if (!info.verbs.includes('get')) return [];
  const problems = collectProblems();
  checkMetadata(info, asJson(object.metadata), problems);
  RULES.get(info.groupResource)?.check?.(object, problems);
  return problems.causes;
}

/** Upstream's rules for a changed object that has its defaults: those for new ones, and what may not change. */
export function validateUpdate(info: ResourceInfo, object: KubeObject, old: KubeObject): StatusCause[] {
  const problems = collectProblems();
  checkMetadataUpdate(asJson(object.metadata), asJson(old.metadata), problems);
  const rules = RULES.get(info.groupResource);
  if (rules?.checkOnUpdate !== false) rules?.check?.(object, problems);
  rules?.update?.(object, old, problems);
  return problems.causes;
}

interface Rules {
  check?: (object: Json, problems: Problems) => void;
  update?: (object: Json, old: Json, problems: Problems) => void;
  /** False where upstream looks only at the change. */
  checkOnUpdate?: boolean;
}

const RULES: ReadonlyMap<string, Rules> = new Map<string, Rules>([
  ['/pods', { check: checkPod, update: checkPodUpdate, checkOnUpdate: false }],
  ['/podtemplates', { check: checkPodTemplateObject }],
  ['/replicationcontrollers', { check: checkReplicationController }],
  ['/services', { check: checkService, update: checkServiceUpdate }],
  ['/configmaps', { check: checkConfigMap, update: checkConfigMapUpdate }],
  ['/secrets', { check: checkSecret, update: checkSecretUpdate }],
  ['/resourcequotas', { check: checkResourceQuota, update: checkResourceQuotaUpdate }],
  ['/limitranges', { check: checkLimitRange }],
  ['/persistentvolumes', { check: checkVolume }],
  ['/persistentvolumeclaims', { check: checkClaim, update: checkClaimUpdate }],
  ['apps/deployments', { check: checkDeployment, update: checkSelectorUpdate }],
  ['apps/replicasets', { check: checkReplicaSet, update: checkSelectorUpdate }],
  ['apps/daemonsets', { check: checkDaemonSet, update: checkSelectorUpdate }],
  ['apps/statefulsets', { check: checkStatefulSet, update: checkStatefulSetUpdate }],
  ['batch/jobs', { check: checkJob, update: checkJobUpdate }],
  ['batch/cronjobs', { check: checkCronJob }],
  ['networking.k8s.io/ingresses', { check: checkIngress }],
  ['networking.k8s.io/networkpolicies', { check: checkNetworkPolicy }],
  ['policy/poddisruptionbudgets', { check: checkDisruptionBudget }],
  ['scheduling.k8s.io/priorityclasses', { check: checkPriorityClass, update: checkPriorityClassUpdate }],
  ['storage.k8s.io/storageclasses', { check: checkStorageClass, update: checkStorageClassUpdate }],
  ['rbac.authorization.k8s.io/roles', { check: checkRole }],
  ['rbac.authorization.k8s.io/clusterroles', { check: checkRole }],
  ['rbac.authorization.k8s.io/rolebindings', { check: checkBinding, update: checkBindingUpdate }],
  ['rbac.authorization.k8s.io/clusterrolebindings', { check: checkBinding, update: checkBindingUpdate }],
]);

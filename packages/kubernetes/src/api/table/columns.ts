import type { ResourceInfo } from '../../types.ts';
import { ageColumn, nameColumn, type Column } from './column.ts';
import {
  configMapColumns,
  eventColumns,
  nameAndCreation,
  namespaceColumns,
  nodeColumns,
  quotaColumns,
  secretColumns,
  serviceAccountColumns,
} from './kinds/core.ts';
import {
  endpointsColumns,
  endpointSliceColumns,
  ingressClassColumns,
  ingressColumns,
  networkPolicyColumns,
  serviceColumns,
} from './kinds/network.ts';
import { podColumns } from './kinds/pods.ts';
import {
  bindingColumns,
  claimColumns,
  leaseColumns,
  priorityClassColumns,
  signingRequestColumns,
  storageClassColumns,
  volumeColumns,
} from './kinds/policy.ts';
import {
  autoscalerColumns,
  budgetColumns,
  controllerRevisionColumns,
  cronJobColumns,
  daemonSetColumns,
  deploymentColumns,
  jobColumns,
  podTemplateColumns,
  replicaSetColumns,
  replicationControllerColumns,
  statefulSetColumns,
} from './kinds/workloads.ts';

/** The columns of a kind, as upstream's printers have them; kinds without a printer show name and age. */
export function columnsOf(info: Pick<ResourceInfo, 'groupResource'>): readonly Column[] {
  return printers.get(info.groupResource) ?? fallback;
}

const fallback: readonly Column[] = [nameColumn, ageColumn];

const printers = new Map<string, readonly Column[]>([
  ['/configmaps', configMapColumns],
  ['/endpoints', endpointsColumns],
  ['/events', eventColumns],
  ['/limitranges', nameAndCreation],
  ['/namespaces', namespaceColumns],
  ['/nodes', nodeColumns],
  ['/persistentvolumeclaims', claimColumns],
  ['/persistentvolumes', volumeColumns],
  ['/pods', podColumns],
  ['/podtemplates', podTemplateColumns],
  ['/replicationcontrollers', replicationControllerColumns],
  ['/resourcequotas', quotaColumns],
  ['/secrets', secretColumns],
  ['/serviceaccounts', serviceAccountColumns],
  ['/services', serviceColumns],
  ['apps/controllerrevisions', controllerRevisionColumns],
  ['apps/daemonsets', daemonSetColumns],
  ['apps/deployments', deploymentColumns],
  ['apps/replicasets', replicaSetColumns],
  ['apps/statefulsets', statefulSetColumns],
  ['autoscaling/horizontalpodautoscalers', autoscalerColumns],
  ['batch/cronjobs', cronJobColumns],
  ['batch/jobs', jobColumns],
  ['certificates.k8s.io/certificatesigningrequests', signingRequestColumns],
  ['coordination.k8s.io/leases', leaseColumns],
  ['discovery.k8s.io/endpointslices', endpointSliceColumns],
  ['events.k8s.io/events', eventColumns],
  ['networking.k8s.io/ingressclasses', ingressClassColumns],
  ['networking.k8s.io/ingresses', ingressColumns],
  ['networking.k8s.io/networkpolicies', networkPolicyColumns],
  ['policy/poddisruptionbudgets', budgetColumns],
  ['rbac.authorization.k8s.io/clusterrolebindings', bindingColumns],
  ['rbac.authorization.k8s.io/clusterroles', nameAndCreation],
  ['rbac.authorization.k8s.io/rolebindings', bindingColumns],
  ['rbac.authorization.k8s.io/roles', nameAndCreation],
  ['scheduling.k8s.io/priorityclasses', priorityClassColumns],
  ['storage.k8s.io/storageclasses', storageClassColumns],
]);

/** Kinds in the order in which they are made: what others need goes first, what refuses others goes last. */
const ranks: readonly (readonly string[])[] = [
  ['CustomResourceDefinition', 'PriorityClass', 'StorageClass', 'IngressClass', 'RuntimeClass'],
  ['Namespace'],
  ['ServiceAccount', 'Role', 'ClusterRole'],
  ['Secret', 'ConfigMap', 'RoleBinding', 'ClusterRoleBinding'],
  ['PersistentVolumeClaim', 'Service', 'Endpoints', 'EndpointSlice'],
  [],
  ['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'ReplicationController', 'Job', 'CronJob', 'Pod'],
  ['ResourceQuota', 'LimitRange'],
  [
    'ValidatingAdmissionPolicy',
    'ValidatingAdmissionPolicyBinding',
    'MutatingAdmissionPolicy',
    'MutatingAdmissionPolicyBinding',
    'MutatingWebhookConfiguration',
    'ValidatingWebhookConfiguration',
    'APIService',
  ],
];
const rankOfOthers = ranks.findIndex((kinds) => kinds.length === 0);

/** When objects of a kind are made: those of a lower rank are there before. */
export function rankOf(kind: string): number {
  const rank = ranks.findIndex((kinds) => kinds.includes(kind));
  return rank === -1 ? rankOfOthers : rank;
}

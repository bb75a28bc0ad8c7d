/** The base ClusterRoleBindings: name, role, and subjects as `Kind:name` or `ServiceAccount:namespace/name`. */
export const clusterBindings: readonly (readonly [
  name: string,
  role: string,
  subjects: readonly string[],
])[] = [
  ['cluster-admin', 'cluster-admin', ['Group:system:masters']],
  ['system:basic-user', 'system:basic-user', ['Group:system:authenticated']],
  ['system:discovery', 'system:discovery', ['Group:system:authenticated']],
  [
    'system:kube-controller-manager',
    'system:kube-controller-manager',
    ['User:system:kube-controller-manager'],
  ],
  ['system:kube-scheduler', 'system:kube-scheduler', ['User:system:kube-scheduler']],
  ['system:monitoring', 'system:monitoring', ['Group:system:monitoring']],
  ['system:node', 'system:node', []],
  ['system:node-proxier', 'system:node-proxier', ['User:system:kube-proxy']],
  [
    'system:public-info-viewer',
    'system:public-info-viewer',
    ['Group:system:authenticated', 'Group:system:unauthenticated'],
  ],
  [
    'system:service-account-issuer-discovery',
    'system:service-account-issuer-discovery',
    ['Group:system:serviceaccounts'],
  ],
  ['system:volume-scheduler', 'system:volume-scheduler', ['User:system:kube-scheduler']],
];

/** The base Roles: namespace and name, rules in the notation of `rule-text.ts`, and their bindings' subjects. */
export const namespacedRoles: readonly {
  namespace: string;
  name: string;
  binding: string;
  rules: readonly string[];
  subjects: readonly string[];
}[] = [
  {
    namespace: 'kube-system',
    name: 'extension-apiserver-authentication-reader',
    binding: 'system::extension-apiserver-authentication-reader',
    rules: ['core : configmaps [extension-apiserver-authentication] : READ'],
    subjects: ['User:system:kube-controller-manager', 'User:system:kube-scheduler'],
  },
  {
    namespace: 'kube-system',
    name: 'system::leader-locking-kube-controller-manager',
    binding: 'system::leader-locking-kube-controller-manager',
    rules: ['coordination.k8s.io : leases : create get list update watch'],
    subjects: ['User:system:kube-controller-manager', 'ServiceAccount:kube-system/kube-controller-manager'],
  },
  {
    namespace: 'kube-system',
    name: 'system::leader-locking-kube-scheduler',
    binding: 'system::leader-locking-kube-scheduler',
    rules: ['coordination.k8s.io : leases : create get list update watch'],
    subjects: ['User:system:kube-scheduler', 'ServiceAccount:kube-system/kube-scheduler'],
  },
];

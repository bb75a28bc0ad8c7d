const verbs = ['get', 'list', 'watch'];

/** Resources that a viewer reads, by API group. Secrets are left out, and with them whatever would give a token. */
const readable: Record<string, readonly string[]> = {
  '': [
    'configmaps',
    'endpoints',
    'events',
    'limitranges',
    'namespaces',
    'nodes',
    'persistentvolumeclaims',
    'persistentvolumes',
    'pods',
    'pods/log',
    'pods/status',
    'podtemplates',
    'replicationcontrollers',
    'resourcequotas',
    'serviceaccounts',
    'services',
  ],
  apps: [
    'controllerrevisions',
    'daemonsets',
    'deployments',
    'deployments/scale',
    'replicasets',
    'replicasets/scale',
    'statefulsets',
    'statefulsets/scale',
  ],
  batch: ['cronjobs', 'jobs'],
  autoscaling: ['horizontalpodautoscalers'],
  policy: ['poddisruptionbudgets'],
  'networking.k8s.io': ['ingressclasses', 'ingresses', 'networkpolicies'],
  'discovery.k8s.io': ['endpointslices'],
  'events.k8s.io': ['events'],
  'coordination.k8s.io': ['leases'],
  'storage.k8s.io': ['csidrivers', 'csinodes', 'storageclasses', 'volumeattachments'],
  'scheduling.k8s.io': ['priorityclasses'],
  'rbac.authorization.k8s.io': ['clusterrolebindings', 'clusterroles', 'rolebindings', 'roles'],
  'apiextensions.k8s.io': ['customresourcedefinitions'],
  'metrics.k8s.io': ['nodes', 'pods'],
};

/** Rules of `hexabase:workspace-viewer`. */
export const viewerRules = [
  ...Object.entries(readable).map(([group, resources]) => ({
    apiGroups: [group],
    resources: [...resources],
    verbs,
  })),
  {
    nonResourceURLs: [
      '/api',
      '/api/*',
      '/apis',
      '/apis/*',
      '/healthz',
      '/livez',
      '/openapi',
      '/openapi/*',
      '/readyz',
      '/version',
    ],
    verbs: ['get'],
  },
];

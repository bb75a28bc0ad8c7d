import type { PolicyRule } from '@hexabase/contract/rules/policy-rule.ts';

const read = ['get', 'list', 'watch'];
const write = ['create', 'delete', 'deletecollection', 'patch', 'update'];
const readWrite = [...read, ...write];

/** What anybody in a workspace reads there, by API group: no secrets, and nothing that would give a token. */
const readable: Readonly<Record<string, readonly string[]>> = {
  '': [
    'configmaps',
    'endpoints',
    'events',
    'limitranges',
    'persistentvolumeclaims',
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
  autoscaling: ['horizontalpodautoscalers'],
  batch: ['cronjobs', 'jobs'],
  'coordination.k8s.io': ['leases'],
  'discovery.k8s.io': ['endpointslices'],
  'events.k8s.io': ['events'],
  'metrics.k8s.io': ['pods'],
  'networking.k8s.io': ['ingresses', 'networkpolicies'],
  policy: ['poddisruptionbudgets'],
  'rbac.authorization.k8s.io': ['rolebindings', 'roles'],
};

const readableOutside: Readonly<Record<string, readonly string[]>> = {
  '': ['namespaces', 'nodes', 'persistentvolumes'],
  'apiextensions.k8s.io': ['customresourcedefinitions'],
  'metrics.k8s.io': ['nodes'],
  'networking.k8s.io': ['ingressclasses'],
  'rbac.authorization.k8s.io': ['clusterrolebindings', 'clusterroles'],
  'scheduling.k8s.io': ['priorityclasses'],
  'storage.k8s.io': ['csidrivers', 'csinodes', 'storageclasses', 'volumeattachments'],
};

/** What it takes to run software in a project. Quotas, limits and roles are not among it. */
const deployable: Readonly<Record<string, readonly string[]>> = {
  '': [
    'configmaps',
    'persistentvolumeclaims',
    'pods',
    'pods/attach',
    'pods/eviction',
    'pods/exec',
    'pods/portforward',
    'replicationcontrollers',
    'replicationcontrollers/scale',
    'secrets',
    'serviceaccounts',
    'services',
  ],
  apps: [
    'daemonsets',
    'deployments',
    'deployments/scale',
    'replicasets',
    'replicasets/scale',
    'statefulsets',
    'statefulsets/scale',
  ],
  autoscaling: ['horizontalpodautoscalers'],
  batch: ['cronjobs', 'jobs'],
  'networking.k8s.io': ['ingresses', 'networkpolicies'],
  policy: ['poddisruptionbudgets'],
};

const paths = [
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
];

const projectViewer = rulesFor(readable, read);
const projectDeveloper = [...projectViewer, ...rulesFor(deployable, readWrite)];

export interface PresetRole {
  scope: 'workspace' | 'project';
  name: 'admin' | 'developer' | 'viewer';
  /** Name of the ClusterRole in every workspace. */
  clusterRole: string;
  description: string;
  rules: readonly PolicyRule[];
}

/** The roles that every workspace has. What they allow is decided here and put back in the clusters when it is changed. */
export const presetRoles: readonly PresetRole[] = [
  {
    scope: 'workspace',
    name: 'admin',
    clusterRole: 'hexabase:workspace-admin',
    description: 'Everything in the workspace.',
    rules: [
      rule({ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }),
      rule({ nonResourceURLs: ['*'], verbs: ['*'] }),
    ],
  },
  {
    scope: 'workspace',
    name: 'viewer',
    clusterRole: 'hexabase:workspace-viewer',
    description: 'Reads everything in the workspace but secrets; changes nothing.',
    rules: [
      ...projectViewer,
      ...rulesFor(readableOutside, read),
      rule({ nonResourceURLs: paths, verbs: ['get'] }),
    ],
  },
  {
    scope: 'project',
    name: 'admin',
    clusterRole: 'hexabase:project-admin',
    description: 'Runs software in the project and gives others access to it, never more than their own.',
    rules: [
      ...projectDeveloper,
      rule({
        apiGroups: ['rbac.authorization.k8s.io'],
        resources: ['rolebindings', 'roles'],
        verbs: readWrite,
      }),
      rule({
        apiGroups: ['authorization.k8s.io'],
        resources: ['localsubjectaccessreviews'],
        verbs: ['create'],
      }),
    ],
  },
  {
    scope: 'project',
    name: 'developer',
    clusterRole: 'hexabase:project-developer',
    description:
      'Runs software in the project: workloads, services, secrets, logs and shells; no quotas, no roles.',
    rules: projectDeveloper,
  },
  {
    scope: 'project',
    name: 'viewer',
    clusterRole: 'hexabase:project-viewer',
    description: 'Reads everything in the project but secrets; changes nothing.',
    rules: projectViewer,
  },
];

/** The preset of that name, or null. */
export function findPreset(scope: PresetRole['scope'], name: string): PresetRole | null {
  return presetRoles.find((preset) => preset.scope === scope && preset.name === name) ?? null;
}

function rulesFor(resources: Readonly<Record<string, readonly string[]>>, verbs: string[]): PolicyRule[] {
  return Object.entries(resources).map(([group, names]) =>
    rule({ apiGroups: [group], resources: [...names], verbs }),
  );
}

function rule(parts: Partial<PolicyRule> & Pick<PolicyRule, 'verbs'>): PolicyRule {
  return { apiGroups: [], resources: [], resourceNames: [], nonResourceURLs: [], ...parts };
}

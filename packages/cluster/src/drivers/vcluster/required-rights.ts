import { installedPolicies } from './policies/host-policies.ts';

/**
 * The rights that the control plane needs on a host cluster. `deploy/host-rbac.yaml` is made of this list, the preflight
 * asks the host for each of them, and docs/operations/rights.md explains them.
 */
export interface HostRight {
  /** '' is the core group. */
  apiGroup: string;
  /** `pods`, or with its subresource `pods/log`. */
  resource: string;
  verbs: readonly HostVerb[];
  /** Only these objects; every object when absent. */
  resourceNames?: readonly string[];
  /** In words, for whoever misses it: `to …`. */
  why: string;
  /** What is lost without it, when the rest still works. */
  optional?: string;
  /** Given by a role of its own, which an administrator who does that work instead of us does not bind. */
  apart?: true;
}

export type HostVerb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'own';

const read = ['get', 'list', 'watch'] as const;
/** Server-side apply is a `patch`, and a `create` when the object is new. */
const apply = ['get', 'list', 'create', 'patch', 'delete'] as const;
const every = [...read, 'create', 'update', 'patch', 'delete'] as const;

const why = {
  apply: 'to make, repair and remove what a workspace consists of',
  grant:
    'to give it to the tenant’s control plane: Kubernetes lets nobody grant a right that they do not have, and we ask for neither escalate nor bind',
  observe: 'to tell why a workspace does not get ready',
  capacity: 'to place workspaces where there is room',
};

const written: readonly HostRight[] = [
  { apiGroup: '', resource: 'namespaces', verbs: [...read, 'create', 'patch', 'delete'], why: why.apply },
  { apiGroup: '', resource: 'resourcequotas', verbs: apply, why: why.apply },
  { apiGroup: '', resource: 'limitranges', verbs: apply, why: why.apply },
  { apiGroup: '', resource: 'serviceaccounts', verbs: apply, why: why.apply },
  {
    apiGroup: 'apps',
    resource: 'statefulsets',
    verbs: every,
    why: `${why.apply}, and to let it sleep and wake`,
  },
  { apiGroup: 'apps', resource: 'deployments', verbs: every, why: why.apply },
  { apiGroup: 'networking.k8s.io', resource: 'networkpolicies', verbs: every, why: why.apply },
  { apiGroup: 'rbac.authorization.k8s.io', resource: 'roles', verbs: apply, why: why.apply },
  { apiGroup: 'rbac.authorization.k8s.io', resource: 'rolebindings', verbs: apply, why: why.apply },
  {
    apiGroup: 'rbac.authorization.k8s.io',
    resource: 'clusterroles',
    verbs: apply,
    why: 'to let a tenant see its nodes and their metrics, and to remove that with it',
  },
  {
    apiGroup: 'rbac.authorization.k8s.io',
    resource: 'clusterrolebindings',
    verbs: apply,
    why: 'to let a tenant see its nodes and their metrics, and to remove that with it',
  },
];

/** What the chart grants to the tenant's own control plane inside its namespace. */
const granted: readonly HostRight[] = [
  ...['configmaps', 'secrets', 'services', 'pods', 'persistentvolumeclaims', 'endpoints'].map((resource) => ({
    apiGroup: '',
    resource,
    verbs: every,
    why: why.grant,
  })),
  ...['pods/attach', 'pods/exec', 'pods/portforward'].map((resource) => ({
    apiGroup: '',
    resource,
    verbs: every,
    why: why.grant,
  })),
  ...['pods/status', 'pods/ephemeralcontainers'].map((resource) => ({
    apiGroup: '',
    resource,
    verbs: ['update', 'patch'] as const,
    why: why.grant,
  })),
  {
    apiGroup: '',
    resource: 'pods/resize',
    verbs: ['update', 'patch'],
    why: why.grant,
    optional: 'no workspace can be made on a host of Kubernetes 1.35 or newer',
  },
  { apiGroup: '', resource: 'pods/log', verbs: read, why: why.grant },
  {
    apiGroup: '',
    resource: 'events',
    verbs: [...read, 'create'],
    why: `${why.grant}; ${why.observe}`,
  },
  { apiGroup: 'events.k8s.io', resource: 'events', verbs: [...read, 'create'], why: why.grant },
  { apiGroup: 'apps', resource: 'replicasets', verbs: [...read, 'update', 'patch'], why: why.grant },
  { apiGroup: 'discovery.k8s.io', resource: 'endpointslices', verbs: every, why: why.grant },
];

const seen: readonly HostRight[] = [
  { apiGroup: '', resource: 'nodes', verbs: read, why: why.capacity },
  { apiGroup: '', resource: 'nodes/status', verbs: read, why: why.grant },
  {
    apiGroup: '',
    resource: 'persistentvolumes',
    verbs: ['get', 'list'],
    why: 'to report what a deleted workspace has left',
  },
  {
    apiGroup: 'storage.k8s.io',
    resource: 'storageclasses',
    verbs: read,
    why: 'to know that volumes can be had',
  },
  {
    apiGroup: 'metrics.k8s.io',
    resource: 'pods',
    verbs: ['get', 'list'],
    why: why.grant,
    optional: 'kubectl top does not work inside workspaces',
  },
  {
    apiGroup: 'metrics.k8s.io',
    resource: 'nodes',
    verbs: ['get', 'list'],
    why: why.grant,
    optional: 'kubectl top does not work inside workspaces',
  },
];

const facts: readonly HostRight[] = [
  {
    apiGroup: 'networking.k8s.io',
    resource: 'servicecidrs',
    resourceNames: ['kubernetes'],
    verbs: ['get'],
    why: 'to tell tenants the range of the host’s services',
    optional: 'each new workspace looks for the range of services by itself, which takes some seconds',
  },
  {
    apiGroup: 'apiregistration.k8s.io',
    resource: 'apiservices',
    resourceNames: ['v1beta1.metrics.k8s.io'],
    verbs: ['get'],
    why: 'to know that there is a metrics API even while it does not answer',
    optional: 'a metrics API that is down for a while counts as none',
  },
];

const policies: readonly HostRight[] = [
  ...['validatingadmissionpolicies', 'validatingadmissionpolicybindings'].flatMap((resource): HostRight[] => [
    {
      apiGroup: 'admissionregistration.k8s.io',
      resource,
      verbs: ['get', 'list'],
      why: 'to tell when an admission policy of ours is missing or was weakened',
      optional: 'nobody is told when a policy is missing or was weakened',
    },
    {
      apiGroup: 'admissionregistration.k8s.io',
      resource,
      // Server-side apply asks for the right to create with the name too (Kubernetes, patch handler).
      verbs: ['create', 'patch'],
      resourceNames: installedPolicies.map(({ name }) => name),
      why: 'to install the admission policies, and to put them back',
      optional:
        'policies are not installed or put back: apply deploy/policies/native or deploy/policies/kyverno by hand',
      apart: true,
    },
  ]),
  {
    apiGroup: 'hexabase.ai',
    resource: 'workspaces',
    verbs: ['own'],
    why: 'to be told apart from everybody else by the admission policies; no such object exists',
  },
];

export const requiredRights: readonly HostRight[] = [...written, ...granted, ...seen, ...facts, ...policies];

/** One question of a SelfSubjectAccessReview (`spec.resourceAttributes`), and the right that it is about. */
export interface AccessQuestion {
  attributes: { group: string; resource: string; subresource?: string; verb: HostVerb; name?: string };
  right: HostRight;
}

/** Every right as single questions for the host's API server, in the order of the list. */
export function accessQuestions(rights: readonly HostRight[] = requiredRights): AccessQuestion[] {
  return rights.flatMap((right) => {
    const [resource = '', subresource] = right.resource.split('/');
    return right.verbs.flatMap((verb) =>
      (right.resourceNames ?? [undefined]).map((name) => ({
        right,
        attributes: {
          group: right.apiGroup,
          resource,
          verb,
          ...(subresource === undefined ? {} : { subresource }),
          ...(name === undefined ? {} : { name }),
        },
      })),
    );
  });
}

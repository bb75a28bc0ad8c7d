import { fenceNamespace, hostAccount, workspaceLabel } from '../names.ts';
import { matching, type HostPolicy } from './host-policy.ts';

const rights = 'rbac.authorization.k8s.io/v1';
const bothRoles = [
  ['roles', 'Role'],
  ['clusterroles', 'ClusterRole'],
] as const;
const bothBindings = [
  ['rolebindings', 'RoleBinding'],
  ['clusterrolebindings', 'ClusterRoleBinding'],
] as const;

/** Cluster-scoped objects have no namespace in the request. */
const place = "(has(request.namespace) ? request.namespace : '')";
const ofTenant = `(${place}.startsWith('hexabase-ws-') || (${place} == '' && request.name.startsWith('vc-ws-')))`;

const rules = '(has(object.rules) && dyn(object.rules) != null ? object.rules : [])';
const ruleHas = (field: 'verbs' | 'resources' | 'apiGroups', values: readonly string[]): string =>
  `(has(rule.${field}) && rule.${field}.exists(value, value in [${values.map((value) => `'${value}'`).join(', ')}]))`;

const writeVerbs = ['*', 'create', 'update', 'patch', 'delete', 'deletecollection'];

/** Whatever the chart renders or a worker writes, a tenant’s control plane never gets more than this. */
const tenantRoles: HostPolicy = {
  name: 'hexabase-tenant-roles',
  scope: 'workspaces',
  purpose:
    'Roles of a tenant’s control plane hold no wildcards, no nodes/proxy and nothing of other namespaces.',
  match: matching(rights, bothRoles, ['CREATE', 'UPDATE']),
  conditions: [{ name: 'is-of-a-tenant', expression: ofTenant }],
  validations: [
    {
      expression: `${rules}.all(rule, !${ruleHas('verbs', ['*', 'escalate', 'bind', 'impersonate'])} && !${ruleHas('resources', ['*', '*/*'])} && !${ruleHas('apiGroups', ['*'])})`,
      message:
        'roles of a tenant name verbs, groups and resources one by one, without escalate, bind and impersonate',
    },
    {
      expression: `${rules}.all(rule, !${ruleHas('resources', ['nodes/proxy', '*/proxy'])})`,
      message: 'roles of a tenant never hold nodes/proxy: it reaches every container of a node',
    },
    {
      expression: `object.kind != 'ClusterRole' || ${rules}.all(rule, !${ruleHas('resources', ['secrets', 'configmaps', 'serviceaccounts', 'serviceaccounts/token'])} && !${ruleHas('verbs', writeVerbs)})`,
      message: 'cluster-wide roles of a tenant only read, and neither secrets nor configmaps',
    },
    {
      // vCluster writes tokens of a tenant's accounts into annotations of its pods on the host.
      expression: `object.kind != 'ClusterRole' || ${rules}.all(rule, !${ruleHas('apiGroups', [''])} || !${ruleHas('resources', ['pods', 'pods/log'])})`,
      message: 'cluster-wide roles of a tenant do not read pods: those of others carry tokens',
    },
  ],
};

const subjects = '(has(object.subjects) && dyn(object.subjects) != null ? object.subjects : [])';

const tenantBindings: HostPolicy = {
  name: 'hexabase-tenant-bindings',
  scope: 'workspaces',
  purpose: 'Rights on the objects of a workspace are bound to accounts of its own namespace only.',
  match: matching(rights, bothBindings, ['CREATE', 'UPDATE']),
  conditions: [{ name: 'is-of-a-tenant', expression: ofTenant }],
  validations: [
    {
      expression: `${subjects}.all(subject, subject.kind == 'ServiceAccount' && has(subject.namespace) && subject.namespace.startsWith('hexabase-ws-') && (${place} == '' || subject.namespace == ${place}))`,
      message: 'rights of a tenant are bound to accounts of its own namespace, never to users or groups',
    },
    {
      expression: "object.roleRef.name.startsWith('vc-')",
      message: 'accounts of a tenant get the roles of their own control plane and no others',
    },
  ],
};

const all = ['CREATE', 'UPDATE', 'DELETE'] as const;

/** RBAC cannot say "only namespaces that begin with …"; this can. */
const ownNamespaces: HostPolicy = {
  name: 'hexabase-own-namespaces',
  scope: 'workspaces',
  purpose: 'The control plane’s account writes, and opens shells, in its own namespaces only.',
  match: [
    ...matching(
      '/v1',
      [
        ['namespaces', 'Namespace'],
        ['configmaps', 'ConfigMap'],
        ['secrets', 'Secret'],
        ['services', 'Service'],
        ['endpoints', 'Endpoints'],
        ['pods', 'Pod'],
        ['persistentvolumeclaims', 'PersistentVolumeClaim'],
        ['serviceaccounts', 'ServiceAccount'],
        ['resourcequotas', 'ResourceQuota'],
        ['limitranges', 'LimitRange'],
      ],
      all,
    ),
    ...matching(
      '/v1',
      [
        ['pods/status', 'Pod/status'],
        ['pods/ephemeralcontainers', 'Pod/ephemeralcontainers'],
        ['pods/resize', 'Pod/resize'],
      ],
      ['UPDATE'],
    ),
    ...matching(
      '/v1',
      [
        ['pods/exec', 'Pod/exec'],
        ['pods/attach', 'Pod/attach'],
        ['pods/portforward', 'Pod/portforward'],
      ],
      ['CONNECT'],
    ),
    ...matching(
      'apps/v1',
      [
        ['statefulsets', 'StatefulSet'],
        ['deployments', 'Deployment'],
        ['replicasets', 'ReplicaSet'],
      ],
      all,
    ),
    ...matching(
      'networking.k8s.io/v1',
      [
        ['networkpolicies', 'NetworkPolicy'],
        ['ingresses', 'Ingress'],
      ],
      all,
    ),
    ...matching('discovery.k8s.io/v1', [['endpointslices', 'EndpointSlice']], all),
    ...matching(rights, [...bothRoles, ...bothBindings], all),
  ],
  conditions: [
    {
      name: 'is-our-account',
      expression: `request.userInfo.username == 'system:serviceaccount:${fenceNamespace}:${hostAccount}'`,
    },
  ],
  validations: [
    {
      // The request of a namespace has that namespace's own name.
      expression: `${place}.startsWith('hexabase-ws-') || ${place} == '${fenceNamespace}' || (${place} == '' && request.name.startsWith('vc-ws-'))`,
      message: 'the Hexabase control plane only writes in its own namespaces',
    },
    {
      // Without it none of the policies about what is in a workspace looks there.
      expression: `request.operation == 'DELETE' || request.kind.kind != 'Namespace' || !request.name.startsWith('hexabase-ws-') || (has(object.metadata.labels) && '${workspaceLabel}' in object.metadata.labels && request.name == 'hexabase-ws-' + object.metadata.labels['${workspaceLabel}'])`,
      message: `a namespace that the Hexabase control plane makes says by its label ${workspaceLabel} which workspace it is`,
    },
  ],
};

export const rightPolicies: readonly HostPolicy[] = [tenantRoles, tenantBindings, ownNamespaces];

import { matching, type HostPolicy } from './host-policy.ts';

const rights = 'rbac.authorization.k8s.io/v1';
const rules = '(has(object.rules) && dyn(object.rules) != null ? object.rules : [])';
/** What Kubernetes itself makes at each start stays as it is. */
const notBuiltIn = { name: 'is-not-built-in', expression: "!request.name.startsWith('system:')" };

/**
 * What is to be refused is a condition too: where Kyverno judges, the API server asks it about nothing else then, and all
 * other roles and bindings of the host go on while it is away.
 */
const unless = (fine: string) => ({ name: 'is-to-be-refused', expression: `!(${fine})` });

/** RBAC takes a subresource of every resource in one word. */
const withoutProxy = `${rules}.all(rule, !has(rule.resources) || !rule.resources.exists(resource, resource in ['nodes/proxy', '*/proxy']))`;

const nodesProxy: HostPolicy = {
  name: 'restrict-nodes-proxy',
  scope: 'cluster',
  purpose:
    'No cluster role holds nodes/proxy, which reaches every container of a node past admission and audit.',
  match: matching(rights, [['clusterroles', 'ClusterRole']], ['CREATE', 'UPDATE']),
  conditions: [notBuiltIn, unless(withoutProxy)],
  validations: [{ expression: withoutProxy, message: 'cluster roles may not hold nodes/proxy' }],
};

const withoutSystemGroups =
  "!has(object.subjects) || dyn(object.subjects) == null || object.subjects.all(subject, !(subject.name in ['system:anonymous', 'system:unauthenticated', 'system:masters']))";

const systemGroups: HostPolicy = {
  name: 'restrict-binding-system-groups',
  scope: 'cluster',
  purpose: 'No binding gives rights to everybody, to strangers, or for ever.',
  match: matching(
    rights,
    [
      ['rolebindings', 'RoleBinding'],
      ['clusterrolebindings', 'ClusterRoleBinding'],
    ],
    ['CREATE', 'UPDATE'],
  ),
  conditions: [
    notBuiltIn,
    { name: 'is-not-of-the-host', expression: "request.name != 'cluster-admin'" },
    unless(withoutSystemGroups),
  ],
  validations: [
    {
      expression: withoutSystemGroups,
      message: 'rights may not be bound to system:anonymous, system:unauthenticated or system:masters',
    },
  ],
};

const withoutEndpoints = `${rules}.all(rule, !has(rule.resources) || !rule.resources.exists(resource, resource in ['endpoints', 'endpointslices']) || !rule.verbs.exists(verb, verb in ['*', 'create', 'update', 'patch']))`;

const endpoints: HostPolicy = {
  name: 'restrict-edit-for-endpoints',
  scope: 'cluster',
  purpose: 'The common roles admin and edit do not let people write endpoints by hand (CVE-2021-25740).',
  match: matching(rights, [['clusterroles', 'ClusterRole']], ['CREATE', 'UPDATE']),
  conditions: [
    {
      name: 'is-part-of-edit-or-admin',
      expression:
        "has(object.metadata.labels) && ['rbac.authorization.k8s.io/aggregate-to-edit', 'rbac.authorization.k8s.io/aggregate-to-admin'].exists(label, label in object.metadata.labels && object.metadata.labels[label] == 'true')",
    },
    unless(withoutEndpoints),
  ],
  validations: [
    {
      expression: withoutEndpoints,
      message: 'the roles edit and admin may not write endpoints or endpointslices',
    },
  ],
};

/** For the host's operator to apply: these bind everybody on the host, so we do not install them. */
export const clusterPolicies: readonly HostPolicy[] = [nodesProxy, systemGroups, endpoints];

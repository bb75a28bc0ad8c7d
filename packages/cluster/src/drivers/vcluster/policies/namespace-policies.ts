import { fenceNamespace, managedBy, workspaceLabel } from '../names.ts';
import { inWorkspaceNamespace, matching, type HostPolicy } from './host-policy.ts';

const everyDoor = [
  ['namespaces', 'Namespace'],
  ['namespaces/status', 'Namespace/status'],
  ['namespaces/finalize', 'Namespace/finalize'],
] as const;

const ours = `(request.name.startsWith('hexabase-ws-') || request.name == '${fenceNamespace}')`;

/** CEL: the part of a namespace’s labels or annotations that says whose it is. */
const ownership = (object: string, field: 'labels' | 'annotations'): string =>
  `(has(${object}.metadata.${field}) ? ${object}.metadata.${field} : {})`;

const manager = 'app.kubernetes.io/managed-by';
const ownKey = `(key.startsWith('hexabase.ai/') || key == '${manager}')`;

const sameOwnership = (field: 'labels' | 'annotations'): string => {
  const [before, after] = [ownership('oldObject', field), ownership('object', field)];
  return (
    `${before}.all(key, !${ownKey} || (key in ${after} && ${after}[key] == ${before}[key]))` +
    ` && ${after}.all(key, !${ownKey} || key in ${before})`
  );
};

/** CEL: says that it is ours. Who else manages it, as Helm does for others, is no business of ours. */
const mentions = (object: string): string =>
  `(${(['labels', 'annotations'] as const)
    .map((field) => ownership(object, field))
    .map(
      (all) =>
        `${all}.exists(key, key.startsWith('hexabase.ai/') || (key == '${manager}' && ${all}[key] == '${managedBy[manager]}'))`,
    )
    .join(' || ')})`;

/** Whose a namespace is decides about everything in it, by whichever subresource it is written. */
const workspaceNamespaces: HostPolicy = {
  name: 'hexabase-workspace-namespaces',
  scope: 'workspaces',
  purpose: 'Only the control plane and administrators make, remove or relabel namespaces of workspaces.',
  match: [
    ...matching('/v1', everyDoor, ['UPDATE']),
    ...matching('/v1', [['namespaces', 'Namespace']], ['CREATE', 'DELETE']),
  ],
  exceptOwners: true,
  conditions: [
    {
      // The namespaces of others are nobody's business, and wait for no one who decides about these.
      name: 'is-about-a-workspace',
      expression: `${ours} || (request.operation != 'DELETE' && ${mentions('object')}) || (request.operation != 'CREATE' && ${mentions('oldObject')})`,
    },
  ],
  validations: [
    {
      expression: `request.operation != 'CREATE' || !(${ours} || (has(object.metadata.labels) && '${workspaceLabel}' in object.metadata.labels))`,
      message: 'namespaces of workspaces are made by the Hexabase control plane',
    },
    {
      expression: `request.operation != 'DELETE' || !${ours}`,
      message: 'delete the workspace instead: its namespace goes with it',
    },
    {
      expression: `request.operation != 'UPDATE' || (${sameOwnership('labels')})`,
      message:
        'labels that tell whose a namespace is (hexabase.ai/…, app.kubernetes.io/managed-by) do not change',
    },
    {
      expression: `request.operation != 'UPDATE' || (${sameOwnership('annotations')})`,
      message: 'annotations that tell whose a namespace is (hexabase.ai/…) do not change',
    },
  ],
};

const enforced = (object: string): string =>
  `(has(${object}.metadata.labels) && 'pod-security.kubernetes.io/enforce' in ${object}.metadata.labels ? ${object}.metadata.labels['pod-security.kubernetes.io/enforce'] : 'privileged')`;

const rank = (level: string): string => `(${level} == 'restricted' ? 2 : ${level} == 'baseline' ? 1 : 0)`;

const version = (object: string): string =>
  `(has(${object}.metadata.labels) && 'pod-security.kubernetes.io/enforce-version' in ${object}.metadata.labels ? ${object}.metadata.labels['pod-security.kubernetes.io/enforce-version'] : 'latest')`;

/** Has no exception: not even we lower it. */
const podSecurity: HostPolicy = {
  name: 'hexabase-pod-security',
  scope: 'workspaces',
  purpose: 'Our namespaces enforce Pod Security of at least `baseline`, and nobody lowers it.',
  match: [
    ...matching('/v1', everyDoor, ['UPDATE']),
    ...matching('/v1', [['namespaces', 'Namespace']], ['CREATE']),
  ],
  conditions: [{ name: 'is-ours', expression: ours }],
  validations: [
    {
      // Ours may be older than this rule, and ends like every other.
      expression: `(request.operation == 'UPDATE' && request.name == '${fenceNamespace}') || ${rank(enforced('object'))} >= 1`,
      message: 'pod-security.kubernetes.io/enforce is baseline or restricted here',
    },
    {
      expression: `request.operation != 'UPDATE' || ${rank(enforced('object'))} >= ${rank(enforced('oldObject'))}`,
      message: 'pod-security.kubernetes.io/enforce is not lowered',
    },
    {
      expression: `request.operation != 'UPDATE' || ${version('object')} == ${version('oldObject')} || ${version('object')} == 'latest'`,
      message: 'pod-security.kubernetes.io/enforce-version only changes to latest',
    },
  ],
};

/** Quota, limits and network policy are what keeps tenants apart; the tenant’s account has no right to them anyway. */
const guards: HostPolicy = {
  name: 'hexabase-guards',
  scope: 'workspaces',
  purpose:
    'Only the control plane and administrators touch the quota, limits and network policies of a workspace.',
  match: [
    ...matching(
      '/v1',
      [
        ['resourcequotas', 'ResourceQuota'],
        ['limitranges', 'LimitRange'],
      ],
      ['CREATE', 'UPDATE', 'DELETE'],
    ),
    // Whoever says that nothing is used up has no quota.
    ...matching('/v1', [['resourcequotas/status', 'ResourceQuota/status']], ['UPDATE']),
    ...matching(
      'networking.k8s.io/v1',
      [['networkpolicies', 'NetworkPolicy']],
      ['CREATE', 'UPDATE', 'DELETE'],
    ),
  ],
  exceptOwners: true,
  conditions: [
    { name: 'is-in-a-workspace', expression: inWorkspaceNamespace },
    // The namespace's own end and the counting of the quota are the host's business.
    {
      name: 'is-not-of-the-host',
      expression:
        "!request.userInfo.username.startsWith('system:serviceaccount:kube-system:') && !request.userInfo.username.startsWith('system:kube-') && request.userInfo.username != 'system:apiserver'",
    },
  ],
  validations: [
    {
      expression: 'false',
      message: 'quota, limits and network policies of a workspace follow from its plan',
    },
  ],
};

export const namespacePolicies: readonly HostPolicy[] = [workspaceNamespaces, podSecurity, guards];

import { fenceNamespace, fenceRecordPolicy, fieldManager, note, workspaceLabel } from '../names.ts';
import { matching, type HostMatch, type HostPolicy } from './host-policy.ts';

type Operation = 'CREATE' | 'UPDATE';

/** What we write for a workspace outside of its namespace, the namespace itself included. */
const outside = (operation: Operation): HostMatch[] => [
  ...matching('/v1', [['namespaces', 'Namespace']], [operation]),
  ...matching(
    'rbac.authorization.k8s.io/v1',
    [
      ['clusterroles', 'ClusterRole'],
      ['clusterrolebindings', 'ClusterRoleBinding'],
    ],
    [operation],
  ),
];

/** What we write in its namespace. */
const inside = (operation: Operation): HostMatch[] => [
  ...matching(
    '/v1',
    [
      ['configmaps', 'ConfigMap'],
      ['secrets', 'Secret'],
      ['services', 'Service'],
      ['serviceaccounts', 'ServiceAccount'],
      ['resourcequotas', 'ResourceQuota'],
      ['limitranges', 'LimitRange'],
      ['persistentvolumeclaims', 'PersistentVolumeClaim'],
    ],
    [operation],
  ),
  ...matching(
    'apps/v1',
    [
      ['statefulsets', 'StatefulSet'],
      ['deployments', 'Deployment'],
    ],
    [operation],
  ),
  ...matching('networking.k8s.io/v1', [['networkpolicies', 'NetworkPolicy']], [operation]),
  ...matching(
    'rbac.authorization.k8s.io/v1',
    [
      ['roles', 'Role'],
      ['rolebindings', 'RoleBinding'],
    ],
    [operation],
  ),
];

const carriesFence = (object: string): string =>
  `has(${object}.metadata.annotations) && '${note.fence}' in ${object}.metadata.annotations`;

const fenceOf = (object: string): string => `int(${object}.metadata.annotations['${note.fence}'])`;

/** A worker that was paused goes on where it stopped: what a newer one has written, it cannot overwrite. */
const fenceOrder: HostPolicy = {
  name: 'hexabase-fence-order',
  scope: 'workspaces',
  reason: 'Invalid',
  purpose: 'A worker that was replaced cannot overwrite what a newer one has written.',
  match: [...outside('UPDATE'), ...inside('UPDATE')],
  conditions: [{ name: 'carries-a-fence', expression: carriesFence('oldObject') }],
  validations: [
    {
      expression: carriesFence('object'),
      message: `the annotation ${note.fence} stays on what a workspace consists of`,
    },
    {
      expression: `!(${carriesFence('object')}) || ${fenceOf('object')} >= ${fenceOf('oldObject')}`,
      message: 'a newer worker has written this object; the one that asks was replaced',
    },
  ],
};

/**
 * A create finds no old object to compare with, so it is compared with the records that outlive workspaces. The cost
 * grows with their number, so only what opens the way to everything else pays it: without its namespace nothing of a
 * workspace can be made.
 */
const fenceCreate: HostPolicy = {
  name: 'hexabase-fence-create',
  scope: 'workspaces',
  reason: 'Invalid',
  purpose: 'A worker that was replaced cannot bring back what a newer one has deleted.',
  match: outside('CREATE'),
  labelled: true,
  fenceRecords: true,
  conditions: [{ name: 'carries-a-fence', expression: carriesFence('object') }],
  validations: [
    {
      expression: `params.metadata.name != 'hexabase-fence-' + object.metadata.labels['${workspaceLabel}'] || int(params.data.fence) <= ${fenceOf('object')}`,
      message: 'a newer worker owns this workspace; the one that asks was replaced',
    },
  ],
};

/** Everybody else who changes an object leaves its fence as it is, which is mostly older than the namespace's. */
const byWorker = `has(request.options.fieldManager) && request.options.fieldManager == '${fieldManager}'`;

/**
 * Inside, the namespace tells who has begun last: it is written before anything else. An object that a newer worker found
 * as it should be carries an older fence, so it is not enough to compare with that.
 */
const fenceInside: HostPolicy = {
  name: 'hexabase-fence-inside',
  scope: 'workspaces',
  reason: 'Invalid',
  purpose: 'A worker that was replaced adds and changes nothing in a namespace that a newer one has written.',
  match: [...inside('CREATE'), ...inside('UPDATE')],
  inWorkspaces: true,
  conditions: [
    { name: 'carries-a-fence', expression: carriesFence('object') },
    { name: 'is-of-a-worker', expression: `request.operation == 'CREATE' || (${byWorker})` },
  ],
  validations: [
    {
      expression: `!(${carriesFence('namespaceObject')}) || ${fenceOf('object')} >= ${fenceOf('namespaceObject')}`,
      message: 'a newer worker has written the namespace; the one that asks was replaced',
    },
  ],
};

/** Whoever deletes all there are at once names none of them in the request. */
const isRecord = `request.namespace == '${fenceNamespace}' && oldObject.metadata.name.startsWith('hexabase-fence-')`;

/** Records are found by it. */
const workspaceOf = (object: string): string =>
  `(has(${object}.metadata.labels) && '${workspaceLabel}' in ${object}.metadata.labels ? ${object}.metadata.labels['${workspaceLabel}'] : '')`;

/** Whoever can lower or remove the record, or hide it, can undo both rules above. Has no exception: not even we may. */
const fenceRecord: HostPolicy = {
  name: fenceRecordPolicy,
  scope: 'workspaces',
  reason: 'Invalid',
  purpose: 'The record of a workspace’s fence only rises, and stays.',
  match: matching('/v1', [['configmaps', 'ConfigMap']], ['UPDATE', 'DELETE']),
  conditions: [
    { name: 'is-a-record', expression: isRecord },
    { name: 'holds-a-fence', expression: 'has(oldObject.data) && has(oldObject.data.fence)' },
  ],
  validations: [
    {
      expression:
        "request.operation == 'DELETE' || (has(object.data) && has(object.data.fence) && int(object.data.fence) >= int(oldObject.data.fence))",
      message: 'the fence of a workspace only rises',
    },
    {
      expression: `request.operation == 'DELETE' || ${workspaceOf('object')} == ${workspaceOf('oldObject')}`,
      message: `the record of a fence keeps its label ${workspaceLabel}: it is found by it`,
    },
    {
      // The end of the whole namespace is decided where that is deleted.
      expression:
        "request.operation != 'DELETE' || request.userInfo.username == 'system:serviceaccount:kube-system:namespace-controller'",
      message: 'the record of a fence stays when its workspace is gone',
    },
  ],
};

export const fencePolicies: readonly HostPolicy[] = [fenceOrder, fenceCreate, fenceInside, fenceRecord];

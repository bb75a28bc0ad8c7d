import { fenceNamespace, note, workspaceLabel } from '../names.ts';
import { matching, type HostMatch, type HostPolicy } from './host-policy.ts';

/** Everything that we write for a workspace. */
const written = (operation: 'CREATE' | 'UPDATE'): HostMatch[] => [
  ...matching(
    '/v1',
    [
      ['namespaces', 'Namespace'],
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
      ['clusterroles', 'ClusterRole'],
      ['clusterrolebindings', 'ClusterRoleBinding'],
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
  match: written('UPDATE'),
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

/** A create finds no old object to compare with, so it is compared with the record that outlives the workspace. */
const fenceCreate: HostPolicy = {
  name: 'hexabase-fence-create',
  scope: 'workspaces',
  reason: 'Invalid',
  purpose: 'A worker that was replaced cannot bring back what a newer one has deleted.',
  match: written('CREATE'),
  fenceRecords: true,
  conditions: [
    { name: 'carries-a-fence', expression: carriesFence('object') },
    {
      name: 'belongs-to-a-workspace',
      expression: `has(object.metadata.labels) && '${workspaceLabel}' in object.metadata.labels`,
    },
  ],
  validations: [
    {
      expression: `params.metadata.name != 'hexabase-fence-' + object.metadata.labels['${workspaceLabel}'] || int(params.data.fence) <= ${fenceOf('object')}`,
      message: 'a newer worker owns this workspace; the one that asks was replaced',
    },
  ],
};

const isRecord = `request.namespace == '${fenceNamespace}' && request.name.startsWith('hexabase-fence-')`;

/** Whoever can lower the record can undo both rules above. */
const fenceRecord: HostPolicy = {
  name: 'hexabase-fence-record',
  scope: 'workspaces',
  reason: 'Invalid',
  purpose: 'The record of a workspace’s fence only rises.',
  match: matching('/v1', [['configmaps', 'ConfigMap']], ['UPDATE']),
  conditions: [
    { name: 'is-a-record', expression: isRecord },
    { name: 'holds-a-fence', expression: 'has(oldObject.data) && has(oldObject.data.fence)' },
  ],
  validations: [
    {
      expression:
        'has(object.data) && has(object.data.fence) && int(object.data.fence) >= int(oldObject.data.fence)',
      message: 'the fence of a workspace only rises',
    },
  ],
};

export const fencePolicies: readonly HostPolicy[] = [fenceOrder, fenceCreate, fenceRecord];

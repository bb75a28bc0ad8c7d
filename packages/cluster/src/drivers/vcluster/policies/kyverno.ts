import type { ApplicableObject } from '../../../kube-api/apply.ts';
import { fenceNamespace, managedBy, workspaceLabel } from '../names.ts';
import { hostRole } from './host-rbac.ts';
import type { HostMatch, HostPolicy } from './host-policy.ts';

/**
 * The same rule for hosts that are governed by Kyverno (1.12 and newer): its ClusterPolicy takes the CEL of native
 * policies as it is. Only who is excepted is said differently, by cluster role, because Kyverno's CEL cannot ask the
 * authorizer. It makes no calls of its own to any API.
 */
export function kyvernoPolicy(policy: HostPolicy): ApplicableObject {
  const { name, purpose, exceptOwners, conditions, variables, fenceRecords, validations } = policy;
  return {
    apiVersion: 'kyverno.io/v1',
    kind: 'ClusterPolicy',
    metadata: {
      name,
      labels: { ...managedBy },
      annotations: { 'policies.kyverno.io/description': purpose },
    },
    spec: {
      background: false,
      webhookConfiguration: { failurePolicy: 'Fail' },
      rules: [
        {
          name,
          match: { any: matches(policy) },
          ...(exceptOwners === true && {
            exclude: { any: [{ clusterRoles: ['cluster-admin', hostRole] }] },
          }),
          ...(conditions && { celPreconditions: conditions }),
          validate: {
            failureAction: 'Enforce',
            cel: {
              ...(fenceRecords === true && fenceParameters),
              ...(variables && { variables }),
              expressions: validations,
            },
          },
        },
      ],
    },
  };
}

const fenceParameters = {
  paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
  paramRef: {
    namespace: fenceNamespace,
    selector: { matchExpressions: [{ key: workspaceLabel, operator: 'Exists' }] },
    parameterNotFoundAction: 'Allow',
  },
};

function matches({ match, inWorkspaces, labelled }: HostPolicy) {
  const groups = Map.groupBy(match, ({ operations }) => JSON.stringify(operations));
  return [...groups.values()].map((members) => ({
    resources: {
      kinds: members.map(kindOf),
      operations: members[0]?.operations,
      ...(labelled === true && {
        selector: { matchExpressions: [{ key: workspaceLabel, operator: 'Exists' }] },
      }),
      ...(inWorkspaces === true && {
        namespaceSelector: { matchExpressions: [{ key: workspaceLabel, operator: 'Exists' }] },
      }),
    },
  }));
}

/** `v1/Pod`, `apps/v1/Deployment`, `v1/Pod/exec` */
function kindOf({ apiGroup, apiVersion, kind }: HostMatch): string {
  return apiGroup === '' ? `${apiVersion}/${kind}` : `${apiGroup}/${apiVersion}/${kind}`;
}

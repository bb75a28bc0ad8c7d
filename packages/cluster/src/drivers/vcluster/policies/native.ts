import type { ApplicableObject } from '../../../kube-api/apply.ts';
import { fenceNamespace, managedBy, workspaceLabel } from '../names.ts';
import { messageOf, type HostMatch, type HostPolicy } from './host-policy.ts';

const apiVersion = 'admissionregistration.k8s.io/v1';

/** CEL: whether the one who asks is us or an administrator of the host is decided by RBAC, not by a name. */
const notAnOwner = "!authorizer.group('hexabase.ai').resource('workspaces').check('own').allowed()";

/** A ValidatingAdmissionPolicy (Kubernetes 1.30 and newer) and the binding that makes it deny. */
export function nativePolicy(policy: HostPolicy): [policy: ApplicableObject, binding: ApplicableObject] {
  const metadata = { name: policy.name, labels: { ...managedBy } };
  const annotations = { 'hexabase.ai/purpose': policy.purpose };
  return [
    {
      apiVersion,
      kind: 'ValidatingAdmissionPolicy',
      metadata: { ...metadata, annotations },
      spec: {
        failurePolicy: 'Fail',
        ...(policy.fenceRecords === true && { paramKind: { apiVersion: 'v1', kind: 'ConfigMap' } }),
        matchConstraints: matchConstraints(policy),
        ...matchConditions(policy),
        ...(policy.variables && { variables: policy.variables }),
        validations: policy.validations.map((validation) => ({
          expression: validation.expression,
          ...messageOf(validation),
          reason: policy.reason ?? 'Forbidden',
        })),
      },
    },
    {
      apiVersion,
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata,
      spec: {
        policyName: policy.name,
        validationActions: ['Deny'],
        ...(policy.fenceRecords === true && { paramRef: fenceRecords() }),
      },
    },
  ];
}

/** What a policy is asked about; Kyverno's ValidatingPolicy says it in the same words. */
export function matchConstraints({ match, inWorkspaces, labelled }: HostPolicy): object {
  const ofWorkspace = { matchExpressions: [{ key: workspaceLabel, operator: 'Exists' }] };
  return {
    ...(inWorkspaces === true && { namespaceSelector: ofWorkspace }),
    ...(labelled === true && { objectSelector: ofWorkspace }),
    resourceRules: resourceRules(match),
  };
}

/** Before the first record there is nothing to be older than. */
function fenceRecords() {
  return {
    namespace: fenceNamespace,
    selector: { matchExpressions: [{ key: workspaceLabel, operator: 'Exists' }] },
    parameterNotFoundAction: 'Allow',
  };
}

function matchConditions({ conditions = [], exceptOwners }: HostPolicy) {
  const all = [
    ...conditions,
    ...(exceptOwners === true ? [{ name: 'is-not-an-owner', expression: notAnOwner }] : []),
  ];
  return all.length === 0 ? {} : { matchConditions: all };
}

/** One rule for each group of resources that share everything else. */
function resourceRules(match: readonly HostMatch[]) {
  const groups = Map.groupBy(match, ({ apiGroup, apiVersion: version, operations }) =>
    JSON.stringify([apiGroup, version, operations]),
  );
  return [...groups.values()].map((members) => ({
    apiGroups: [members[0]?.apiGroup],
    apiVersions: [members[0]?.apiVersion],
    operations: members[0]?.operations,
    resources: members.map(({ resource }) => resource),
  }));
}

import type { ApplicableObject } from '../../../kube-api/apply.ts';
import { fenceNamespace, managedBy, workspaceLabel } from '../names.ts';
import { messageOf, type HostPolicy } from './host-policy.ts';
import { matchConstraints } from './native.ts';

/**
 * The same rule for hosts that are governed by Kyverno (1.18 and newer), as its ValidatingPolicy, which takes the match
 * and the CEL of native policies as they are. Two things are not in its CEL and are asked of the API server by Kyverno's
 * own account instead: whether the one who asks may `own` workspaces, and the record of a fence.
 */
export function kyvernoPolicy(policy: HostPolicy): ApplicableObject {
  const { name, purpose, conditions, validations } = policy;
  const variables = variablesOf(policy);
  return {
    apiVersion: 'policies.kyverno.io/v1',
    kind: 'ValidatingPolicy',
    metadata: {
      name,
      labels: { ...managedBy },
      annotations: { 'policies.kyverno.io/description': purpose },
    },
    spec: {
      failurePolicy: 'Fail',
      validationActions: ['Deny'],
      // What exists already is not judged: most rules are about who asks, and when.
      evaluation: { admission: { enabled: true }, background: { enabled: false } },
      // A rule about pods is about pods: what makes them has its own, and the pods of it are refused.
      autogen: { podControllers: { controllers: [] }, validatingAdmissionPolicy: { enabled: false } },
      matchConstraints: matchConstraints(policy),
      ...(conditions && { matchConditions: conditions }),
      ...(variables.length > 0 && { variables }),
      validations: validations.map((validation) => ({
        expression: kyvernoExpression(validation.expression, policy),
        ...messageOf(validation),
      })),
    },
  };
}

/** Of the native expression; variables are worked out only when they are come to, so most requests cost no question. */
function kyvernoExpression(expression: string, { exceptOwners, fenceRecords }: HostPolicy): string {
  if (fenceRecords === true)
    return `dyn(${record}) == null || (${expression.replaceAll('params.', `${record}.`)})`;
  return exceptOwners === true ? `(${expression}) || variables.owner` : expression;
}

const record = 'variables.record';

/** The native form walks through all records; here the one that counts is asked for by its name. */
const recordOfObject = `resource.Get('v1', 'configmaps', '${fenceNamespace}', 'hexabase-fence-' + object.metadata.labels['${workspaceLabel}'])`;

/** What `authorizer` says natively. */
const asksOwner =
  "resource.Post('authorization.k8s.io/v1', 'subjectaccessreviews', {" +
  "'apiVersion': dyn('authorization.k8s.io/v1'), 'kind': dyn('SubjectAccessReview'), 'spec': dyn({" +
  "'user': dyn(request.userInfo.username), 'groups': dyn(has(request.userInfo.groups) ? request.userInfo.groups : []), " +
  "'resourceAttributes': dyn({'group': 'hexabase.ai', 'resource': 'workspaces', 'verb': 'own'})})}).status.allowed";

function variablesOf({ variables = [], exceptOwners, fenceRecords }: HostPolicy) {
  return [
    ...variables,
    ...(exceptOwners === true ? [{ name: 'owner', expression: asksOwner }] : []),
    ...(fenceRecords === true ? [{ name: 'record', expression: recordOfObject }] : []),
  ];
}

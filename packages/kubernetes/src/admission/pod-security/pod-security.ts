import { fieldsOf, isObject, stringMapOf, type Json } from '../../auth/fields.ts';
import { sameJson } from '../../api/registry/object.ts';
import type { KubeObject } from '../../types.ts';
import { refused, type AdmissionContext } from '../context.ts';
import type { CheckedPod } from './containers.ts';
import { checkLabels, describe, policiesOf, policyText, violations, type Policy } from './policy.ts';

/** How many pods a tightened namespace is checked against, and how many it names. */
const podsChecked = 3_000;

/** Where the kinds keep their pod template. */
const templates: Readonly<Record<string, readonly string[]>> = {
  '/podtemplates': ['template'],
  '/replicationcontrollers': ['spec', 'template'],
  'apps/deployments': ['spec', 'template'],
  'apps/replicasets': ['spec', 'template'],
  'apps/statefulsets': ['spec', 'template'],
  'apps/daemonsets': ['spec', 'template'],
  'batch/jobs': ['spec', 'template'],
  'batch/cronjobs': ['spec', 'jobTemplate', 'spec', 'template'],
};

/**
 * Holds pods to the Pod Security Standards that their namespace's labels name. Workloads are only warned about: it is
 * their pods that are refused.
 */
export function podSecurity(context: AdmissionContext): void {
  const { operation, info, object } = context;
  if (!object || (operation !== 'CREATE' && operation !== 'UPDATE')) return;
  if (info.groupResource === '/namespaces') return onNamespace(context, object);
  const namespace = context.store.get('/namespaces', '', context.namespace);
  if (!namespace) return;
  if (info.groupResource === '/pods') return onPod(context, object, namespace);
  const path = templates[info.groupResource];
  if (path === undefined || context.subresource !== '') return;
  const template = path.reduce<Json>((value, field) => fieldsOf(value[field]), object);
  if (Object.keys(template).length > 0) warn(context, namespace, podOf(template));
}

function onPod(context: AdmissionContext, object: KubeObject, namespace: KubeObject): void {
  if (!['', 'ephemeralcontainers'].includes(context.subresource)) return;
  if (context.old && !touchesSecurity(object, context.old)) return;
  const pod = podOf(object);
  const policy = policiesOf(namespace).enforce;
  const found = violations(pod, policy.level);
  if (found.length > 0)
    throw refused(context, `violates PodSecurity ${JSON.stringify(policyText(policy))}: ${describe(found)}`);
  warn(context, namespace, pod);
}

function warn(context: AdmissionContext, namespace: KubeObject, pod: CheckedPod): void {
  const policy = policiesOf(namespace).warn;
  const found = violations(pod, policy.level);
  if (found.length > 0)
    context.warn(`would violate PodSecurity ${JSON.stringify(policyText(policy))}: ${describe(found)}`);
}

/** Labels may change on a pod that was admitted under milder rules; what the rules look at may not. */
function touchesSecurity(object: KubeObject, old: KubeObject): boolean {
  const fields = [
    'containers',
    'initContainers',
    'ephemeralContainers',
    'securityContext',
    'volumes',
    'hostNetwork',
    'hostPID',
    'hostIPC',
  ];
  const spec = fieldsOf(object['spec']);
  const before = fieldsOf(old['spec']);
  if (fields.some((field) => !sameJson(spec[field], before[field]))) return true;
  const relevant = (pod: KubeObject) =>
    Object.entries(pod.metadata.annotations ?? {}).filter(([key]) =>
      /^(seccomp\.|container\.(seccomp|apparmor)\.)/.test(key),
    );
  return !sameJson(relevant(object), relevant(old));
}

/** Checks the labels, and warns about running pods that a stricter level would refuse. */
function onNamespace(context: AdmissionContext, object: KubeObject): void {
  if (context.subresource !== '') return;
  if (context.old === undefined || !sameJson(object.metadata.labels, context.old.metadata.labels))
    checkLabels(object);
  if (!context.old) return;
  const policy = policiesOf(object).enforce;
  const before = policiesOf(context.old).enforce;
  if (policy.level === 'privileged' || policyText(policy) === policyText(before)) return;
  const isRelaxed = before.level === 'restricted' || policy.level === before.level;
  if (policy.version === before.version && isRelaxed) return;
  for (const warning of runningViolations(context, object.metadata.name, policy)) context.warn(warning);
}

function runningViolations(context: AdmissionContext, namespace: string, policy: Policy): string[] {
  const { items, remaining } = context.store.list('/pods', { namespace, limit: podsChecked });
  const groups = new Map<string, string[]>();
  for (const pod of items) {
    const reasons = violations(podOf(pod), policy.level)
      .map(({ reason }) => reason)
      .join(', ');
    if (reasons !== '') groups.set(reasons, [...(groups.get(reasons) ?? []), pod.metadata.name]);
  }
  const named = [...groups].map(([reasons, [first = '', ...others]]) => {
    const more =
      others.length === 0 ? '' : ` (and ${others.length} other ${others.length === 1 ? 'pod' : 'pods'})`;
    return `${first}${more}: ${reasons}`;
  });
  const checked = `new PodSecurity enforce level only checked against the first ${items.length} of ${items.length + remaining} existing pods`;
  const head = `existing pods in namespace ${JSON.stringify(namespace)} violate the new PodSecurity enforce level ${JSON.stringify(policyText(policy))}`;
  return [...(remaining > 0 ? [checked] : []), ...(named.length > 0 ? [head] : []), ...named.toSorted()];
}

function podOf(holder: Json): CheckedPod {
  const spec = holder['spec'];
  return {
    annotations: stringMapOf(fieldsOf(holder['metadata'])['annotations']),
    spec: isObject(spec) ? spec : {},
  };
}

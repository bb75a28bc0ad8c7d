import { fieldsOf, objectsOf, stringsOf, textOf, type Json } from '../../auth/fields.ts';
import type { GroupResource, KubeObject } from '../../types.ts';

/** True when a quota speaks of the object: a quota with scopes counts only the pods that meet all of them. */
export function quotaMatches(quota: KubeObject, resource: GroupResource, object: KubeObject): boolean {
  const spec = fieldsOf(quota['spec']);
  const scopes = stringsOf(spec['scopes']).map((scopeName) => ({ scopeName, operator: 'Exists' }));
  const selectors: Json[] = [...scopes, ...objectsOf(fieldsOf(spec['scopeSelector'])['matchExpressions'])];
  return selectors.every((selector) => meets(selector, resource, object));
}

function meets(selector: Json, resource: GroupResource, object: KubeObject): boolean {
  const spec = fieldsOf(object['spec']);
  if (selector['scopeName'] === 'VolumeAttributesClass') {
    return (
      resource === '/persistentvolumeclaims' &&
      meetsValue(selector, textOf(spec['volumeAttributesClassName']))
    );
  }
  if (resource !== '/pods') return false;
  switch (selector['scopeName']) {
    case 'Terminating':
      return isTerminatingPod(spec);
    case 'NotTerminating':
      return !isTerminatingPod(spec);
    case 'BestEffort':
      return isBestEffort(spec);
    case 'NotBestEffort':
      return !isBestEffort(spec);
    case 'PriorityClass':
      return meetsValue(selector, textOf(spec['priorityClassName']));
    case 'CrossNamespacePodAffinity':
      return crossesNamespaces(fieldsOf(spec['affinity']));
    default:
      return false;
  }
}

/** True for pods with a deadline: the scope Terminating, not a pod that is being deleted. */
export function isTerminatingPod(spec: Json): boolean {
  return typeof spec['activeDeadlineSeconds'] === 'number' && spec['activeDeadlineSeconds'] >= 0;
}

function meetsValue(selector: Json, value: string): boolean {
  const values = stringsOf(selector['values']);
  switch (selector['operator']) {
    case 'In':
      return value !== '' && values.includes(value);
    case 'NotIn':
      return value === '' || !values.includes(value);
    case 'Exists':
      return value !== '';
    case 'DoesNotExist':
      return value === '';
    default:
      return false;
  }
}

/** No container asks for or is limited in cpu or memory. */
function isBestEffort(spec: Json): boolean {
  const holders = [spec, ...objectsOf(spec['containers']), ...objectsOf(spec['initContainers'])];
  return !holders.some((holder) => {
    const resources = fieldsOf(holder['resources']);
    return [resources['requests'], resources['limits']].some((list) => {
      const amounts = fieldsOf(list);
      return isSet(amounts['cpu']) || isSet(amounts['memory']);
    });
  });
}

function isSet(amount: unknown): boolean {
  return amount !== undefined && amount !== '0' && amount !== 0;
}

function crossesNamespaces(affinity: Json): boolean {
  return ['podAffinity', 'podAntiAffinity'].some((kind) => {
    const rules = fieldsOf(affinity[kind]);
    const required = objectsOf(rules['requiredDuringSchedulingIgnoredDuringExecution']);
    const preferred = objectsOf(rules['preferredDuringSchedulingIgnoredDuringExecution']);
    const terms = [...required, ...preferred.map((term) => fieldsOf(term['podAffinityTerm']))];
    return terms.some(
      (term) => stringsOf(term['namespaces']).length > 0 || term['namespaceSelector'] !== undefined,
    );
  });
}

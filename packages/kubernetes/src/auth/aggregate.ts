import { meetsRequirement } from '../selectors/requirement.ts';
import type { ClusterStore } from '../store/store.ts';
import type { KubeObject } from '../types.ts';
import { clusterRolesResource } from './binding-index.ts';
import { objectsOf, fieldsOf, textOf, stringMapOf, stringsOf, type Json } from './fields.ts';

/**
 * The rules that an aggregated ClusterRole must hold: those of every other ClusterRole that one of its
 * `clusterRoleSelectors` picks, by name, without repeats. Undefined when the role does not aggregate.
 */
export function aggregateRules(store: ClusterStore, role: KubeObject): readonly Json[] | undefined {
  return aggregateFrom(role, store.list(clusterRolesResource).items);
}

/** The same over given roles, sorted by name. */
export function aggregateFrom(
  role: KubeObject,
  candidates: readonly KubeObject[],
): readonly Json[] | undefined {
  if (!role['aggregationRule']) return undefined;
  const selectors = objectsOf(fieldsOf(role['aggregationRule'])['clusterRoleSelectors']);
  const rules = new Map<string, Json>();
  for (const candidate of candidates) {
    if (candidate.metadata.name === role.metadata.name) continue;
    if (!selectors.some((selector) => selects(selector, candidate.metadata.labels ?? {}))) continue;
    for (const rule of objectsOf(candidate['rules'])) rules.set(JSON.stringify(rule), rule);
  }
  return [...rules.values()];
}

/** `metav1.LabelSelector` as upstream evaluates it: an empty one picks everything, an unknown operator nothing. */
export function selects(selector: Json, labels: Readonly<Record<string, string>>): boolean {
  const wanted = Object.entries(stringMapOf(selector['matchLabels']));
  const labelOf = (key: string) => (Object.hasOwn(labels, key) ? labels[key] : undefined);
  if (!wanted.every(([key, value]) => labelOf(key) === value)) return false;
  return objectsOf(selector['matchExpressions']).every((expression) => {
    const operator = textOf(expression['operator']);
    // Node selectors know more operators than label selectors do.
    if (!labelOperators.includes(operator)) return false;
    return meetsRequirement(operator, stringsOf(expression['values']), labelOf(textOf(expression['key'])));
  });
}

const labelOperators = ['In', 'NotIn', 'Exists', 'DoesNotExist'];

import type { LabelSelector, SelectorRequirement } from '../../objects.ts';
import { meetsRequirement } from '../../selectors/requirement.ts';

type Labels = Readonly<Record<string, string>> | undefined;

/** Whether labels satisfy a selector. An absent selector matches nothing, an empty one everything (metav1.LabelSelector). */
export function selects(selector: LabelSelector | undefined, labels: Labels): boolean {
  if (!selector) return false;
  return (
    selectsAll(selector.matchLabels, labels) &&
    (selector.matchExpressions ?? []).every((requirement) => meets(requirement, labels?.[requirement.key]))
  );
}

/** Whether labels contain all of `wanted`. */
export function selectsAll(wanted: Labels, labels: Labels): boolean {
  for (const key in wanted) if (labels?.[key] !== wanted[key]) return false;
  return true;
}

/** Whether one value (undefined when the key is absent) meets a requirement of a label or node selector. */
export function meets(requirement: SelectorRequirement, value: string | undefined): boolean {
  return meetsRequirement(requirement.operator, requirement.values ?? [], value);
}

/** An empty selector would take over every object, so workloads treat it as selecting nothing. */
export function isEmptySelector(selector: LabelSelector | undefined): boolean {
  return (
    !selector ||
    (Object.keys(selector.matchLabels ?? {}).length === 0 && (selector.matchExpressions ?? []).length === 0)
  );
}

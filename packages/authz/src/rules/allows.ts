import type { PolicyRule } from '@hexabase/contract/rules/policy-rule.ts';
import { resourceText, type NamedResource } from '@hexabase/contract/rules/rule-text.ts';

/** What somebody wants to do to a resource. `name` is '' when no single object is meant. */
export interface Wish extends NamedResource {
  verb: string;
  name: string;
}

/** True when one of the rules allows the wish, as Kubernetes RBAC decides it. */
export function rulesAllow(rules: readonly PolicyRule[], wish: Wish): boolean {
  return rules.some((rule) => ruleAllows(rule, wish));
}

function ruleAllows(rule: PolicyRule, wish: Wish): boolean {
  return (
    has(rule.verbs, wish.verb) &&
    has(rule.apiGroups, wish.group) &&
    hasResource(rule, wish) &&
    (rule.resourceNames.length === 0 || rule.resourceNames.includes(wish.name))
  );
}

function hasResource(rule: PolicyRule, { resource, subresource }: Pick<Wish, 'resource' | 'subresource'>) {
  return (
    has(rule.resources, resourceText({ resource, subresource })) ||
    (subresource !== '' && rule.resources.includes(`*/${subresource}`))
  );
}

function has(list: readonly string[], value: string): boolean {
  return list.includes('*') || list.includes(value);
}

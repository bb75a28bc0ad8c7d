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

/** Comparing more takes so long that everybody else would wait: what would need it counts as not covered. */
const comparisonsMax = 1_000_000;

/** How many single rights a rule gives: each verb on each resource of each group, of each name, and on each path. */
export function countSingleRights(rule: PolicyRule): number {
  const objects = rule.apiGroups.length * rule.resources.length * Math.max(1, rule.resourceNames.length);
  return rule.verbs.length * (objects + rule.nonResourceURLs.length);
}

/**
 * True when everything that `wanted` allows is allowed by `held` too: each single verb, group, resource, name and path of
 * it, as the API server checks before it lets somebody write a role. Never true beyond a million comparisons, which
 * no role that people write needs.
 */
export function rulesCover(held: readonly PolicyRule[], wanted: PolicyRule): boolean {
  const mayCompare = countSingleRights(wanted) * held.length <= comparisonsMax;
  if (!mayCompare)
    return wanted.nonResourceURLs.length === 0 && held.some((rule) => coversWhole(rule, wanted));
  const paths = wanted.nonResourceURLs.every((path) =>
    wanted.verbs.every((verb) => held.some((rule) => pathAllowed(rule, verb, path))),
  );
  return paths && singleRules(wanted).every((single) => held.some((rule) => ruleCovers(rule, single)));
}

/** One rule has all of it: no need to look at each single right. */
function coversWhole(rule: PolicyRule, { verbs, apiGroups, resources, resourceNames }: PolicyRule): boolean {
  return (
    verbs.every((verb) => has(rule.verbs, verb)) &&
    apiGroups.every((group) => has(rule.apiGroups, group)) &&
    resources.every((resource) => has(rule.resources, resource)) &&
    (rule.resourceNames.length === 0 ||
      (resourceNames.length > 0 && resourceNames.every((name) => rule.resourceNames.includes(name))))
  );
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

interface SingleRule {
  verb: string;
  group: string;
  resource: string;
  /** null is all names. */
  name: string | null;
}

function singleRules(rule: PolicyRule): SingleRule[] {
  const names = rule.resourceNames.length === 0 ? [null] : rule.resourceNames;
  return rule.verbs.flatMap((verb) =>
    rule.apiGroups.flatMap((group) =>
      rule.resources.flatMap((resource) => names.map((name) => ({ verb, group, resource, name }))),
    ),
  );
}

function ruleCovers(rule: PolicyRule, single: SingleRule): boolean {
  const part = single.resource.split('/')[1];
  return (
    has(rule.verbs, single.verb) &&
    has(rule.apiGroups, single.group) &&
    (has(rule.resources, single.resource) || (part !== undefined && rule.resources.includes(`*/${part}`))) &&
    (rule.resourceNames.length === 0 || (single.name !== null && rule.resourceNames.includes(single.name)))
  );
}

function pathAllowed(rule: PolicyRule, verb: string, path: string): boolean {
  return (
    has(rule.verbs, verb) &&
    rule.nonResourceURLs.some(
      (pattern) => pattern === path || (pattern.endsWith('*') && path.startsWith(pattern.slice(0, -1))),
    )
  );
}

function has(list: readonly string[], value: string): boolean {
  return list.includes('*') || list.includes(value);
}

import type { PolicyRule } from './rules.ts';

/** Beyond this many single permissions a set of rules is not taken apart: one request must not hold up all clusters. */
const permissionsMax = 50_000;

/** Thrown for rules that would take too long to compare. */
export class TooManyPermissions extends Error {}

/**
 * The permissions in `wanted` that no rule in `held` gives, each one as a rule of its own (upstream's
 * component-helpers/auth/rbac/validation). Throws `TooManyPermissions`.
 */
export function missingRules(held: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  const missing: PolicyRule[] = [];
  let budget = permissionsMax;
  for (const rule of wanted) {
    if (held.some((owner) => covers(owner, rule))) continue;
    budget -= sizeOf(rule);
    if (budget < 0)
      throw new TooManyPermissions('the rules hold too many permissions to be compared with your own');
    for (const part of breakDown(rule)) {
      if (!held.some((owner) => covers(owner, part))) missing.push(part);
    }
  }
  return missing;
}

/** Joins permissions on the same resource into one rule with many verbs. */
export function compactRules(rules: readonly PolicyRule[]): PolicyRule[] {
  const joined = new Map<string, PolicyRule>();
  const others: PolicyRule[] = [];
  for (const rule of rules) {
    const isSimple =
      rule.nonResourceURLs.length === 0 &&
      rule.apiGroups.length === 1 &&
      rule.resources.length === 1 &&
      rule.resourceNames.length <= 1;
    if (!isSimple) {
      others.push(rule);
      continue;
    }
    const key = JSON.stringify([rule.apiGroups, rule.resources, rule.resourceNames]);
    const verbs = [...(joined.get(key)?.verbs ?? []), ...rule.verbs];
    joined.set(key, { ...rule, verbs: [...new Set(verbs)] });
  }
  return [...joined.values(), ...others];
}

/** `{APIGroups:["apps"], Resources:["deployments"], Verbs:["get" "list"]}`, as upstream prints a rule. */
export function ruleText(rule: PolicyRule): string {
  const parts: readonly (readonly [string, readonly string[]])[] = [
    ['APIGroups', rule.apiGroups],
    ['Resources', rule.resources],
    ['NonResourceURLs', rule.nonResourceURLs],
    ['ResourceNames', rule.resourceNames],
    ['Verbs', rule.verbs],
  ];
  const texts = parts
    .filter(([, values]) => values.length > 0)
    .map(([name, values]) => `${name}:${listText(values)}`);
  return `{${texts.join(', ')}}`;
}

/** Go's `%q` of a list: `["a" "b"]`. */
export function listText(values: readonly string[]): string {
  return `[${values.map((value) => JSON.stringify(value)).join(' ')}]`;
}

function covers(owner: PolicyRule, rule: PolicyRule): boolean {
  return (
    hasAll(owner.verbs, rule.verbs) &&
    hasAll(owner.apiGroups, rule.apiGroups) &&
    rule.resources.every((resource) => coversResource(owner.resources, resource)) &&
    coversNames(owner.resourceNames, rule.resourceNames) &&
    rule.nonResourceURLs.every((url) => coversPath(owner.nonResourceURLs, url))
  );
}

function hasAll(owner: readonly string[], wanted: readonly string[]): boolean {
  return owner.includes('*') || wanted.every((value) => owner.includes(value));
}

function coversResource(owner: readonly string[], resource: string): boolean {
  if (owner.includes('*') || owner.includes(resource)) return true;
  const [, subresource] = resource.split('/');
  return subresource !== undefined && owner.includes(`*/${subresource}`);
}

function coversNames(owner: readonly string[], wanted: readonly string[]): boolean {
  if (owner.length === 0) return true;
  return wanted.length > 0 && wanted.every((name) => owner.includes(name));
}

function coversPath(owner: readonly string[], path: string): boolean {
  return owner.some((url) => url === path || (url.endsWith('*') && path.startsWith(url.replace(/\*+$/, ''))));
}

function sizeOf(rule: PolicyRule): number {
  const names = Math.max(1, rule.resourceNames.length);
  return (
    rule.verbs.length * (rule.apiGroups.length * rule.resources.length * names + rule.nonResourceURLs.length)
  );
}

function* breakDown(rule: PolicyRule): Generator<PolicyRule> {
  const none = { apiGroups: [], resources: [], resourceNames: [], nonResourceURLs: [] };
  for (const group of new Set(rule.apiGroups)) {
    for (const resource of new Set(rule.resources)) {
      for (const verb of new Set(rule.verbs)) {
        const single = { ...none, verbs: [verb], apiGroups: [group], resources: [resource] };
        if (rule.resourceNames.length === 0) yield single;
        for (const name of new Set(rule.resourceNames)) yield { ...single, resourceNames: [name] };
      }
    }
  }
  for (const url of new Set(rule.nonResourceURLs)) {
    for (const verb of new Set(rule.verbs)) yield { ...none, verbs: [verb], nonResourceURLs: [url] };
  }
}

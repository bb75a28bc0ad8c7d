import type { PolicyRule } from '@hexabase/contract/rules/policy-rule.ts';

/** How many single rights a rule gives: each verb on each resource of each group, of each name, and on each path. */
export function countSingleRights(rule: PolicyRule): number {
  const objects = rule.apiGroups.length * rule.resources.length * Math.max(1, rule.resourceNames.length);
  return rule.verbs.length * (objects + rule.nonResourceURLs.length);
}

/** In one decision; more would take so long that everybody else would wait. */
const comparisonsMax = 100_000;

/**
 * Answers of rules, one after another, whether `held` allows everything that they allow: each single verb, group,
 * resource, name and path, as the API server checks before it lets somebody write a role. One decision takes one of
 * these: after so many comparisons for all of its rules together nothing is covered any more, which no roles that
 * people write come near.
 */
export function coveredBy(held: readonly PolicyRule[]): (wanted: PolicyRule) => boolean {
  const search: Search = { ...indexed(held), left: comparisonsMax };
  return (wanted) => coversPaths(search, wanted) && coversObjects(search, wanted);
}

/** Held rules by what they are about. A map of its own for paths: a resource may be called as one is. */
interface HeldRules {
  byResource: ReadonlyMap<string, HeldRule[]>;
  byPath: ReadonlyMap<string, HeldRule[]>;
}

interface Search extends HeldRules {
  /** How many comparisons more there may be. */
  left: number;
}

interface HeldRule {
  verbs: ReadonlySet<string>;
  apiGroups: ReadonlySet<string>;
  resources: ReadonlySet<string>;
  resourceNames: ReadonlySet<string>;
}

function indexed(held: readonly PolicyRule[]): HeldRules {
  const byResource = new Map<string, HeldRule[]>();
  const byPath = new Map<string, HeldRule[]>();
  for (const rule of held) {
    const known = {
      verbs: new Set(rule.verbs),
      apiGroups: new Set(rule.apiGroups),
      resources: new Set(rule.resources),
      resourceNames: new Set(rule.resourceNames),
    };
    for (const resource of known.resources) append(byResource, resource, known);
    for (const path of new Set(rule.nonResourceURLs)) append(byPath, path, known);
  }
  return { byResource, byPath };
}

function append(rules: Map<string, HeldRule[]>, key: string, rule: HeldRule): void {
  const same = rules.get(key);
  if (same) same.push(rule);
  else rules.set(key, [rule]);
}

/** Whether one of the rules in these lists has it. */
function finds(
  search: Search,
  lists: readonly (readonly HeldRule[])[],
  has: (rule: HeldRule) => boolean,
): boolean {
  return lists.some((rules) =>
    rules.some((rule) => {
      search.left -= 1;
      return search.left >= 0 && has(rule);
    }),
  );
}

/** A path is allowed by itself, and by each beginning of it that ends with `*`. */
function coversPaths(search: Search, { verbs, nonResourceURLs }: PolicyRule): boolean {
  return nonResourceURLs.every((path) => {
    const beginnings = Array.from({ length: path.length + 1 }, (_, length) => `${path.slice(0, length)}*`);
    const lists = [...beginnings, path].flatMap((key) => listOf(search.byPath, key));
    return verbs.every((verb) => finds(search, lists, (rule) => hasOrAny(rule.verbs, verb)));
  });
}

function coversObjects(search: Search, wanted: PolicyRule): boolean {
  const { verbs, apiGroups, resources, resourceNames } = wanted;
  if (verbs.length === 0 || apiGroups.length === 0 || resources.length === 0) return true;
  const names = resourceNames.length === 0 ? [null] : resourceNames;
  // Mostly one rule has all of it: no need to look at each single right.
  const aboutFirst = keysOf(resources[0] ?? '').flatMap((key) => listOf(search.byResource, key));
  if (finds(search, aboutFirst, (rule) => coversWhole(rule, wanted))) return true;
  return resources.every((resource) => {
    const lists = keysOf(resource).flatMap((key) => listOf(search.byResource, key));
    return verbs.every((verb) =>
      apiGroups.every((group) =>
        names.every((name) =>
          finds(
            search,
            lists,
            (rule) => hasOrAny(rule.verbs, verb) && hasOrAny(rule.apiGroups, group) && coversName(rule, name),
          ),
        ),
      ),
    );
  });
}

/** None or one, to be put together without a copy. */
function listOf(rules: HeldRules['byPath'], key: string): (readonly HeldRule[])[] {
  const found = rules.get(key);
  return found ? [found] : [];
}

/** One rule has all of it. */
function coversWhole(rule: HeldRule, { verbs, apiGroups, resources, resourceNames }: PolicyRule): boolean {
  return (
    verbs.every((verb) => hasOrAny(rule.verbs, verb)) &&
    apiGroups.every((group) => hasOrAny(rule.apiGroups, group)) &&
    resources.every((resource) => keysOf(resource).some((key) => rule.resources.has(key))) &&
    (rule.resourceNames.size === 0 ||
      (resourceNames.length > 0 && resourceNames.every((name) => rule.resourceNames.has(name))))
  );
}

/** What a held rule may say of it: any resource, this one, or the part of any. */
function keysOf(resource: string): string[] {
  const part = resource.split('/')[1];
  return ['*', resource, ...(part === undefined ? [] : [`*/${part}`])];
}

/** A rule without names has all of them. */
function coversName({ resourceNames }: HeldRule, name: string | null): boolean {
  return resourceNames.size === 0 || (name !== null && resourceNames.has(name));
}

function hasOrAny(list: ReadonlySet<string>, value: string): boolean {
  return list.has('*') || list.has(value);
}

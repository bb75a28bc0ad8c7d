import type { KubeObject } from '../types.ts';
import { objectsOf, stringsOf } from './fields.ts';

/** `rbac.authorization.k8s.io/v1` PolicyRule with absent lists as empty ones. */
export interface PolicyRule {
  verbs: readonly string[];
  apiGroups: readonly string[];
  resources: readonly string[];
  resourceNames: readonly string[];
  nonResourceURLs: readonly string[];
}

/** What a request wants to do. */
export type Attributes = ResourceAttributes | PathAttributes;

export interface ResourceAttributes {
  verb: string;
  group: string;
  resource: string;
  /** '' for the resource itself. */
  subresource: string;
  /** '' for cluster-scoped requests and for requests over all namespaces. */
  namespace: string;
  /** '' when the request names no object. */
  name: string;
}

export interface PathAttributes {
  verb: string;
  /** A URL path outside the resource API, such as `/version`. */
  path: string;
}

/** The rules of one role, arranged so that a request looks at few of them. */
export interface CompiledRules {
  readonly rules: readonly PolicyRule[];
  readonly byResource: ReadonlyMap<string, readonly PolicyRule[]>;
  readonly withPaths: readonly PolicyRule[];
}

const compiled = new WeakMap<KubeObject, CompiledRules>();

/** The rules of a Role or ClusterRole. Remembered per object: base roles are compiled once for all clusters. */
export function compileRules(role: KubeObject): CompiledRules {
  const known = compiled.get(role);
  if (known) return known;
  const rules = parseRules(role['rules']);
  const byResource = new Map<string, PolicyRule[]>();
  for (const rule of rules) {
    for (const resource of new Set(rule.resources)) {
      const list = byResource.get(resource);
      if (list) list.push(rule);
      else byResource.set(resource, [rule]);
    }
  }
  const result = { rules, byResource, withPaths: rules.filter((rule) => rule.nonResourceURLs.length > 0) };
  compiled.set(role, result);
  return result;
}

/** Reads `rules` of a role as sent by a client. */
export function parseRules(rules: unknown): readonly PolicyRule[] {
  return objectsOf(rules).map((rule) => ({
    verbs: stringsOf(rule['verbs']),
    apiGroups: stringsOf(rule['apiGroups']),
    resources: stringsOf(rule['resources']),
    resourceNames: stringsOf(rule['resourceNames']),
    nonResourceURLs: stringsOf(rule['nonResourceURLs']),
  }));
}

/** True when one of the rules allows the request. */
export function rulesAllow(role: CompiledRules, request: Attributes): boolean {
  if ('path' in request) return role.withPaths.some((rule) => allowsPath(rule, request));
  const { resource, subresource } = request;
  const exact = subresource === '' ? resource : `${resource}/${subresource}`;
  if (someAllows(role.byResource.get(exact), request) || someAllows(role.byResource.get('*'), request))
    return true;
  return subresource !== '' && someAllows(role.byResource.get(`*/${subresource}`), request);
}

/** The non-resource URL patterns: exact, or a prefix when it ends in `*`. */
export function pathMatches(pattern: string, path: string): boolean {
  return pattern === path || (pattern.endsWith('*') && path.startsWith(pattern.replace(/\*+$/, '')));
}

function someAllows(rules: readonly PolicyRule[] | undefined, request: ResourceAttributes): boolean {
  return rules !== undefined && rules.some((rule) => allowsResource(rule, request));
}

function allowsResource(rule: PolicyRule, request: ResourceAttributes): boolean {
  return (
    includesOrAll(rule.verbs, request.verb) &&
    includesOrAll(rule.apiGroups, request.group) &&
    (rule.resourceNames.length === 0 || (request.name !== '' && rule.resourceNames.includes(request.name)))
  );
}

function allowsPath(rule: PolicyRule, request: PathAttributes): boolean {
  return (
    includesOrAll(rule.verbs, request.verb) &&
    rule.nonResourceURLs.some((url) => pathMatches(url, request.path))
  );
}

function includesOrAll(list: readonly string[], value: string): boolean {
  return list.includes(value) || list.includes('*');
}

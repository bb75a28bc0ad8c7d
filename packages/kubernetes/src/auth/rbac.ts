import type { ClusterStore } from '../store/store.ts';
import type { AuthorizationMode, UserInfo } from '../types.ts';
import { bindingIndexOf, subjectKeys, type Grant } from './binding-index.ts';
import { rulesAllow, type Attributes, type CompiledRules, type PolicyRule } from './rules.ts';

/** `reason` is upstream's text: which binding allowed it, or which bound role is missing. */
export interface Decision {
  allowed: boolean;
  reason: string;
}

/** Decides for one cluster. Reviews and escalation checks ask this, so that the cluster's mode holds everywhere. */
export interface Authorizer {
  /** For a signed-in user, who always is in `system:authenticated`. */
  authorize(user: UserInfo, request: Attributes): Decision;
  /** For exactly the given groups; SubjectAccessReview asks about users that need not be signed in. */
  judge(user: UserInfo, request: Attributes): Decision;
  /** All rules that a signed-in user holds in a namespace, cluster-wide ones included. */
  rulesFor(user: UserInfo, namespace: string): HeldRules;
}

export interface HeldRules {
  rules: readonly PolicyRule[];
  /** Roles that bindings name and that do not exist. */
  errors: readonly string[];
}

const everything: readonly PolicyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'], resourceNames: [], nonResourceURLs: [] },
  { verbs: ['*'], apiGroups: [], resources: [], resourceNames: [], nonResourceURLs: ['*'] },
];

/** The authorizer of a cluster in its mode. `mode` is asked each time: configuration may change while it is loaded. */
export function authorizerOf(store: ClusterStore, mode: () => AuthorizationMode): Authorizer {
  const judge = (user: UserInfo, request: Attributes): Decision =>
    mode() === 'AlwaysAllow' ? { allowed: true, reason: '' } : decide(store, user, request);
  return {
    judge,
    authorize: (user, request) => judge(withAuthenticatedGroup(user), request),
    rulesFor: (user, namespace) =>
      mode() === 'AlwaysAllow'
        ? { rules: everything, errors: [] }
        : rulesFor(store, withAuthenticatedGroup(user), namespace),
  };
}

/** RBAC for a request of a signed-in user, who always is in `system:authenticated`. */
export function authorize(store: ClusterStore, user: UserInfo, request: Attributes): Decision {
  return decide(store, withAuthenticatedGroup(user), request);
}

/** RBAC with exactly the given groups. */
export function decide(store: ClusterStore, user: UserInfo, request: Attributes): Decision {
  if (user.groups.includes('system:masters')) return { allowed: true, reason: '' };
  const namespace = 'path' in request ? '' : request.namespace;
  const missing: string[] = [];
  for (const [grant, role] of grantsOf(store, user, namespace)) {
    if (role === null) missing.push(missingRole(grant));
    else if (rulesAllow(role, request)) return { allowed: true, reason: `RBAC: allowed by ${grant.source}` };
  }
  return { allowed: false, reason: missing.length === 0 ? '' : `RBAC: ${joinErrors(missing)}` };
}

/** All rules that a user holds in a namespace ('' for cluster-wide only), in the order of their bindings. */
export function rulesFor(store: ClusterStore, user: UserInfo, namespace: string): HeldRules {
  if (user.groups.includes('system:masters')) return { rules: everything, errors: [] };
  const rules: PolicyRule[] = [];
  const errors = new Set<string>();
  for (const [grant, role] of grantsOf(store, user, namespace)) {
    if (role === null) errors.add(missingRole(grant));
    else rules.push(...role.rules);
  }
  return { rules, errors: [...errors] };
}

/** The user with `system:authenticated`, unless they are anonymous or already marked; as upstream's group adder does. */
export function withAuthenticatedGroup(user: UserInfo): UserInfo {
  const marked =
    user.groups.includes('system:authenticated') || user.groups.includes('system:unauthenticated');
  if (marked || user.username === 'system:anonymous') return user;
  return { ...user, groups: [...user.groups, 'system:authenticated'] };
}

function* grantsOf(
  store: ClusterStore,
  user: UserInfo,
  namespace: string,
): Generator<readonly [Grant, CompiledRules | null]> {
  const index = bindingIndexOf(store);
  const keys = subjectKeys(user.username, user.groups);
  for (const scope of namespace === '' ? [''] : ['', namespace]) {
    for (const key of keys) {
      for (const grant of index.grants(scope, key)) yield [grant, index.role(grant)];
    }
  }
}

function missingRole(grant: Grant): string {
  return `${grant.roleKind.toLowerCase()}.rbac.authorization.k8s.io ${JSON.stringify(grant.roleName)} not found`;
}

function joinErrors(messages: readonly string[]): string {
  const distinct = [...new Set(messages)];
  return distinct.length === 1 ? distinct.join('') : `[${distinct.join(', ')}]`;
}

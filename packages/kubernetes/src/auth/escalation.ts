import { StatusError } from '../api/status-error.ts';
import { sameJson } from '../api/registry/object.ts';
import type { ClusterStore } from '../store/store.ts';
import type { KubeObject, UserInfo } from '../types.ts';
import { compactRules, listText, missingRules, ruleText, TooManyPermissions } from './covers.ts';
import { fieldsOf, textOf } from './fields.ts';
import { forbiddenObject } from './forbidden.ts';
import { withAuthenticatedGroup, type Authorizer } from './rbac.ts';
import { parseRules, type PolicyRule } from './rules.ts';

const group = 'rbac.authorization.k8s.io';

const plurals: Readonly<Record<string, string>> = {
  Role: 'roles',
  ClusterRole: 'clusterroles',
  RoleBinding: 'rolebindings',
  ClusterRoleBinding: 'clusterrolebindings',
};

const fullAuthority: readonly PolicyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'], resourceNames: [], nonResourceURLs: [] },
  { verbs: ['*'], apiGroups: [], resources: [], resourceNames: [], nonResourceURLs: ['*'] },
];

/** A role or binding that somebody wants to write. */
export interface RoleWrite {
  store: ClusterStore;
  authorizer: Authorizer;
  user: UserInfo;
  object: KubeObject;
  /** The stored state; absent for a creation. */
  old?: KubeObject | undefined;
}

/**
 * Refuses role and binding writes by which a user would grant more than they hold, unless they have the verb `escalate`
 * (roles) or `bind` (bindings). Other kinds pass. Throws 403 in upstream's words, 404 for a binding to no role.
 */
export function checkEscalation(given: RoleWrite): void {
  const { object, old } = given;
  if (!object.apiVersion.startsWith(`${group}/`) || plurals[object.kind] === undefined) return;
  const write = { ...given, user: withAuthenticatedGroup(given.user) };
  if (write.user.groups.includes('system:masters')) return;
  if (old && changesOnlyLifecycle(object, old)) return;
  if (object.kind.endsWith('Binding')) checkBinding(write);
  else checkRole(write);
}

function checkRole(write: RoleWrite): void {
  const { object, authorizer, user } = write;
  if (
    mayUse(write, {
      verb: 'escalate',
      resource: plurals[object.kind] ?? '',
      name: write.old ? object.metadata.name : '',
    })
  )
    return;
  confirmHeld(write, parseRules(object['rules']));
  const aggregates = [object, write.old].some((role) => role?.['aggregationRule'] !== undefined);
  if (!aggregates || object.kind !== 'ClusterRole') return;
  const held = authorizer.rulesFor(user, '').rules;
  if (missingRules(held, fullAuthority).length > 0) {
    throw refusal(object, 'must have cluster-admin privileges to use the aggregationRule');
  }
}

function checkBinding(write: RoleWrite): void {
  const { object, store } = write;
  const roleRef = fieldsOf(object['roleRef']);
  const kind = textOf(roleRef['kind']);
  const name = textOf(roleRef['name']);
  const plural = kind === 'Role' ? 'roles' : 'clusterroles';
  if (mayUse(write, { verb: 'bind', resource: plural, name })) return;
  const namespace = homeOf(object);
  const role = store.get(`${group}/${plural}`, kind === 'Role' ? namespace : '', name);
  if (!role) {
    const singular = kind.toLowerCase();
    const details = { name, group, kind: singular };
    throw new StatusError(404, 'NotFound', {
      message: `${singular}.${group} ${JSON.stringify(name)} not found`,
      details,
    });
  }
  confirmHeld(write, parseRules(role['rules']));
}

/** The namespace whose rights count: a cluster-wide kind has none, whatever its metadata claims. */
function homeOf(object: KubeObject): string {
  return object.kind.startsWith('Cluster') ? '' : (object.metadata.namespace ?? '');
}

function mayUse(write: RoleWrite, what: { verb: string; resource: string; name: string }): boolean {
  const namespace = homeOf(write.object);
  return write.authorizer.authorize(write.user, { ...what, group, subresource: '', namespace }).allowed;
}

function confirmHeld({ authorizer, user, object }: RoleWrite, wanted: readonly PolicyRule[]): void {
  const held = authorizer.rulesFor(user, homeOf(object));
  const missing = missingOrRefuse(object, held.rules, wanted);
  if (missing.length === 0) return;
  const texts = [...new Set(compactRules(missing).map(ruleText))].toSorted();
  const who = `user ${JSON.stringify(user.username)} (groups=${listText(user.groups)})`;
  const errors = held.errors.length === 0 ? '' : `; resolution errors: [${held.errors.join(', ')}]`;
  throw refusal(
    object,
    `${who} is attempting to grant RBAC permissions not currently held:\n${texts.join('\n')}${errors}`,
  );
}

function missingOrRefuse(
  object: KubeObject,
  held: readonly PolicyRule[],
  wanted: readonly PolicyRule[],
): PolicyRule[] {
  try {
    return missingRules(held, wanted);
  } catch (error) {
    if (error instanceof TooManyPermissions) throw refusal(object, error.message);
    throw error;
  }
}

/**
 * Owners and finalizers may change without the rights of the role: garbage collection needs that. Only for a write that
 * names the revision it changes: otherwise it could bring back rules that were taken away in between.
 */
function changesOnlyLifecycle(object: KubeObject, old: KubeObject): boolean {
  if (object.metadata.resourceVersion !== old.metadata.resourceVersion) return false;
  const rest = ({ metadata, ...fields }: KubeObject) => {
    const { ownerReferences: _owners, finalizers: _finalizers, managedFields: _managed, ...kept } = metadata;
    return { ...fields, metadata: kept };
  };
  return sameJson(rest(object), rest(old));
}

function refusal(object: KubeObject, why: string): StatusError {
  return forbiddenObject({ group, resource: plurals[object.kind] ?? '' }, object.metadata.name, why);
}

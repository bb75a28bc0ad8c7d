import type { ClusterStore } from '../store/store.ts';
import type { KubeObject } from '../types.ts';
import { fieldsOf, objectsOf, textOf } from './fields.ts';
import { compileRules, type CompiledRules } from './rules.ts';

export const rolesResource = 'rbac.authorization.k8s.io/roles';
export const clusterRolesResource = 'rbac.authorization.k8s.io/clusterroles';
export const roleBindingsResource = 'rbac.authorization.k8s.io/rolebindings';
export const clusterRoleBindingsResource = 'rbac.authorization.k8s.io/clusterrolebindings';

/** One subject of one binding: who it speaks of and which role it gives. */
export interface Grant {
  readonly subjectKey: string;
  readonly roleKind: string;
  readonly roleName: string;
  /** Namespace of a RoleBinding; '' for a ClusterRoleBinding. */
  readonly namespace: string;
  /** `ClusterRoleBinding "x" of ClusterRole "y" to Group "z"`, upstream's words. */
  readonly source: string;
}

/** Grants by subject, for the whole cluster and per namespace; built on demand, dropped when a binding changes. */
export class BindingIndex {
  readonly #store: ClusterStore;
  readonly #namespaces = new Map<string, ReadonlyMap<string, readonly Grant[]>>();
  readonly #roles = new Map<string, CompiledRules | null>();

  constructor(store: ClusterStore) {
    this.#store = store;
    store.subscribe(clusterRoleBindingsResource, () => this.#namespaces.delete(''));
    store.subscribe(roleBindingsResource, (event) => this.#namespaces.delete(event.key.namespace));
    store.subscribe(clusterRolesResource, (event) => this.#roles.delete(roleKey('', event.key.name)));
    store.subscribe(rolesResource, (event) =>
      this.#roles.delete(roleKey(event.key.namespace, event.key.name)),
    );
  }

  /** The grants to one subject by ClusterRoleBindings (`namespace` '') or by the RoleBindings of a namespace. */
  grants(namespace: string, subjectKey: string): readonly Grant[] {
    let grants = this.#namespaces.get(namespace);
    if (!grants) {
      grants = this.#build(namespace);
      this.#namespaces.set(namespace, grants);
    }
    return grants.get(subjectKey) ?? [];
  }

  /** The rules of the role that a grant refers to; null when there is no such role. */
  role(grant: Grant): CompiledRules | null {
    const namespace = grant.roleKind === 'Role' ? grant.namespace : '';
    const key = roleKey(namespace, grant.roleName);
    const known = this.#roles.get(key);
    if (known !== undefined) return known;
    const resource = namespace === '' ? clusterRolesResource : rolesResource;
    const role = this.#store.get(resource, namespace, grant.roleName);
    const rules = role ? compileRules(role) : null;
    this.#roles.set(key, rules);
    return rules;
  }

  #build(namespace: string): ReadonlyMap<string, readonly Grant[]> {
    const bindings =
      namespace === ''
        ? this.#store.list(clusterRoleBindingsResource).items
        : this.#store.list(roleBindingsResource, { namespace }).items;
    const bySubject = new Map<string, Grant[]>();
    for (const grant of bindings.flatMap((binding) => grantsOf(binding, namespace))) {
      const list = bySubject.get(grant.subjectKey);
      if (list) list.push(grant);
      else bySubject.set(grant.subjectKey, [grant]);
    }
    return bySubject;
  }
}

const indexes = new WeakMap<ClusterStore, BindingIndex>();

/** The index of a store; made once and kept fresh by the store's events. */
export function bindingIndexOf(store: ClusterStore): BindingIndex {
  const known = indexes.get(store);
  if (known) return known;
  const index = new BindingIndex(store);
  indexes.set(store, index);
  return index;
}

/** The keys under which a user's grants are found: the name first, then the groups. */
export function subjectKeys(username: string, groups: readonly string[]): string[] {
  return [`user:${username}`, ...groups.map((group) => `group:${group}`)];
}

const grantsByBinding = new WeakMap<KubeObject, readonly Grant[]>();

function grantsOf(binding: KubeObject, namespace: string): readonly Grant[] {
  const known = grantsByBinding.get(binding);
  if (known) return known;
  const roleRef = fieldsOf(binding['roleRef']);
  const roleKind = textOf(roleRef['kind']);
  const roleName = textOf(roleRef['name']);
  const bindingName = namespace === '' ? binding.metadata.name : `${binding.metadata.name}/${namespace}`;
  const grants = objectsOf(binding['subjects']).flatMap((subject) => {
    const found = describeSubject(subject, namespace);
    if (!found) return [];
    const source = `${binding.kind} ${JSON.stringify(bindingName)} of ${roleKind} ${JSON.stringify(roleName)} to ${found.text}`;
    return [{ subjectKey: found.key, roleKind, roleName, namespace, source }];
  });
  grantsByBinding.set(binding, grants);
  return grants;
}

function describeSubject(subject: Readonly<Record<string, unknown>>, namespace: string) {
  const name = textOf(subject['name']);
  switch (subject['kind']) {
    case 'User':
      return { key: `user:${name}`, text: `User ${JSON.stringify(name)}` };
    case 'Group':
      return { key: `group:${name}`, text: `Group ${JSON.stringify(name)}` };
    case 'ServiceAccount': {
      const home = textOf(subject['namespace']) || namespace;
      if (home === '') return undefined;
      return {
        key: `user:system:serviceaccount:${home}:${name}`,
        text: `ServiceAccount ${JSON.stringify(`${name}/${home}`)}`,
      };
    }
    default:
      return undefined;
  }
}

function roleKey(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}

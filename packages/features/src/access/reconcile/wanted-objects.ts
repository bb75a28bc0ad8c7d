import { defaultKubernetesGroups } from '@hexabase/authz/effective-access.ts';
import { findPreset, presetRoles } from '@hexabase/authz/rules/presets.ts';
import type { WantedObject } from '@hexabase/cluster/ensure-object.ts';
import type { PolicyRule } from '@hexabase/contract/rules/policy-rule.ts';
import { customRoleName } from '../../roles/store.ts';
import type { AccessSubject, GivenInCluster } from './store.ts';

/** By this somebody who looks with kubectl knows who writes an object. */
const labels = { 'app.kubernetes.io/managed-by': 'hexabase' };
const apiVersion = 'rbac.authorization.k8s.io/v1';
const apiGroup = 'rbac.authorization.k8s.io';

/** Beginnings of names under which there is nothing but what we write; what is too much there is removed. */
export const ownedPrefixes = ['hexabase:role:', 'hexabase:assignment:'] as const;

/** ClusterRoles that every workspace has. */
export function presetClusterRoles(): WantedObject[] {
  return presetRoles.map((preset) => clusterRole(preset.clusterRole, preset.rules));
}

/** ClusterRoles of a workspace's own roles, by id; the name is told in an annotation. */
export function customClusterRoles({ roles }: Pick<AccessSubject, 'roles'>): WantedObject[] {
  return roles.map(({ id, name, rules }) =>
    clusterRole(customRoleName(id), rules, { 'hexabase.ai/role': name }),
  );
}

/** Who administers and who reads every workspace: the organization's own roles, and the workspace's default groups. */
export function defaultClusterBindings(groups: {
  admins: string | null;
  users: string | null;
}): WantedObject[] {
  const bound: readonly [string, 'admin' | 'viewer', string | null][] = [
    [defaultKubernetesGroups.admins, 'admin', groups.admins],
    [defaultKubernetesGroups.users, 'viewer', groups.users],
  ];
  return bound.map(([name, preset, groupId]) => ({
    ...clusterBinding(name, clusterRoleOf({ preset, roleId: null, project: null })),
    subjects: [name, ...(groupId === null ? [] : [`hexabase:group:${groupId}`])].map(groupSubject),
  }));
}

/** Roles that were given in the whole workspace. */
export function assignedClusterBindings({ assignments }: Pick<AccessSubject, 'assignments'>): WantedObject[] {
  return assignments
    .filter(({ project }) => project === null)
    .map((given) => ({
      ...clusterBinding(`hexabase:assignment:${given.id}`, clusterRoleOf(given)),
      subjects: [subjectOf(given)],
    }));
}

/** Bindings of one project: developers of the organization, and what was given there. */
export function projectBindings(
  project: string,
  { assignments }: Pick<AccessSubject, 'assignments'>,
): WantedObject[] {
  const given = assignments.filter((one) => one.project === project);
  return [
    developersBinding(project),
    ...given.map((one) => ({
      ...binding(project, `hexabase:assignment:${one.id}`, clusterRoleOf(one)),
      subjects: [subjectOf(one)],
    })),
  ];
}

/** Developers of the organization run software in every project. */
export function developersBinding(project: string): WantedObject {
  const name = defaultKubernetesGroups.developers;
  const role = clusterRoleOf({ preset: 'developer', roleId: null, project });
  return { ...binding(project, name, role), subjects: [groupSubject(name)] };
}

function clusterRole(
  name: string,
  rules: readonly PolicyRule[],
  annotations?: Record<string, string>,
): WantedObject {
  return {
    apiVersion,
    kind: 'ClusterRole',
    metadata: { name, labels, ...(annotations && { annotations }) },
    rules: rules.map(withoutEmptyLists),
  };
}

/** As the API server writes it back: what is empty is left out. */
function withoutEmptyLists(rule: PolicyRule): Partial<PolicyRule> {
  return Object.fromEntries(Object.entries(rule).filter(([, list]) => list.length > 0));
}

function clusterBinding(name: string, role: string): WantedObject {
  return {
    apiVersion,
    kind: 'ClusterRoleBinding',
    metadata: { name, labels },
    roleRef: { apiGroup, kind: 'ClusterRole', name: role },
  };
}

function binding(namespace: string, name: string, role: string): WantedObject {
  return {
    apiVersion,
    kind: 'RoleBinding',
    metadata: { name, namespace, labels },
    roleRef: { apiGroup, kind: 'ClusterRole', name: role },
  };
}

function clusterRoleOf({
  preset,
  roleId,
  project,
}: Pick<GivenInCluster, 'preset' | 'roleId' | 'project'>): string {
  if (preset === null) return customRoleName(roleId ?? '');
  return findPreset(project === null ? 'workspace' : 'project', preset)?.clusterRole ?? '';
}

/** Never an e-mail address: one that is used again would inherit what the first had. */
function subjectOf({ groupId, userId }: GivenInCluster) {
  return groupSubject(groupId === null ? `hexabase:user:${userId}` : `hexabase:group:${groupId}`);
}

function groupSubject(name: string) {
  return { apiGroup, kind: 'Group', name };
}

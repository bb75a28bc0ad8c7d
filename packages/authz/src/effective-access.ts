import type { PolicyRule } from '@hexabase/contract/rules/policy-rule.ts';
import type { OrganizationRole } from '@hexabase/kernel/actor.ts';
import { rulesAllow, type Wish } from './rules/allows.ts';
import { findPreset, type PresetRole } from './rules/presets.ts';

/** One step of the way from a person to a right. */
export type Link =
  | { kind: 'organization-role'; name: OrganizationRole }
  | { kind: 'group'; id: string; name: string }
  /** So many groups of a long chain that are not told one by one. */
  | { kind: 'groups-between'; count: number }
  | { kind: 'user'; id: string };

/** One role that somebody has somewhere, and why. */
export interface Grant {
  role: { id: string | null; name: string; scope: 'workspace' | 'project'; rules: readonly PolicyRule[] };
  /** `all`: every project of the workspace. Null: the workspace itself. */
  project: { id: string; name: string } | 'all' | null;
  /** From the person to what the role was given to; the last one is that. */
  through: readonly Link[];
  /** Group by which the cluster knows it. */
  kubernetesGroup: string;
}

/** Everything that somebody has in one workspace. */
export interface EffectiveAccess {
  userId: string;
  organizationRole: OrganizationRole;
  grants: readonly Grant[];
}

/** A wish with its place: a project by name, or null for the workspace as a whole. */
export interface PlacedWish extends Wish {
  project: string | null;
}

/** Group of each default of the product, bound in every workspace. */
export const defaultKubernetesGroups = {
  members: 'hexabase:ws-members',
  admins: 'hexabase:ws-admins',
  users: 'hexabase:ws-users',
  developers: 'hexabase:ws-developers',
} as const;

const defaultsOf: Readonly<
  Record<OrganizationRole, readonly [PresetRole['scope'], PresetRole['name'], string][]>
> = {
  owner: [['workspace', 'admin', defaultKubernetesGroups.admins]],
  admin: [['workspace', 'admin', defaultKubernetesGroups.admins]],
  developer: [
    ['workspace', 'viewer', defaultKubernetesGroups.users],
    ['project', 'developer', defaultKubernetesGroups.developers],
  ],
  viewer: [['workspace', 'viewer', defaultKubernetesGroups.users]],
  billing: [],
};

/**
 * What a role in the organization gives in each of its workspaces: owners and admins administer them, developers read
 * them and run software in every project, viewers read them.
 */
export function grantsOfOrganizationRole(name: OrganizationRole): Grant[] {
  return defaultsOf[name].map(([scope, preset, kubernetesGroup]) => ({
    role: { id: null, name: preset, scope, rules: findPreset(scope, preset)?.rules ?? [] },
    project: scope === 'project' ? 'all' : null,
    through: [{ kind: 'organization-role', name }],
    kubernetesGroup,
  }));
}

/** The grants that allow the wish; empty when it is refused. A workspace role reaches into every project. */
export function grantsAllowing(access: Pick<EffectiveAccess, 'grants'>, wish: PlacedWish): Grant[] {
  return access.grants.filter((grant) => reaches(grant, wish.project) && rulesAllow(grant.role.rules, wish));
}

/** Whether the wish is allowed. Takes microseconds: everything was loaded with the access. */
export function mayInWorkspace(access: Pick<EffectiveAccess, 'grants'>, wish: PlacedWish): boolean {
  return access.grants.some((grant) => reaches(grant, wish.project) && rulesAllow(grant.role.rules, wish));
}

/** All rules that somebody has in a project, or in the workspace as a whole. */
export function rulesHeld(access: Pick<EffectiveAccess, 'grants'>, project: string | null): PolicyRule[] {
  return access.grants.filter((grant) => reaches(grant, project)).flatMap((grant) => [...grant.role.rules]);
}

/** Groups of a token for the workspace: those that something is bound to there, and that of every member. */
export function kubernetesGroups({ grants }: EffectiveAccess): string[] {
  return [
    ...new Set([defaultKubernetesGroups.members, ...grants.map((grant) => grant.kubernetesGroup)]),
  ].sort();
}

function reaches({ project }: Grant, asked: string | null): boolean {
  if (project === null) return true;
  if (asked === null) return false;
  return project === 'all' || project.name === asked;
}

import type { PolicyRule } from '@hexabase/contract/rules/policy-rule.ts';
import type { OrganizationRole } from '@hexabase/kernel/actor.ts';
import { rulesAllow, type Wish } from './rules/allows.ts';
import { coveredBy } from './rules/covers.ts';
import { findPreset, presetRoles, type PresetRole } from './rules/presets.ts';

/** One step of the way from a person to a right. */
export type Link =
  | { kind: 'organization-role'; name: OrganizationRole }
  | { kind: 'group'; id: string; name: string }
  /** So many groups of a long chain that are not told one by one. */
  | { kind: 'groups-between'; count: number }
  | { kind: 'user'; id: string };

/** One role that somebody has somewhere, and why. */
export interface Grant {
  role: {
    id: string | null;
    name: string;
    scope: 'workspace' | 'project';
    /** The same list in all grants of the role: it can be long, and is known again by that. */
    rules: readonly PolicyRule[];
  };
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

/** The presets that give nothing beyond what a role in the organization gives in every workspace. */
export function presetsWithin(name: OrganizationRole): Record<PresetRole['scope'], PresetRole['name'][]> {
  const grants = grantsOfOrganizationRole(name);
  const within = (scope: PresetRole['scope'], held: readonly PolicyRule[]): PresetRole['name'][] =>
    presetRoles
      .filter((preset) => preset.scope === scope && preset.rules.every(coveredBy(held)))
      .map((preset) => preset.name);
  return {
    workspace: within('workspace', rulesHeld({ grants }, null)),
    project: within('project', rulesHeld({ grants }, 'any')),
  };
}

/** The grants that allow the wish; empty when it is refused. A workspace role reaches into every project. */
export function grantsAllowing(access: Pick<EffectiveAccess, 'grants'>, wish: PlacedWish): Grant[] {
  const allows = rolesAllowing(wish);
  return access.grants.filter((grant) => reaches(grant, wish.project) && allows(grant.role));
}

/** Whether the wish is allowed. Takes microseconds: everything was loaded with the access. */
export function mayInWorkspace(access: Pick<EffectiveAccess, 'grants'>, wish: PlacedWish): boolean {
  const allows = rolesAllowing(wish);
  return access.grants.some((grant) => reaches(grant, wish.project) && allows(grant.role));
}

/** Those of the given roles that allow the wish, whoever has them. */
export function givenAllowing<T extends Pick<Grant, 'role' | 'project'>>(
  given: readonly T[],
  wish: PlacedWish,
): T[] {
  const allows = rolesAllowing(wish);
  return given.filter((one) => reaches(one, wish.project) && allows(one.role));
}

/** Looks through the rules of a role once, however often it was given. */
function rolesAllowing(wish: Wish): (role: Grant['role']) => boolean {
  const known = new Map<Grant['role']['rules'], boolean>();
  return ({ rules }) => {
    const found = known.get(rules) ?? rulesAllow(rules, wish);
    known.set(rules, found);
    return found;
  };
}

/**
 * All rules that somebody has in a project, or in the workspace as a whole, those of a role once, however often it was
 * given. Those that every workspace has come first: mostly they decide, whatever else was given.
 */
export function rulesHeld(access: Pick<EffectiveAccess, 'grants'>, project: string | null): PolicyRule[] {
  const roles = access.grants.filter((grant) => reaches(grant, project)).map(({ role }) => role);
  const sorted = [...roles.filter(({ id }) => id === null), ...roles.filter(({ id }) => id !== null)];
  return [...new Set(sorted.map(({ rules }) => rules))].flat();
}

/**
 * How many groups a token carries. Each adds 72 bytes to a header that the token travels in; with 150 it has 12 KB, and web
 * servers (ours too) take 16 KB of headers in all, beyond which kubectl says nothing that a person could act on.
 */
export const tokenGroupsMax = 150;

/**
 * Groups of a token for the workspace: those that something is bound to there, and that of every member. Of whoever
 * administers the workspace, where there are too many, those that make them an administrator: the others add nothing.
 */
export function kubernetesGroups({ grants }: Pick<EffectiveAccess, 'grants'>): string[] {
  const all = groupsOf(grants);
  if (all.length <= tokenGroupsMax) return all;
  const administering = grants.filter(({ role, project }) => project === null && isWorkspaceAdmin(role));
  return administering.length > 0 ? groupsOf(administering).slice(0, tokenGroupsMax) : all;
}

function groupsOf(grants: readonly Grant[]): string[] {
  return [
    ...new Set([defaultKubernetesGroups.members, ...grants.map((grant) => grant.kubernetesGroup)]),
  ].sort();
}

function isWorkspaceAdmin({ id, scope, name }: Grant['role']): boolean {
  return id === null && scope === 'workspace' && name === 'admin';
}

function reaches({ project }: Pick<Grant, 'project'>, asked: string | null): boolean {
  if (project === null) return true;
  if (asked === null) return false;
  return project === 'all' || project.name === asked;
}
